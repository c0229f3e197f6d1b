#!/usr/bin/env python3
"""Writes the part of the chart's schema that describes the exporter's configuration, from the exporter's own keys.

    deploy/kubernetes/schema.py            writes $defs.config of msx-exporter/values.schema.json
    deploy/kubernetes/schema.py --check    says whether it is not as it would be written, and changes nothing

Needs Python 3.9 and what building the exporter needs, or a folder with a built one in MSX_BINARIES.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SCHEMA = HERE / "msx-exporter" / "values.schema.json"
sys.path.insert(0, str(ROOT))

from dashboards.src.layout import layout  # noqa: E402
from tests.lib.catalogue import catalogue  # noqa: E402

# The chart sets these itself, or they mean nothing in it.
LEFT_OUT = {"role", "master.address", "master.user", "master.password", "master.password_file", "master.ca_file", "master.only_if_local"}
SECTIONS_LEFT_OUT = {"local"}
CONTAINER = {
    "const": "sql",
    "description": "windows is NTLM with the account of a Windows service; there is none in a Linux container",
}
NAME = {"type": "string", "minLength": 1}
KINDS = {
    **dict.fromkeys(("text", "file", "address", "host", "zone", "instant"), NAME),
    # An empty pattern is one that matches the empty text alone.
    "pattern": {"type": "string"},
    "flag": {"type": "boolean"},
    "duration": {"$ref": "#/$defs/duration"},
    "count": {"$ref": "#/$defs/count"},
    "port": {"$ref": "#/$defs/port"},
    "names": {"type": "array", "items": NAME, "uniqueItems": True},
}
# What YAML makes of these words where they are not quoted.
SPOKEN = {"off": False, "true": True, "false": False}


def mapping(properties, more=False, required=()):
    return {"type": "object", "properties": properties, "additionalProperties": more} | ({"required": [*required]} if required else {})


def shape(key):
    """The schema of the value of a key, or of a field of a list's mappings."""
    if key["kind"] == "choice":
        return {"enum": [*key["values"], *(SPOKEN[word] for word in key["values"] if word in SPOKEN)]}
    if key["kind"] == "items":
        required = [field["name"] for field in key["fields"] if field["required"]]
        fields = {field["name"]: field_shape(field) for field in key["fields"]}
        return {"type": "array", "items": mapping(fields, {"type": "string"} if key["open"] else False, required)}
    if key["kind"] not in KINDS:
        sys.exit(f"{key['path']}: the chart has no schema for a key that takes {key['kind']}; add it to KINDS or LEFT_OUT")
    return KINDS[key["kind"]]


def field_shape(field):
    """As of a key; a pattern that picks targets is never empty, and a remark may be."""
    if field["kind"] == "text" and not field["required"]:
        return {"type": "string"}
    return NAME if field["kind"] == "pattern" else shape(field)


def config():
    root = mapping({})
    for key in catalogue()["keys"]:
        *sections, name = key["path"].split(".")
        if key["path"] in LEFT_OUT or sections and sections[0] in SECTIONS_LEFT_OUT:
            continue
        node = root
        for section in sections:
            node = node["properties"].setdefault(section, mapping({}))
        node["properties"][name] = CONTAINER if key["path"] == "master.auth" else shape(key)
    names = ", ".join([*sorted(LEFT_OUT), *(f"{section}.*" for section in sorted(SECTIONS_LEFT_OUT))])
    root["description"] = f"Written by deploy/kubernetes/schema.py: the exporter's keys, less {names}"
    return root


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    found = SCHEMA.read_text(encoding="utf-8")
    schema = json.loads(found)
    schema["$defs"]["config"] = config()
    text = layout(schema) + "\n"
    if check and text != found:
        sys.exit(f"{SCHEMA.relative_to(ROOT)} differs: run tests/generate")
    if text != found:
        print(f"{SCHEMA.relative_to(ROOT)} written")
        SCHEMA.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

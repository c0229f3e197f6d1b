"""What Kubernetes and the Prometheus operator say of their objects, from the schemas that they publish: a field that they
do not know, or of a wrong type, is a fault, as it is for the API server.

KUBERNETES and OPERATOR name the folders of their Go modules; tests/stages/kubernetes sets them.
"""

import functools
import json
import os
from pathlib import Path

import yaml

CRDS = "example/prometheus-operator-crd/monitoring.coreos.com_%s.yaml"
KINDS = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}


class Loader(yaml.CSafeLoader):
    """Refuses a key that stands twice."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key) for key, _ in node.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise ValueError(f"{node.start_mark}: twice in one mapping: {', '.join(map(str, twice))}")
        return super().construct_mapping(node, deep)


def crd(plural):
    """The file that defines a kind of the operator."""
    return Path(os.environ["OPERATOR"], CRDS % plural)


@functools.cache
def definitions():
    text = Path(os.environ["KUBERNETES"], "api/openapi-spec/swagger.json").read_text(encoding="utf-8")
    return json.loads(text)["definitions"]


@functools.cache
def schema(api_version, kind):
    """The schema of a kind; None where neither has it."""
    group, _, version = api_version.rpartition("/")
    if group == "monitoring.coreos.com":
        spec = yaml.load(crd(f"{kind.lower()}s").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["spec"]
        found = next((one["schema"]["openAPIV3Schema"] for one in spec["versions"] if one["name"] == version), None)
        meta = {"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
        return found and {**found, "properties": {**found["properties"], "metadata": meta}}
    wanted = {"group": group, "kind": kind, "version": version}
    return next((one for one in definitions().values() if wanted in one.get("x-kubernetes-group-version-kind", [])), None)


def faults(value, shape, path):
    """What is wrong with a value. An explicit null is a field that is not there."""
    if name := shape.get("$ref", "").rpartition("/")[2]:
        shape = definitions()[name]
    kinds = KINDS.get(shape.get("type"), object)
    if shape.get("x-kubernetes-int-or-string") or shape.get("format") == "int-or-string" or name.endswith(".Quantity"):
        kinds = (int, str)
    if value is None:
        return
    if not isinstance(value, kinds) or isinstance(value, bool) and kinds not in (bool, object):
        yield f"{path}: {value!r} is no {shape['type']}"
    elif isinstance(value, dict) and "properties" in shape:
        for key in sorted(value.keys() - shape["properties"].keys()):
            yield f"{path}.{key}: there is no such field"
        for key in shape.get("required", []):
            if value.get(key) is None:
                yield f"{path}.{key} is missing"
        for key in value.keys() & shape["properties"].keys():
            yield from faults(value[key], shape["properties"][key], f"{path}.{key}")
    elif isinstance(value, dict) and "additionalProperties" in shape:
        for key in value:
            yield from faults(value[key], shape["additionalProperties"], f"{path}.{key}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from faults(one, shape["items"], f"{path}[{number}]")
    elif "enum" in shape and value not in shape["enum"]:
        yield f"{path}: {value!r} is none of {', '.join(shape['enum'])}"


def of_object(one):
    shape = schema(one["apiVersion"], one["kind"])
    path = f"{one['kind']} {one['metadata']['name']}"
    return [f"{one['apiVersion']} {path}: there is no such kind"] if shape is None else list(faults(one, shape, path))

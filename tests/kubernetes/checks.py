"""Checks of a rendered chart. Each takes the chart's folder or archive and answers a list of faults, empty when all is well."""

import json
import os
import re
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.kubernetes import schema
from tests import ROOT
from tests.lib.programs import program

from . import chart as it
from . import references, types

FOLDERS = ("/run/secrets/msx_exporter", "/etc/msx_exporter")


def each_case(chart):
    """Each case with its manifests; a case that helm refuses is a fault of every check."""
    for values in it.CASES:
        yield values.stem, it.rendered(chart, values)


def lint(chart):
    faults = []
    for values in it.CASES:
        answer = it.helm("lint", "--strict", chart, "--values", values)
        if answer.returncode:
            faults.append(f"{values.stem}: {answer.stdout.strip()} {answer.stderr.strip()}")
    return faults


def objects(chart):
    """Every manifest fits the schema of its kind, none says a thing twice, and all refer to what is there."""
    faults = []
    for name, text in each_case(chart):
        try:
            found = [one for one in yaml.load_all(text, Loader=types.Loader) if one]
        except ValueError as twice:
            faults.append(f"{name}: {twice}")
            continue
        wrong = [fault for one in found for fault in types.of_object(one)]
        # Where a field is not what it should be, the next questions cannot be asked.
        faults += [f"{name}: {fault}" for fault in wrong or references.of_release(found)]
    return faults


def refused(chart):
    """Each values file of refused/ is refused, with the words in its first line."""
    faults = []
    for values in it.REFUSED:
        words = values.read_text().splitlines()[0].removeprefix("# ")
        answer = it.template(chart, values)
        if not answer.returncode:
            faults.append(f"{values.stem} is taken")
        elif words not in answer.stderr:
            faults.append(f"{values.stem} is refused, but not with the words {words}: {answer.stderr.strip()}")
    return faults


def authority():
    """A certificate as PEM, to stand where a CA file is mounted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(timezone.utc)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(1))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def lay(folder, pod, maps, pem):
    """Lays the files of a pod's volumes below a folder, and leads the paths in its configuration there."""
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    for volume in pod["volumes"]:
        place = Path(folder + mounts[volume["name"]])
        place.mkdir(parents=True, exist_ok=True)
        source = volume.get("secret") or volume["configMap"]
        for item in source.get("items", []):
            (place / item["path"]).write_bytes(pem if volume["name"] == "ca" else b"secret-of-the-test\n")
        if volume["name"] == "config":
            for file, words in maps[source["name"]].items():
                for path in FOLDERS:
                    words = words.replace(path, folder + path)
                (place / file).write_text(words)


def configuration(chart):
    """The real exporter takes each configuration, with the files where the Deployment mounts them; no secret is in it."""
    faults, seen, pem = [], 0, authority()
    for name, text in each_case(chart):
        found = it.documents(text)
        maps = {one["metadata"]["name"]: one["data"] for one in found if one["kind"] == "ConfigMap"}
        for deployment in (one for one in found if one["kind"] == "Deployment"):
            seen += 1
            where = f"{name}: {deployment['metadata']['name']}"
            pod = deployment["spec"]["template"]["spec"]
            with tempfile.TemporaryDirectory(prefix="msx") as folder:
                lay(folder, pod, maps, pem)
                flag = next(word for word in pod["containers"][0]["args"] if word.startswith("--config.file="))
                answer = it.run(program("msx_exporter"), "check-config", "--config.file=" + folder + flag.split("=")[1])
                if answer.returncode:
                    faults.append(f"{where}: {answer.stdout.strip()} {answer.stderr.strip()}")
                elif "SQL login" not in answer.stdout or "password from a file" not in answer.stdout:
                    faults.append(f"{where}: no SQL login with its password from a file: {answer.stdout}")
        for one in found:
            secret = re.search(r"secret-of-the-test|quoted", json.dumps(one))
            if secret and one["kind"] != "PrometheusRule":
                faults.append(f"{name}: {one['kind']} {one['metadata']['name']} holds the password")
    if seen < 5:
        faults.append(f"only {seen} configurations were seen")
    return faults


def answered(url, server, deadline):
    """The status of the first answer, or why there is none."""
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    return "no answer"


def probes(chart):
    """The exporter, started with the Deployment's own flags, answers where probes and ServiceMonitor ask, without a master.

    Left out are the web configuration, whose files the cases do not hold, and addresses of this machine's network.
    """
    faults, seen, pem = [], 0, authority()
    for name, text in each_case(chart):
        found = it.documents(text)
        maps = {one["metadata"]["name"]: one["data"] for one in found if one["kind"] == "ConfigMap"}
        deployment = next((one for one in found if one["kind"] == "Deployment"), None)
        if deployment is None:
            continue
        pod = deployment["spec"]["template"]["spec"]
        container = pod["containers"][0]
        asked = {container[probe].get("httpGet", {}).get("path") for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
        asked |= {one["spec"]["endpoints"][0]["path"] for one in found if one["kind"] == "ServiceMonitor"}
        with tempfile.TemporaryDirectory(prefix="msx") as folder, socket.socket() as free:
            lay(folder, pod, maps, pem)
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
            free.close()
            left_out = ("--web.listen-address", "--web.config.file")
            flags = [word.replace("=/etc", f"={folder}/etc") for word in container["args"] if not word.startswith(left_out)]
            words = [program("msx_exporter"), *flags, f"--web.listen-address=127.0.0.1:{port}"]
            with open(Path(folder) / "log", "w") as log, subprocess.Popen(words, stdout=log, stderr=log) as server:
                try:
                    for path in asked - {None}:
                        seen += 1
                        status = answered(f"http://127.0.0.1:{port}{path}", server, time.monotonic() + 30)
                        if status != 200:
                            said = (Path(folder) / "log").read_text()
                            faults.append(f"{name}: {path}: {status} {said}")
                finally:
                    server.terminate()
    return faults if seen >= 8 else [*faults, f"only {seen} paths were asked"]


def rules(chart):
    """The rules are those of alerts/, less what the values leave out, with the values' addresses; promtool takes them."""
    source = yaml.safe_load((ROOT / "alerts/kubernetes/prometheusrule.yaml").read_text())["spec"]["groups"]
    faults, seen = [], 0
    for name, text in each_case(chart):
        for rule in (one for one in it.documents(text) if one["kind"] == "PrometheusRule"):
            seen += 1
            asked = yaml.safe_load((it.HERE / "cases" / f"{name}.yaml").read_text())["prometheusRule"]
            wanted = json.loads(json.dumps(source))
            for group in wanted:
                group["rules"] = [one for one in group["rules"] if one.get("alert") not in asked.get("disabled", [])]
                for notes in (one["annotations"] for one in group["rules"] if "alert" in one):
                    if "runbooks" in asked:
                        page = notes["runbook_url"].rsplit("/", 1)[1]
                        notes["runbook_url"] = asked["runbooks"].rstrip("/") + "/" + page
                    if "grafana" in asked:
                        notes["dashboard_url"] = asked["grafana"].rstrip("/") + notes["dashboard_url"]
            if rule["spec"]["groups"] != wanted:
                faults.append(f"{name}: the rules are not those of alerts/ with the values' changes")
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                yaml.safe_dump(rule["spec"], file)
                file.flush()
                answer = it.run("promtool", "check", "rules", file.name)
            if answer.returncode:
                faults.append(f"{name}: {answer.stdout} {answer.stderr}")
    return faults if seen == 2 else [*faults, f"{seen} cases have rules, not 2"]


def dashboards(chart):
    """One ConfigMap for each page of dashboards/, the same to the byte, with the sidecar's label, small enough."""
    pages = {path.name: path.read_text() for path in (ROOT / "dashboards").glob("*.json")}
    faults, seen = [], 0
    for name, text in each_case(chart):
        maps = [one for one in it.documents(text) if one["kind"] == "ConfigMap" and "msx_exporter.yml" not in one["data"]]
        seen += bool(maps)
        if maps and {file: text for one in maps for file, text in one["data"].items()} != pages:
            faults.append(f"{name}: the pages are not those of dashboards/")
        for one in maps:
            if len(one["data"]) != 1 or len(json.dumps(one)) >= 1 << 20:
                faults.append(f"{name}: {one['metadata']['name']} is not one page under 1 MiB")
            if one["metadata"]["labels"].get("grafana_dashboard") != "1":
                faults.append(f"{name}: {one['metadata']['name']} lacks the sidecar's label")
    return faults if seen == 2 else [*faults, f"{seen} cases have dashboards, not 2"]


def keys(chart):
    """The schema of the exporter's configuration is the one that its keys give."""
    wanted = schema.config()
    found = json.loads((Path(chart) / "values.schema.json").read_text())["$defs"]["config"]

    def leaves(node, path=()):
        below = [leaves(one, (*path, key)) for key, one in node.get("properties", {}).items()]
        return {".".join(path): json.dumps(node, sort_keys=True)} if not below else {key: one for each in below for key, one in each.items()}

    ours, theirs = leaves(found), leaves(wanted)
    differing = sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key))
    faults = [f"the schema of {key} is not that of the exporter's key; run deploy/kubernetes/schema.py" for key in differing]
    return faults or ([] if found == wanted else ["the schema of config is not as deploy/kubernetes/schema.py writes it"])


def documented(chart):
    """The chart's README has a line for each value of the top and its children, and names no other."""
    values = yaml.safe_load((Path(chart) / "values.yaml").read_text())
    schema = json.loads((Path(chart) / "values.schema.json").read_text())
    wanted = set()
    for key, value in values.items():
        shape = schema["properties"][key]
        shape = schema["$defs"][shape["$ref"].rsplit("/", 1)[1]] if "$ref" in shape else shape
        fixed = "properties" in shape and value and key != "resources"
        wanted |= {f"{key}.{child}" for child in value} if fixed else {key}
    table = set(re.findall(r"^\| `([\w.]+)` \|", (Path(chart) / "README.md").read_text(), re.MULTILINE))
    return [f"{key} stands in one of values.yaml and README.md only" for key in sorted(wanted ^ table)]

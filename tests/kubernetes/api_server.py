"""The chart installed, upgraded and removed by helm in a real API server, where namespaces enforce and warn of the Pod Security
level `restricted`. There are no controllers and no nodes: each pod template of a release is submitted as the pod that a
controller would make of it.

    unshare --net --mount python3 -m tests.kubernetes.api_server

A warning is a fault, as a refusal is. HELM and OPERATOR as for the other checks; etcd, kube-apiserver and kubectl stand
next to HELM.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from tests.lib.namespaces import refuse_the_machine
from tests.lib.processes import wait

from . import chart as it
from . import types

TOOLS = Path(os.environ["HELM"]).parent
ETCD, SERVER, TOKEN = "http://127.0.0.1:2379", "https://127.0.0.1:6443", "token-of-the-test"
NAMESPACES = ("db", "monitoring")
# Up from the least to everything, over to each other shape, and back.
WAY = ("minimal", "everything", "several", "authenticated", "nothing", "minimal")
# What the cases name and nothing of the chart makes.
GIVEN = [
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "other", "namespace": "db"}},
    {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "monitoring"}, "value": 1000},
    *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {
        f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}}} for name in NAMESPACES),
]  # fmt: skip
# File, what stands there, what is put in its place: what no schema tells, the API server must complain of.
MUTANTS = [
    ("templates/deployment.yaml", 'hasKey . "labelSelector"', "true"),
    ("templates/_helpers.tpl", "- name: login\n  mountPath", "- name: gone\n  mountPath"),
    ("templates/_helpers.tpl", 'msx-exporter/master: {{ .name }}', 'msx-exporter/master: "{{ .name }}!"'),
    ("values.yaml", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"),
    ("values.yaml", "runAsNonRoot: true", "runAsNonRoot: false"),
    ("values.schema.json", '"pathType": {"enum": ["Prefix", ', '"pathType": {"enum": ["prefix", "Prefix", '),
]


class ApiServer:
    """etcd and kube-apiserver in a folder of their own, as a context."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="msx-api-server-"))
        self.running = []

    def start(self, name, *words):
        with open(self.folder / f"{name}.log", "w") as log:
            self.running.append(subprocess.Popen([TOOLS / name, *words], stdout=log, stderr=log))

    def __enter__(self):
        key = self.folder / "account.key"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        (self.folder / "tokens").write_text(f"{TOKEN},test,test,system:masters\n")
        self.start("etcd", "--data-dir", self.folder / "etcd", "--unsafe-no-fsync", "--log-level=error")
        self.start(
            "kube-apiserver", f"--etcd-servers={ETCD}", "--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=RBAC",
            f"--cert-dir={self.folder}/certificates", f"--token-auth-file={self.folder}/tokens", f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}", f"--service-account-issuer={SERVER}", "--bind-address=127.0.0.1",
            "--advertise-address=192.0.2.1", "--endpoint-reconciler-type=none",
        )  # fmt: skip
        cluster = {"name": "test", "cluster": {"server": SERVER, "insecure-skip-tls-verify": True}}
        config = {"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "current-context": "test",
                  "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                  "users": [{"name": "test", "user": {"token": TOKEN}}]}  # fmt: skip
        (self.folder / "config").write_text(yaml.safe_dump(config))
        os.environ["KUBECONFIG"] = str(self.folder / "config")
        os.environ["HOME"] = str(self.folder)
        return self

    def ready(self):
        if any(process.poll() is not None for process in self.running):
            raise RuntimeError("etcd or kube-apiserver ended")
        return kubectl("get", "--raw", "/readyz").returncode == 0

    def __exit__(self, kind, *_):
        for process in reversed(self.running):
            process.kill()
            process.wait()
        if kind:
            for log in self.folder.glob("*.log"):
                print(f"--- the end of {log.name}\n{log.read_text(errors='replace')[-3000:]}")
        shutil.rmtree(self.folder, ignore_errors=True)


def kubectl(*words, given=None):
    return it.run(TOOLS / "kubectl", *words, given=given)


def complaints(what, answer):
    """Why a program failed, or what it warned of: the API server's warnings reach its standard error. Links of the chart
    are helm's own remark."""
    said = [line for line in answer.stderr.splitlines() if line and "found symbolic link" not in line]
    failed = [f"ended with {answer.returncode}: {answer.stdout.strip()}"] if answer.returncode else []
    return [f"{what}: {line}" for line in failed + said]


def taken(what, objects, *words):
    """Submits objects; the faults."""
    text = "\n---\n".join(json.dumps(one) for one in objects)
    if not text:
        return []
    return complaints(what, kubectl("apply", "--server-side", "--validate=strict", "--filename=-", *words, given=text))


def held(kind):
    return json.loads(kubectl("get", kind, "--all-namespaces", "--output=json").stdout)["items"]


def of_helm():
    """Every object that carries the release's label, by kind and name."""
    kinds = "deployments,services,configmaps,secrets,serviceaccounts,networkpolicies,poddisruptionbudgets,ingresses," \
        "servicemonitors,prometheusrules,scrapeconfigs"  # fmt: skip
    return {(one["kind"], one["metadata"]["name"]) for one in held(kinds)
            if one["metadata"].get("labels", {}).get("app.kubernetes.io/instance") == "rel"}  # fmt: skip


def pods(text):
    """The pods of Deployments, as a controller would make them, and those of `helm test`: never stored, but admitted."""
    for one in it.documents(text):
        if one["kind"] == "Pod":
            yield one
        elif one["kind"] == "Deployment":
            template = one["spec"]["template"]
            named = {**template["metadata"], "name": f"{one['metadata']['name']}-pod", "namespace": "db"}
            yield {"apiVersion": "v1", "kind": "Pod", "metadata": named, "spec": template["spec"]}


def shape(chart, case, command):
    """Faults of one case, installed or upgraded to. What stands afterwards is exactly what was rendered."""
    values = it.HERE / "cases" / f"{case}.yaml"
    text = it.rendered(chart, values)
    manifests = [one for one in it.documents(text) if one["kind"] != "Pod"]
    faults = taken(f"{case}, each manifest strictly", manifests, "--dry-run=server", "--force-conflicts")
    faults += complaints(f"{case}, helm {command}", it.helm(command, "rel", chart, "--namespace", "db", "--values", values))
    faults += taken(f"{case}, its pods", pods(text), "--dry-run=server")
    wanted = {(one["kind"], one["metadata"]["name"]) for one in manifests}
    if not faults and (found := of_helm()) != wanted:
        faults.append(f"{case}: rendered and not there, or there and not rendered: {sorted(found ^ wanted)}")
    return faults


def removed():
    faults = complaints("helm uninstall", it.helm("uninstall", "rel", "--namespace", "db"))
    return faults + [f"helm uninstall leaves {left}" for left in sorted(of_helm())]


def unnoticed():
    """Mutants that nothing complained of, each installed in the shape with everything on."""
    for file, old, new in MUTANTS:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "msx-exporter"
            shutil.copytree(it.CHART, copy)
            text = (copy / file).read_text()
            (copy / file).write_text(text.replace(old, new))
            if file.endswith(".json"):
                case = copy / "values.yaml"
                case.write_text(case.read_text().replace("pathType: Prefix", "pathType: prefix"))
            if old not in text or not shape(copy, "everything", "upgrade"):
                yield f"{file}: {old} → {new}: " + ("nothing to break" if old not in text else "the API server takes it")


def main():
    refuse_the_machine()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with ApiServer() as server:
        wait("the API server is ready", server.ready, 240)
        crds = [yaml.load(types.crd(name).read_text(), Loader=yaml.CSafeLoader)
                for name in ("servicemonitors", "prometheusrules", "scrapeconfigs")]  # fmt: skip
        faults = taken("the namespaces", reversed(GIVEN)) + taken("the operator's kinds", crds)
        # A definition that is new has no condition yet, which kubectl calls an error.
        established = ("wait", "--for=condition=Established", "--timeout=5s", "crd", "--all")
        wait("the operator's kinds are served", lambda: kubectl(*established).returncode == 0, 60)
        for number, case in enumerate(WAY):
            found = shape(it.CHART, case, "upgrade" if number else "install")
            print(f"{'upgraded to' if number else 'installed:'} {case}: {len(of_helm())} objects, {len(found)} complaints")
            faults += found
        faults += [f"a mutant: {words}" for words in unnoticed()]
        faults += removed()
    return "\n".join(faults) or 0


if __name__ == "__main__":
    sys.exit(main())

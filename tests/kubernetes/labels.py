"""A real Prometheus applies the ServiceMonitor's relabelings to targets as Kubernetes would show them.

The operator itself takes no part: what it puts in front of our relabelings is written here from its documentation.
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import yaml

from . import chart as it

# The operator's own, as far as they set labels.
BEFORE = [
    {"source_labels": [f"__meta_kubernetes_{source}"], "target_label": label}
    for source, label in [
        ("namespace", "namespace"), ("service_name", "service"), ("pod_name", "pod"), ("pod_container_name", "container"),
        ("service_name", "job"), ("endpoint_port_name", "endpoint"),
    ]
]
NAMES = {"sourceLabels": "source_labels", "targetLabel": "target_label"}


def targets(service, pod):
    meta = {f"__meta_kubernetes_service_label_{key.translate(str.maketrans('./-', '___'))}": value
            for key, value in service["metadata"]["labels"].items()}
    meta |= {"__meta_kubernetes_namespace": "db", "__meta_kubernetes_service_name": service["metadata"]["name"],
             "__meta_kubernetes_pod_name": pod, "__meta_kubernetes_pod_container_name": "exporter",
             "__meta_kubernetes_endpoint_port_name": "web"}
    return meta


def seen(port, deadline):
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/targets", timeout=5) as answer:
                active = json.load(answer)["data"]["activeTargets"]
            if active:
                return [one["labels"] for one in active]
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.05)
    sys.exit("Prometheus showed no target within its time")


def main():
    found = it.documents(it.rendered(it.CHART, it.HERE / "cases/everything.yaml"))
    monitor = next(one for one in found if one["kind"] == "ServiceMonitor")
    service = next(one for one in found if one["kind"] == "Service")
    ours = [{NAMES.get(key, key): value for key, value in one.items()} for one in monitor["spec"]["endpoints"][0]["relabelings"]]
    with socket.socket() as free, socket.socket() as closed:
        free.bind(("127.0.0.1", 0))
        closed.bind(("127.0.0.1", 0))
        port, closed_address = free.getsockname()[1], f"127.0.0.1:{closed.getsockname()[1]}"
        free.close()
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "prometheus.yml"
            config.write_text(yaml.safe_dump({"scrape_configs": [{
                "job_name": "serviceMonitor/monitoring/msx/0", "relabel_configs": BEFORE + ours,
                "static_configs": [{"targets": [closed_address], "labels": targets(service, "msx-msx01-6d5f")}]}]}))
            words = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
                     f"--web.listen-address=127.0.0.1:{port}"]
            with open(Path(folder) / "log", "w") as log, subprocess.Popen(words, stdout=log, stderr=log) as server:
                try:
                    labels = seen(port, time.monotonic() + 30)
                finally:
                    server.terminate()
    wanted = [{"job": "msx", "instance": "msx01", "namespace": "db", "service": "msx-msx01", "site": "hamburg"}]
    if labels != wanted:
        return f"the labels of the scrape are {labels}, not {wanted}"
    return 0


if __name__ == "__main__":
    sys.exit(main())

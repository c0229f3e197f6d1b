"""Loads the dashboards into a real Grafana, reads them back and sends every query through it. Tried on none here.

    GRAFANA_URL=http://admin:admin@localhost:3000 python3 -m tests.dashboards.server
    GRAFANA_URL=https://grafana.example GRAFANA_TOKEN=… GRAFANA_DATASOURCE=uid python3 -m tests.dashboards.server

Needs a login that may write dashboards, and a Prometheus data source with data of the exporter (the first one, unless
GRAFANA_DATASOURCE names it). Works on copies, whose uids end in -test, and deletes them. Without GRAFANA_URL it says
that it was skipped, and that is all.
"""

import base64
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from tests.lib.processes import wait

from .grafana import Page, dashboards, panels, variables

SUFFIX = "-test"


class Server:
    def __init__(self, url, token):
        parts = urllib.parse.urlsplit(url)
        self.base = urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")
        self.headers = {"Content-Type": "application/json"}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        elif parts.username:
            login = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
            self.headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"

    def call(self, method, path, body=None):
        """The status and what came with it; 0 where nothing listens."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.base}{path}", data, self.headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            try:
                return error.code, json.loads(text)
            except ValueError:
                return error.code, {"message": text[:300]}
        except OSError as error:
            return 0, {"message": str(error)}


def datasource(server):
    if uid := os.environ.get("GRAFANA_DATASOURCE"):
        return uid
    status, found = server.call("GET", "/api/datasources")
    if status != 200:
        sys.exit(f"the data sources cannot be read: {status} {found.get('message')}")
    of_prometheus = [source["uid"] for source in found if source["type"] == "prometheus"]
    if not of_prometheus:
        sys.exit("there is no data source of the type prometheus; name one in GRAFANA_DATASOURCE")
    return of_prometheus[0]


def loaded(server, dashboard):
    """Loads a copy, reads it back, and yields what is missing of it."""
    uid = dashboard["uid"] + SUFFIX
    copy = dashboard | {"uid": uid, "title": dashboard["title"] + SUFFIX}
    status, answer = server.call("POST", "/api/dashboards/db", {"dashboard": copy, "overwrite": True})
    if status != 200:
        yield f"not loaded: {status} {answer.get('message')}"
        return
    status, answer = server.call("GET", f"/api/dashboards/uid/{uid}")
    back = answer.get("dashboard", {})
    if status != 200 or not back:
        yield f"not read back: {status} {answer.get('message')}"
        return
    if back.get("schemaVersion", 0) < dashboard["schemaVersion"]:
        yield f"came back as schemaVersion {back.get('schemaVersion')}"
    ours, theirs = ({panel["title"] for panel in panels(page)} for page in (dashboard, back))
    if ours != theirs:
        yield f"other panels came back: {sorted(ours ^ theirs)}"
    ours, theirs = ({item["name"] for item in page["templating"]["list"]} for page in (dashboard, back))
    if ours != theirs:
        yield f"other variables came back: {sorted(ours ^ theirs)}"


def queried(server, source, dashboard, target):
    """Sends every query, and yields the errors."""
    end = time.time()
    page = Page(dashboard, end - 6 * 3600, end)
    for variable in variables(dashboard):
        page.choose(variable, ["$__all"] if variable["multi"] else target, [target])
    for panel in panels(dashboard):
        if not panel.get("targets"):
            continue
        queries = [
            query
            | {
                "expr": page.fill(query["expr"]),
                "datasource": {"type": "prometheus", "uid": source},
                "intervalMs": 1000 * page.step,
                "maxDataPoints": 1000,
            }
            for query in panel["targets"]
        ]
        body = {"queries": queries, "from": str(int(1000 * page.start)), "to": str(int(1000 * end))}
        status, answer = server.call("POST", "/api/ds/query", body)
        if not answer.get("results"):
            yield f"{panel['title']}: {status} {answer.get('message')}"
        for ref, result in answer.get("results", {}).items():
            if result.get("error"):
                yield f"{panel['title']} {ref}: {result['error']}"


def main():
    url = os.environ.get("GRAFANA_URL")
    if not url:
        print("skipped: GRAFANA_URL names no Grafana server")
        return
    server = Server(url, os.environ.get("GRAFANA_TOKEN"))
    try:
        wait(f"{server.base} answers", lambda: server.call("GET", "/api/health")[0] == 200, 60)
    except TimeoutError as error:
        sys.exit(str(error))
    source = datasource(server)
    path = f"/api/datasources/uid/{source}/resources/api/v1/label/target/values?match[]=msx_target_enlisted"
    status, names = server.call("GET", path)
    if status != 200 or not names.get("data"):
        sys.exit(f"the data source {source} knows no target: {status} {names.get('message', '')}")
    failed = 0
    for uid, dashboard in dashboards().items():
        try:
            faults = [*loaded(server, dashboard), *queried(server, source, dashboard, names["data"][0])]
        finally:
            server.call("DELETE", f"/api/dashboards/uid/{uid}{SUFFIX}")
        failed += bool(faults)
        print(f"{'FAILED' if faults else 'ok':6} {uid}")
        for fault in faults:
            print(f"       {fault}")
    print(f"{len(dashboards()) - failed} passed, {failed} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()

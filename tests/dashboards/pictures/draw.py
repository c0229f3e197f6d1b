"""Draws the recorded pages in a headless Chromium, and judges what was drawn.

    python3 -m tests.dashboards.pictures.draw RECORDED SITE ICONS OUT [NAME:WIDTH:MODE ...]

RECORDED is from record.py, SITE holds the bundled page, ICONS the icons of @grafana/ui, OUT takes the pictures. Without
names every page is drawn at 1280 and 1920 pixels, dark and light.

A picture fails when the page met an error, when a panel stayed empty that has data, or when words were cut off.
"""

import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from ..grafana import dashboards

KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".html": "text/html"}
# As in page.jsx.
HEAD, EDGE, LINE = 92, 16, 38
CHROMIUM = [
    "chromium",
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--force-device-scale-factor=1"),
    "--virtual-time-budget=20000",
]
PAGE = """<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="/page.css"><style>{style}</style>
<body><div id="root"></div><script>window.faults = []; onerror = (message, file, line, column, error) => faults.push(error?.stack ?? String(message));
window.picture = {picture};</script><script src="/page.js"></script>"""
# What Grafana's own page sets and @grafana/ui does not.
STYLE = "body { margin: 0; width: 100vw; overflow-x: hidden } .markdown-html table { border-spacing: 0 }"


class Site:
    """The page and what it asks for, on a free port; `said` is what it reported of itself."""

    def __init__(self, folder, icons):
        self.picture, self.said = "null", None
        site = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.split("?")[0]
                if path == "/":
                    return self.send(PAGE.format(style=STYLE, picture=site.picture).encode(), "text/html")
                prefix = "/public/build/img/icons/"
                file = Path(icons, path.removeprefix(prefix)) if path.startswith(prefix) else Path(folder, path[1:])
                if ".." in path or not file.is_file():
                    return self.send_error(404)
                self.send(file.read_bytes(), KINDS.get(file.suffix, "application/octet-stream"))

            def do_POST(self):
                site.said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send(b"", "text/plain")

            def send(self, body, kind):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def drawn(site, dashboard, shot, width, mode, out):
    """Draws one picture; yields what is wrong with it."""
    text = json.dumps({"dashboard": dashboard, "shot": shot, "mode": mode}).replace("<", "\\u003c")
    site.picture, site.said = text, None
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    height = HEAD + LINE * bottom + EDGE
    with tempfile.TemporaryDirectory(prefix="msx-chromium-") as profile:
        command = [*CHROMIUM, f"--user-data-dir={profile}", f"--screenshot={out}", f"--window-size={width},{height}"]
        run = subprocess.run([*command, site.address], capture_output=True, text=True, timeout=120)
    if not out.is_file():
        yield f"Chromium drew nothing: {run.stderr[-500:]}"
        return
    if site.said is None:
        yield "the page reported nothing of itself"
        return
    yield from site.said["faults"]
    wanted = sum(panel["type"] != "row" for panel in dashboard["panels"])
    if len(site.said["panels"]) != wanted:
        yield f"{len(site.said['panels'])} panels of {wanted} were drawn"
    for panel in site.said["panels"]:
        if not panel["drawn"]:
            yield f"{panel['title']}: nothing was drawn"
        for words in panel["cut"]:
            yield f"{panel['title']}: {words!r} is cut off"


def smaller(path):
    """256 colours are enough for a page of few; the file is a third."""
    command = ["pngquant", "--force", "--skip-if-larger", "--strip", "--speed=1", f"--output={path}", "128", path]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode not in (0, 98, 99):
        raise RuntimeError(f"pngquant: {run.stderr}")


def main():
    recorded, folder, icons, out, *names = sys.argv[1:]
    shots = json.loads(Path(recorded).read_text(encoding="utf-8"))
    pages = dashboards()
    wanted = [name.split(":") for name in names] or [
        (name, width, mode) for name in shots for width in (1280, 1920) for mode in ("dark", "light")
    ]
    site = Site(folder, icons)
    passed = failed = 0
    for name, width, mode in wanted:
        path = Path(out, f"{name}-{width}-{mode}.png" if not names or os.environ.get("FULL_NAMES") else f"{name}.png")
        faults = list(drawn(site, pages[shots[name]["uid"]], shots[name], int(width), mode, path))
        if path.is_file():
            smaller(path)
        passed, failed = passed + (not faults), failed + bool(faults)
        print(f"{'FAILED' if faults else 'ok':6} {path.name} {path.stat().st_size // 1000 if path.is_file() else 0} kB", flush=True)
        for fault in faults:
            print(f"       {fault}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()

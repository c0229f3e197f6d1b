"""A receiver for Alertmanager's notifications, for tests that follow an alert to its end.

    with Receiver() as receiver:
        ...  # write receiver.url into a webhook_configs of Alertmanager
        got = receiver.wait_for("the alert", lambda alert: alert["labels"]["alertname"] == "MsxTargetNotPolling")

It listens on 127.0.0.1 with a port of the system's choice, keeps every notification in the order of arrival and never
sleeps: the caller is woken by what arrives, or by the deadline.
"""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LARGEST = 16 * 1024 * 1024  # bytes of one notification


class Receiver:
    """Collects notifications; `url` is where to send them."""

    def __init__(self):
        self.notifications = []
        self.arrived = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                if length > LARGEST:
                    self.send_error(413)
                    return
                try:
                    notification = json.loads(self.rfile.read(length))
                except ValueError:
                    self.send_error(400)
                    return
                with receiver.arrived:
                    receiver.notifications.append({"path": self.path, **notification})
                    receiver.arrived.notify_all()
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def alerts(self):
        """Every alert of every notification, in the order of arrival, with `path` of the receiver that it came to."""
        return [{"path": each["path"], **alert} for each in self.notifications for alert in each.get("alerts", [])]

    def wait_for(self, what, matches, deadline=60):
        """The first alert that matches; a TimeoutError that lists what did arrive otherwise."""
        end = time.monotonic() + deadline
        with self.arrived:
            while True:
                for alert in self.alerts():
                    if matches(alert):
                        return alert
                if not self.arrived.wait(end - time.monotonic()) and time.monotonic() >= end:
                    seen = [(each["labels"].get("alertname"), each.get("status")) for each in self.alerts()]
                    raise TimeoutError(f"waited {deadline} s for {what}; arrived: {seen}")

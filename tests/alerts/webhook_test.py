"""The receiver of tests/lib/webhook.py: it keeps what arrives, wakes who waits, and says what did not come."""

import json
import threading
import unittest
import urllib.error
import urllib.request

from tests.lib.webhook import Receiver


def post(url, body):
    urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"}), timeout=5).close()


def notification(name, status="firing"):
    return json.dumps({"status": status, "alerts": [{"status": status, "labels": {"alertname": name}}]}).encode()


class ReceiverTest(unittest.TestCase):
    def test_wakes_who_waits(self):
        with Receiver() as receiver:
            sender = threading.Timer(0.05, post, (f"{receiver.url}/on-call", notification("MsxTargetNotPolling")))
            sender.start()
            got = receiver.wait_for("it", lambda alert: alert["labels"]["alertname"] == "MsxTargetNotPolling", 10)
            sender.join()
        self.assertEqual(got["path"], "/on-call")

    def test_names_what_came_instead(self):
        with Receiver() as receiver:
            post(receiver.url, notification("Other"))
            with self.assertRaisesRegex(TimeoutError, "the missing one; arrived: .*Other"):
                receiver.wait_for("the missing one", lambda alert: False, 0.01)

    def test_refuses_what_is_no_notification(self):
        with Receiver() as receiver:
            with self.assertRaises(urllib.error.HTTPError) as refused:
                post(receiver.url, b"no json")
            self.assertEqual(refused.exception.code, 400)
            self.assertEqual(receiver.alerts(), [])


if __name__ == "__main__":
    unittest.main()

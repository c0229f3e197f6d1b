"""What Docker's own DNS does for the services of a compose file: their names are addresses, all others do not exist."""

import socketserver
import struct
import threading

PLACE = "127.0.0.11"  # where containers find Docker's
A = 1
NO_SUCH_NAME = 3


class Names:
    """Answers until it is closed. `addresses` are IPv4, by name."""

    def __init__(self, addresses):
        names = self
        self.addresses = addresses
        self.asked = set()

        class Query(socketserver.BaseRequestHandler):
            def handle(self):
                data, socket = self.request
                socket.sendto(names.answer(data), self.client_address)

        self.server = socketserver.ThreadingUDPServer((PLACE, 53), Query)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, query):
        """RFC 1035, 4.1: the same header and question, and one address where an A record was asked for."""
        labels, at = [], 12
        while length := query[at]:
            labels.append(query[at + 1 : at + 1 + length].decode())
            at += 1 + length
        question = query[12 : at + 5]
        (kind,) = struct.unpack("!H", query[at + 1 : at + 3])
        name = ".".join(labels).lower()
        self.asked.add(name)
        address = self.addresses.get(name)
        found = address is not None and kind == A
        # A response, recursion desired and available.
        flags = 0x8180 | (0 if address else NO_SUCH_NAME)
        header = query[:2] + struct.pack("!HHHHH", flags, 1, int(found), 0, 0)
        if not found:
            return header + question
        # The name of the question, class IN, a time to live of 10 minutes.
        record = b"\xc0\x0c" + struct.pack("!HHIH", A, 1, 600, 4) + bytes(int(part) for part in address.split("."))
        return header + question + record

    def close(self):
        self.server.shutdown()
        self.server.server_close()

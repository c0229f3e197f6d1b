"""A name server that knows one name: master.msx.test is 127.0.0.1. Any other has no address."""

import socket
import struct

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
while True:
    question, client = server.recvfrom(512)
    end = question.index(b"\0", 12) + 5
    known = question[12:end].lower().startswith(b"\x06master\x03msx\x04test\0") and question[end - 4 : end] == b"\0\x01\0\x01"
    address = b"\xc0\x0c" + struct.pack(">HHIH4B", 1, 1, 60, 4, 127, 0, 0, 1)
    head = question[:2] + struct.pack(">HHHHH", 0x8180, 1, int(known), 0, 0)
    server.sendto(head + question[12:end] + address * known, client)

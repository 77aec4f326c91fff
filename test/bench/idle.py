"""Clients that lie idle after one transaction, until this program is ended.

Arguments: port, role, database, how many.  Logs in as trust does.  Prints
"ready" when all of them have had their answer.
"""
import resource
import signal
import socket
import struct
import sys

port, role, database, number = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


def read_exactly(client, size):
    data = b""
    while len(data) < size:
        more = client.recv(size - len(data))
        if not more:
            sys.exit("the server closed a connection")
        data += more
    return data


def read_until_ready(client):
    while True:
        kind, size = struct.unpack("!ci", read_exactly(client, 5))
        body = read_exactly(client, size - 4)
        if kind == b"E":
            sys.exit(body.replace(b"\0", b" ").decode())
        if kind == b"Z":
            return


startup = b"\0\3\0\0" + b"\0".join(
    [b"user", role.encode(), b"database", database.encode(), b"", b""])
clients = []
for _ in range(number):
    client = socket.create_connection(("127.0.0.1", port), timeout=30)
    client.sendall(message(b"", startup))
    read_until_ready(client)
    client.sendall(message(b"Q", b"select 1\0"))
    read_until_ready(client)
    clients.append(client)
print("ready", flush=True)
signal.pause()

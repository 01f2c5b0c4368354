"""Stash's part inside of a container: starts plugin processes, and waits for those only.

Usage: inside.py SOCKET. Each request is a connection: one JSON line, and with `run` the three
standard streams as descriptors; the answer is a JSON value.
"""

import array
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

MOST_OF_A_REQUEST = 1_000_000  # bytes


def main() -> None:
    server = socket.socket(socket.AF_UNIX)
    server.bind(sys.argv[1])
    server.listen(64)
    while True:
        connection, _ = server.accept()
        with connection:
            request, streams = _receive(connection)
            answer = zombies() if request["ask"] == "zombies" else _run(request, streams)
            connection.sendall(json.dumps(answer).encode())


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    descriptors = array.array("i")
    text = b""
    while not text.endswith(b"\n"):
        part, ancillary, _, _ = connection.recvmsg(
            MOST_OF_A_REQUEST, socket.CMSG_SPACE(3 * descriptors.itemsize)
        )
        text += part
        for _, kind, data in ancillary:
            if kind == socket.SCM_RIGHTS:
                descriptors.frombytes(data)
    return json.loads(text), list(descriptors)


def _run(request: dict[str, Any], streams: list[int]) -> int:
    stdin, stdout, stderr = streams
    try:
        child = subprocess.Popen(
            request["command"],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=request["environment"],
            cwd=request["directory"],
        )
    finally:
        for descriptor in streams:
            os.close(descriptor)
    return child.wait()  # for this one only, as Go's exec.Cmd does


def zombies() -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue  # collected meanwhile
            if state == "Z":
                found.append(int(entry.name))
    return found


if __name__ == "__main__":
    main()

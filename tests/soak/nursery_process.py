"""The nursery's own process: imports what a worker imports, then forks one per request.

Usage: nursery_process.py ENTRY_SCRIPT SOCKET_DESCRIPTOR. Each request carries two descriptors, the
worker lock and the new worker's standard input; each answer is the new worker's process id.
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import struct
import sys


def main() -> None:
    """Serve until the other side hangs up."""
    script, server = sys.argv[1], socket.socket(fileno=int(sys.argv[2]))
    folder = os.path.dirname(script)
    sys.path.insert(0, folder)
    if os.path.exists(os.path.join(folder, "altered.py")):
        importlib.import_module("altered").prepare(folder)
    # The plugin as installed, not the repository's: its folder is known only now.
    for module in ("app.worker_process", "app.container", "worker.processor", "worker.stats"):
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the killed ones
    while True:
        message, descriptors, _, _ = socket.recv_fds(server, 16, 2)
        if not message:
            return
        child = os.fork()
        if child == 0:
            server.close()
            _become_worker(script, *descriptors)
        for one in descriptors:
            os.close(one)
        server.send(struct.pack("i", child))


def _become_worker(script: str, lock: int, stdin: int) -> None:
    status = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor, stream in ((stdin, 0), (null, 1), (null, 2)):
            os.dup2(descriptor, stream)
        os.close(stdin)
        os.umask(0o077)
        sys.argv = [script, "--worker", str(lock)]
        status = importlib.import_module("app.worker_process").run_worker(script, [str(lock)])
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()

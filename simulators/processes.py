import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

if sys.platform != "linux":
    import psutil


def with_command(part: str) -> Iterator[tuple[int, str]]:
    if sys.platform != "linux":
        for process in psutil.process_iter(["cmdline"]):
            line = " ".join(process.info["cmdline"] or ())
            if part in line:
                yield process.pid, line
        return
    wanted = os.fsencode(part)
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb", buffering=0) as file:
                command = file.read()
        except OSError:
            continue
        if wanted in command:
            yield int(name), command.replace(b"\0", b" ").decode("utf-8", "replace")


def terminate(pids: list[int]) -> None:
    for pid in pids:
        with suppress(OSError):
            os.kill(pid, signal.SIGTERM)


def kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(OSError):
            os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)


def have_ended(pids: list[int], seconds: float) -> bool:
    end = time.monotonic() + seconds
    if sys.platform != "linux":
        while any(map(psutil.pid_exists, pids)) and time.monotonic() < end:
            time.sleep(0.02)
        return not any(map(psutil.pid_exists, pids))
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
                return False
        finally:
            os.close(descriptor)
    return True

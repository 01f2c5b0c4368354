"""Starts processes as Stash starts a plugin, and tells what one cost."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Run:
    """A process that has ended.

    Attributes:
        seconds: wall time from before its start until it was reaped.
        cpu: seconds of user and system time, its own.
        stdout: all it wrote there.
        stderr: what of it fits into a pipe.
        exit_code: negative for a signal.
    """

    seconds: float
    cpu: float
    stdout: bytes
    stderr: bytes
    exit_code: int


def run(argv: list[str], environment: Mapping[str, str], stdin: bytes = b"") -> Run:
    """Start a process, feed it, read its answer to the end, reap it: what Stash waits for.

    `posix_spawn` rather than `subprocess`, whose own work would be a good part of a bare start.
    """
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    begun = time.perf_counter()
    pid = os.posix_spawn(
        argv[0],
        argv,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, in_read, 0),
            (os.POSIX_SPAWN_DUP2, out_write, 1),
            (os.POSIX_SPAWN_DUP2, err_write, 2),
        ],
    )
    for childs_end in (in_read, out_write, err_write):
        os.close(childs_end)
    with open(in_write, "wb") as pipe:
        pipe.write(stdin)
    with open(out_read, "rb") as pipe:
        stdout = pipe.read()
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - begun
    with open(err_read, "rb") as pipe:
        stderr = pipe.read()
    exit_code = os.waitstatus_to_exitcode(status)
    return Run(seconds, usage.ru_utime + usage.ru_stime, stdout, stderr, exit_code)


def cpu_seconds(pid: int) -> float:
    """User and system time of a living process, all its threads, in steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak_megabytes(pid: int) -> float:
    """The most memory that a living process has held so far (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    message = f"process {pid} tells no VmHWM"
    raise OSError(message)


def children() -> list[int]:
    """The process ids of this process's living children, whichever thread has started them."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        try:
            text = (task / "children").read_text(encoding="ascii")
        except OSError:
            continue  # the thread has ended
        found += map(int, text.split())
    return found


def command_of(pid: int) -> str:
    """A process's command line; empty once it has ended."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ""
    return command.replace(b"\0", b" ").decode("utf-8", "replace")

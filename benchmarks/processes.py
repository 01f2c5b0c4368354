import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Run:
    seconds: float
    cpu: float
    stdout: bytes
    exit_code: int


def run(argv: list[str], environment: Mapping[str, str], stdin: bytes = b"") -> Run:
    # `posix_spawn` adds less time to the measurement than `subprocess`.
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    streams = {0: in_read, 1: out_write, 2: err_write}
    actions = [(os.POSIX_SPAWN_DUP2, pipe, number) for number, pipe in streams.items()]
    begun = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, environment, file_actions=actions)
    for pipe in streams.values():
        os.close(pipe)
    with open(in_write, "wb") as file:
        file.write(stdin)
    with open(out_read, "rb") as file:
        stdout = file.read()
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - begun
    os.close(err_read)
    exit_code = os.waitstatus_to_exitcode(status)
    return Run(seconds, usage.ru_utime + usage.ru_stime, stdout, exit_code)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak_megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    # A zombie process has no line `VmHWM` in its status.
    if not kilobytes:
        raise ProcessLookupError(pid)
    return kilobytes[0] / 1024

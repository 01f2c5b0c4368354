"""Checks of the worker, the queue, the dead letters and the circuit breaker."""

import json
import os
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.events import Event
from shared.files import may_live
from sync_queue.checkup import DatabaseCheckup
from tasks.doctor.check import Finding, fault, ok, unchecked, warning
from worker.circuit_breaker import CircuitBreaker, CircuitState
from worker.outage_history import format_elapsed_since
from worker.process.launcher import WORKER_ARGUMENT

_LINES_READ = 2000  # at the end of the log: some days of a busy worker
_UNREAD = unchecked("the queue's database could not be read")


@dataclass(frozen=True, slots=True)
class WorkerSigns:
    """The last entries of the worker's log."""

    # The last entry, in seconds since the epoch; None for an empty log
    last_sign: float | None = None
    process: int | None = None  # the process id of a worker that logged its start but no end
    broke: bool = False  # the last worker ended with an error


def read_worker_signs(path: str) -> WorkerSigns:
    """Read the end of the worker's log; raise OSError if it is unreadable.

    Testing the worker lock would be safer, but could keep a hook from starting a worker.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = deque(file, _LINES_READ)
    except FileNotFoundError:
        return WorkerSigns()
    last_sign, process, broke = None, None, False
    for line in lines:
        try:
            record = json.loads(line)
            last_sign = datetime.fromisoformat(record["time"]).timestamp()
            code, pid = record["code"], record.get("pid")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue  # a line of an older version, or an incomplete line
        if code == Event.WORKER_STARTED.code and isinstance(pid, int):
            process, broke = pid, False
        elif code in (Event.WORKER_ENDED.code, Event.WORKER_FAILED.code):
            process, broke = None, code == Event.WORKER_FAILED.code
    return WorkerSigns(last_sign, process, broke)


def check_worker(signs: WorkerSigns, database: DatabaseCheckup, now: float) -> Finding:
    """Check whether a worker runs if jobs wait."""
    waiting = sum((database.jobs or {}).values()) + database.spooled
    last = signs.last_sign
    sign = "" if last is None else f"; last sign {format_elapsed_since(last, now)}"
    if signs.process is not None and _is_worker(signs.process):
        return ok(f"runs (process {signs.process}){sign}")
    if waiting:
        why = "failed" if signs.broke else "ended without a message" if signs.process else ""
        return fault(
            f"none runs; waiting jobs: {waiting}{f'; the last one {why}' if why else ''}{sign}",
            "Run 'Process Queue' for the cause",
        )
    if signs.broke:
        return warning(
            f"none runs, and none is needed; the last one failed{sign}",
            "See the end of worker.log in the data folder for the cause",
        )
    return ok(f"none runs, and none is needed{sign}")


def _is_worker(process: int) -> bool:
    """Tell whether a process is a worker, as far as the system reveals it."""
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            # The command line of a zombie process is empty.
            return WORKER_ARGUMENT.encode() in file.read()
    except OSError:
        return not os.path.isdir("/proc/self") and may_live(process)


def check_queue(database: DatabaseCheckup) -> Finding:
    """Return the counts of jobs."""
    spooled = f"{database.spooled:,} in the spool" if database.spooled else ""
    if database.jobs is None:
        return _UNREAD if database.exists else ok(spooled or "none yet")
    jobs = database.jobs
    return ok(
        f"{jobs['pending']:,} pending, {jobs['in_progress']:,} in progress, "
        f"{jobs['retrying']:,} waiting for retry{spooled and f', {spooled}'}"
    )


def check_dead_letters(database: DatabaseCheckup) -> Finding:
    """Check whether there are dead letters."""
    if database.jobs is None:
        return _UNREAD if database.exists else ok("none yet")
    if not database.letters:
        return ok("none")
    by_type = ", ".join(f"{number:,} {kind}" for kind, number in database.letters.items())
    return warning(by_type, "Run 'Show Dead Letters' for the remedies")


def read_breaker(path: str) -> CircuitBreaker:
    """Read the stored circuit breaker; it is closed if the file is missing or unreadable."""
    stored: Any = None
    try:
        with open(path, encoding="utf-8") as file:
            stored = json.load(file)
    except (OSError, ValueError, RecursionError):
        pass
    return CircuitBreaker.from_state(stored)


def check_breaker(breaker: CircuitBreaker, now: float) -> Finding:
    """Check whether the circuit breaker lets jobs through."""
    if breaker.state is CircuitState.CLOSED or breaker.opened_at is None:
        return ok("closed")
    opened = format_elapsed_since(breaker.opened_at, now)
    return warning(
        f"{breaker.state.value.replace('_', '-')}, opened {opened} because Plex failed",
        "Nothing to do once Plex answers: waiting jobs are sent automatically",
    )

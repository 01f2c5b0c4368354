"""Checks of the worker, the queue, the dead letters and the circuit breaker."""

import json
import os
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.events import Event
from shared.leftovers import may_live
from sync_queue.checkup import DatabaseCheckup
from tasks.doctor.check import Check, fault, ok, unchecked, warning
from worker.circuit_breaker import CircuitBreaker, CircuitState
from worker.outage_history import format_elapsed_since
from worker.process.launcher import WORKER_ARGUMENT

_LINES_READ = 2000  # at the end of the log: some days of a busy worker
_ENDS = (Event.WORKER_ENDED.code, Event.WORKER_FAILED.code)


@dataclass(frozen=True, slots=True)
class WorkerSigns:
    """The last entries of the worker's log.

    Attributes:
        last_sign: the last entry, in seconds since the epoch; None for an empty log.
        process: the process id of a worker that logged its start but no end.
        broke: the last worker ended with an error.
    """

    last_sign: float | None = None
    process: int | None = None
    broke: bool = False


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
        elif code in _ENDS:
            process, broke = None, code == Event.WORKER_FAILED.code
    return WorkerSigns(last_sign, process, broke)


def check_worker(signs: WorkerSigns, database: DatabaseCheckup, now: float) -> Check:
    """Check whether a worker runs if jobs wait."""
    name = "worker"
    waiting = sum((database.jobs or {}).values()) + database.spooled
    sign = (
        f"; last sign {format_elapsed_since(signs.last_sign, now)}"
        if signs.last_sign is not None
        else ""
    )
    if signs.process is not None and _is_worker(signs.process):
        return ok(name, f"runs (process {signs.process}){sign}")
    if waiting:
        why = "failed" if signs.broke else "ended without a message" if signs.process else ""
        return fault(
            name,
            f"none runs; waiting jobs: {waiting}{f'; the last one {why}' if why else ''}{sign}",
            "Run 'Process Queue' for the cause",
        )
    if signs.broke:
        return warning(
            name,
            f"none runs, and none is needed; the last one failed{sign}",
            "See the end of worker.log in the data folder for the cause",
        )
    return ok(name, f"none runs, and none is needed{sign}")


def _is_worker(process: int) -> bool:
    """Tell whether a process is a worker, as far as the system reveals it."""
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            # The command line of a zombie process is empty.
            return WORKER_ARGUMENT.encode() in file.read()
    except OSError:
        if os.path.isdir("/proc/self"):
            return False
    return may_live(process)


def check_queue(database: DatabaseCheckup) -> Check:
    """Return the counts of jobs."""
    name = "queue"
    if database.jobs is None:
        return _without_jobs(name, database)
    jobs = database.jobs
    spooled = f", {database.spooled:,} in the spool" if database.spooled else ""
    return ok(
        name,
        f"{jobs['pending']:,} pending, {jobs['in_progress']:,} in progress, "
        f"{jobs['retrying']:,} waiting for retry{spooled}",
    )


def check_dead_letters(database: DatabaseCheckup) -> Check:
    """Check whether there are dead letters."""
    name = "dead letters"
    if database.jobs is None:
        return _without_jobs(name, database)
    if not database.letters:
        return ok(name, "none")
    by_type = ", ".join(f"{number:,} {kind}" for kind, number in database.letters.items())
    return warning(name, by_type, "Run 'Show Dead Letters' for the remedies")


def _without_jobs(name: str, database: DatabaseCheckup) -> Check:
    if not database.exists:
        return ok(
            name,
            "none yet"
            if name != "queue" or not database.spooled
            else f"{database.spooled:,} in the spool",
        )
    return unchecked(name, "the queue's database could not be read")


def read_breaker(path: str) -> CircuitBreaker:
    """Read the stored circuit breaker; it is closed if the file is missing or unreadable."""
    stored: Mapping[str, object] | None = None
    try:
        with open(path, encoding="utf-8") as file:
            stored = json.load(file)
    except (OSError, ValueError, RecursionError):
        pass
    return CircuitBreaker.from_state(stored)


def check_breaker(breaker: CircuitBreaker, now: float) -> Check:
    """Check whether the circuit breaker lets jobs through."""
    name = "circuit breaker"
    if breaker.state is CircuitState.CLOSED or breaker.opened_at is None:
        return ok(name, "closed")
    return warning(
        name,
        f"{breaker.state.value.replace('_', '-')}, opened "
        f"{format_elapsed_since(breaker.opened_at, now)} because Plex failed",
        "Nothing to do once Plex answers: waiting jobs are sent automatically",
    )

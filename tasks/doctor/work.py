"""The worker, its queue, and whether it may ask Plex at all."""

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

_LINES_READ = 2000  # from the end of the log: some days of a busy worker
_ENDS = (Event.WORKER_ENDED.code, Event.WORKER_FAILED.code)


@dataclass(frozen=True, slots=True)
class WorkerSigns:
    """What the worker's log tells of the last one.

    Attributes:
        last_sign: seconds since the epoch, None when there is no log, or nothing in it.
        process: of the worker that has started and not said that it ended; None for none.
        broke: it ended because of an error.
    """

    last_sign: float | None = None
    process: int | None = None
    broke: bool = False


def read_worker_signs(path: str) -> WorkerSigns:
    """Read the end of the worker's log.

    The worker's lock says more, but asking for it would keep a hook from starting a worker.

    Raises:
        OSError: it is there and cannot be read.
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
            # The log has the time of this machine's zone.
            last_sign = datetime.fromisoformat(record["time"]).timestamp()
            code, pid = record["code"], record.get("pid")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue  # a line of an older version, or half a line
        if code == Event.WORKER_STARTED.code and isinstance(pid, int):
            process, broke = pid, False
        elif code in _ENDS:
            process, broke = None, code == Event.WORKER_FAILED.code
    return WorkerSigns(last_sign, process, broke)


def check_worker(signs: WorkerSigns, database: DatabaseCheckup, now: float) -> Check:
    """Tell whether a worker runs, or would have to."""
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
        why = "had to end" if signs.broke else "has ended without a word" if signs.process else ""
        return fault(
            name,
            f"none runs and {waiting} jobs wait{f'; the last one {why}' if why else ''}{sign}",
            "Run 'Process Queue': it says what is in the way",
        )
    if signs.broke:
        return warning(
            name,
            f"none runs, and none is needed; the last one had to end{sign}",
            "The end of worker.log in the data folder says why",
        )
    return ok(name, f"none runs, and none is needed{sign}")


def _is_worker(process: int) -> bool:
    """Tell whether this process is a worker, as far as anybody can tell."""
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            # One that has ended, and that nobody has buried, as in many containers, has none.
            return WORKER_ARGUMENT.encode() in file.read()
    except OSError:
        if os.path.isdir("/proc/self"):
            return False
    return may_live(process)


def check_queue(database: DatabaseCheckup) -> Check:
    """Tell what waits."""
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
    """Tell what has failed for good."""
    name = "dead letters"
    if database.jobs is None:
        return _without_jobs(name, database)
    if not database.letters:
        return ok(name, "none")
    by_type = ", ".join(f"{number:,} {kind}" for kind, number in database.letters.items())
    return warning(name, by_type, "Run 'Show Dead Letters': it says what to do about each kind")


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
    """Return the circuit breaker as its file has it, closed where that says nothing."""
    stored: Mapping[str, object] | None = None
    try:
        with open(path, encoding="utf-8") as file:
            stored = json.load(file)
    except (OSError, ValueError, RecursionError):
        pass
    return CircuitBreaker.from_state(stored)


def check_breaker(breaker: CircuitBreaker, now: float) -> Check:
    """Tell whether jobs are sent, or wait for Plex to be back."""
    name = "circuit breaker"
    if breaker.state is CircuitState.CLOSED or breaker.opened_at is None:
        return ok(name, "closed")
    return warning(
        name,
        f"{breaker.state.value.replace('_', '-')}, opened "
        f"{format_elapsed_since(breaker.opened_at, now)}: Plex did not serve us",
        "Nothing to do once Plex answers: what waits goes on by itself",
    )

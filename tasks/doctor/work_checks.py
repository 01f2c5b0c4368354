import json
import os
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.events import Event
from shared.files import may_live
from shared.state_file import parse_moment
from sync_queue.checkup import DatabaseCheckup
from tasks.doctor.finding import Finding, fault, ok, unchecked, warning
from validation.values import counted, counts_text
from worker.circuit_breaker import CircuitBreaker, CircuitState
from worker.outage_history import format_elapsed_since
from worker.pauses import QUIET_HOURS
from worker.process.launcher import WORKER_ARGUMENT

_LINES_READ = 2000
_UNREAD = unchecked("the queue's database could not be read")
# Error messages may contain private settings, so the Doctor shows these texts instead.
_NEUTRAL_REASONS = {
    "ConfigFault": "a required setting cannot be used",
    "PlexLibraryError": "plex_library names a library that Plex does not have",
    "PlexRedirectError": "plex_url redirects to another address",
    "PlexTlsError": "Plex's certificate is not accepted",
}


@dataclass(slots=True)
class WorkerSigns:
    last_sign: float | None = None
    process: int | None = None
    broke: bool = False
    paused_at: float | None = None
    pause_reason: str = ""


def read_worker_signs(path: str) -> WorkerSigns:
    # Do not acquire the worker lock here, or a hook would find it held and start no worker.
    signs, lines = WorkerSigns(), deque[str]()
    with suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as file:
        lines = deque(file, _LINES_READ)
    for line in lines:
        try:
            record = json.loads(line)
            at = datetime.fromisoformat(record["time"]).timestamp()
            code, pid = record["code"], record.get("pid")
        except (KeyError, OSError, OverflowError, RecursionError, TypeError, ValueError):
            continue
        signs.last_sign = at
        if code == Event.WORKER_STARTED.code and isinstance(pid, int):
            signs.process, signs.broke = pid, False
        elif code in (Event.WORKER_ENDED.code, Event.WORKER_FAILED.code):
            signs.process, signs.broke = None, code == Event.WORKER_FAILED.code
        elif code == Event.SYNC_PAUSED.code:
            signs.paused_at = at
            reason = str(record.get("reason"))
            signs.pause_reason = _NEUTRAL_REASONS.get(str(record.get("error")), reason)
    return signs


def check_worker(signs: WorkerSigns, database: DatabaseCheckup, now: float) -> Finding:
    waiting = _number_waiting(database)
    sign = ""
    if signs.last_sign is not None:
        sign = f"; last log entry {format_elapsed_since(signs.last_sign, now)}"
    if signs.process is not None and _is_worker(signs.process):
        return ok(f"runs (process {signs.process}){sign}")
    if waiting:
        text = f"not running, although the queue has {counted(waiting, 'job')}"
        why = "failed" if signs.broke else "ended without a message" if signs.process else ""
        last = f"; the last worker {why}" if why else ""
        return fault(f"{text}{last}{sign}", "Run the task 'Process Queue' to see the cause")
    if signs.broke:
        remedy = "Read the cause at the end of worker.log in the data folder"
        return warning(f"not running, and not needed; the last worker failed{sign}", remedy)
    return ok(f"not running, and not needed{sign}")


def _number_waiting(database: DatabaseCheckup) -> int:
    return sum((database.jobs or {}).values()) + database.spooled


def _is_worker(process: int) -> bool:
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            # The command line of a zombie process is empty, so a zombie does not count as a worker.
            return WORKER_ARGUMENT.encode() in file.read()
    except OSError:
        return not os.path.isdir("/proc/self") and may_live(process)


def check_pause(
    signs: WorkerSigns, stored: object, database: DatabaseCheckup, now: float
) -> Finding:
    pause = stored if isinstance(stored, dict) else {}
    lasts = bool(pause.get("reason"))
    if lasts and pause.get("kind") == QUIET_HOURS and _number_waiting(database):
        return ok(f"paused {pause['reason']}")
    if signs.paused_at is None and not lasts:
        return ok("none, according to worker.log")
    began = signs.paused_at or parse_moment(pause.get("since")) or now
    reason = signs.pause_reason or "worker.log no longer has the reason"
    text = f"paused {format_elapsed_since(began, now)} ({reason})"
    if not lasts or not _number_waiting(database):
        return ok(f"not paused now; the worker last {text}")
    remedy = "Remove the cause. The waiting jobs are then sent automatically"
    return fault(f"the worker {text}", remedy)


def check_queue(database: DatabaseCheckup) -> Finding:
    if database.jobs is None:
        spooled = counts_text([(database.spooled, "in the spool")])
        return _UNREAD if database.exists else ok(spooled or "no job was queued yet")
    jobs = database.jobs
    counts = (
        (jobs["pending"], "pending"),
        (jobs["in_progress"], "in progress"),
        (jobs["retrying"], "scheduled for later"),
        (database.spooled, "in the spool"),
    )
    return ok(counts_text(counts) or "empty")


def check_dead_letters(database: DatabaseCheckup) -> Finding:
    if database.jobs is None:
        return _UNREAD if database.exists else ok("no job was queued yet")
    if not database.letters:
        return ok("none")
    by_type = ", ".join(f"{number:,} {kind}" for kind, number in database.letters.items())
    failed = f"{counted(sum(database.letters.values()), 'job')} failed permanently ({by_type})"
    return warning(failed, "Run 'Show Dead Letters' for the remedies")


def read_json(path: str) -> Any:
    with suppress(OSError, ValueError, RecursionError), open(path, encoding="utf-8") as file:
        return json.load(file)
    return None


def check_breaker(stored: Any, now: float) -> Finding:
    breaker = CircuitBreaker.from_state(stored)
    if breaker.state is CircuitState.CLOSED or breaker.opened_at is None:
        return ok("closed, because Plex works")
    opened = format_elapsed_since(breaker.opened_at, now)
    text = f"{breaker.state.value.replace('_', '-')}, opened {opened} because Plex failed"
    return warning(text, "Start Plex; waiting jobs are then sent automatically")

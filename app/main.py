"""One invocation by Stash: hooks are answered here, everything else is loaded when it is needed.

The user's save waits for a hook, so this module and what it imports are kept small.
"""

import os
import sys
import time

from hooks.handlers import jobs_for_hook
from shared.file_lock import FileLock
from shared.light_json import dumps, loads
from sync_queue.spool import elect, has_work, store

TYPE_CHECKING = False  # importing `typing` costs a third of a bare interpreter's start
if TYPE_CHECKING:
    from typing import Any, NoReturn

BURST_GAP = 2.0  # seconds; a hook that follows another one so closely logs at Stash's debug level
NEWS_AGE = 10.0  # seconds; in a burst, one hook in this time relays the worker's log


def run(script: str, arguments: "list[str]") -> str:
    """Handle the invocation and end the process; return the error of an unusable request."""
    if arguments or sys.stdin is None or sys.stdin.isatty():
        from app.command import run_arguments  # noqa: PLC0415

        sys.exit(run_arguments(script, arguments))
    try:
        message = loads(sys.stdin.buffer.read() or b"{}")
    except RecursionError:
        return "Stash2Plex is a plugin of Stash, its input is nested too deeply"
    except ValueError as error:
        return f"Stash2Plex is a plugin of Stash, its input is no JSON: {error}"
    if not isinstance(message, dict):
        return "Stash2Plex is a plugin of Stash, its input is no JSON object"
    if message.get("args") is None:
        message["args"] = {}
    if isinstance(message["args"], dict) and "hookContext" in message["args"]:
        finish(answer_hook(script, message))
    from app.task_process import answer_task  # noqa: PLC0415

    return finish(answer_task(script, message))


def finish(reply: "dict[str, Any]") -> "NoReturn":
    """Write the answer and end without the interpreter's clean-up.

    The clean-up would close SQLite, which writes its whole log back while the user waits.
    """
    sys.stdout.buffer.write(dumps(reply).encode())
    sys.stdout.buffer.flush()
    os._exit(0)


def answer_hook(script: str, message: "dict[str, Any]") -> "dict[str, Any]":
    """Store the jobs of an event, make sure that a worker runs, and return the answer."""
    connection = message.get("server_connection")
    jobs: list[str] = []
    is_stored = False
    try:
        jobs = jobs_for_hook(message["args"]["hookContext"])
        root, level = _store(script, connection, jobs)
        is_stored = True
        if jobs:
            subjects = ", ".join(job.split(".")[1].replace("_", " ").capitalize() for job in jobs)
            _tell(level, f"{subjects}: queued")
        if jobs or has_work(f"{root}/queue/spool"):
            _ensure_worker(script, root, connection)
        _relay(root)
    except Exception as error:  # noqa: BLE001 - a hook always answers
        from app.hook_faults import answer_fault  # noqa: PLC0415

        return answer_fault(script, connection, jobs, error, is_stored=is_stored)
    return {"output": "queued" if jobs else "nothing to sync"}


def _tell(level: str, text: str) -> None:
    try:
        os.write(2, f"\x01{level}\x02{text}\n".encode())
    except OSError:
        pass  # Stash has closed its end


def _store(script: str, connection: "Any", jobs: "list[str]") -> "tuple[str, str]":
    """Store the jobs; return the data folder and the level of the hook's log line."""
    root = os.environ.get("STASH_PLUGIN_DATA") or os.path.join(os.path.dirname(script), "data")
    spool = f"{root}/queue/spool"
    try:
        in_burst = abs(time.time() - os.stat(spool).st_mtime) < BURST_GAP
        store(spool, jobs)
    except OSError:
        from app.hook_faults import data_folder  # noqa: PLC0415 - it is missing or read-only

        root, in_burst = data_folder(script, connection), False
        store(f"{root}/queue/spool", jobs)
    return root, "d" if in_burst else "i"


def _ensure_worker(script: str, root: str, connection: "Any") -> None:
    lock = FileLock(f"{root}/worker.lock")
    if elect(lock, f"{root}/queue/spool", connection):
        from worker.launcher import start_worker  # noqa: PLC0415 - a living worker is the rule

        start_worker(script, lock, connection)


def _relay(root: str) -> None:
    """Repeat the worker's log in Stash's log, when it has news of some seconds."""
    try:
        age = time.time() - os.stat(f"{root}/worker.news").st_mtime
    except FileNotFoundError:
        return
    if not 0 <= age < NEWS_AGE:
        from app.hook_faults import relay_news  # noqa: PLC0415 - most hooks have nothing to relay

        relay_news(root)

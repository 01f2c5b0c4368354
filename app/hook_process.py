"""A hook's process: its jobs stored, a worker made sure of, one answer.

Everything that this module reaches imports the standard library only; a test holds the list.
"""

import os
import sqlite3
import time

from hooks.handlers import HookContextError, jobs_for_hook
from shared.data_folder import DataFolder, resolve_data_folder
from shared.file_lock import FileLock
from shared.log import create_logger
from shared.redaction import Secrets
from sync_queue.database import NewerSchemaError, connect
from sync_queue.operations import ENTITY, FOLDER_SCAN, enqueue, has_unfinished, subject_label
from worker.launcher import ensure_worker

TYPE_CHECKING = False  # `typing` costs a third of a bare interpreter's start on the hook path
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from shared.log import Log
    from sync_queue.operations import JobData

BURST_GAP = 2.0  # seconds; hooks that follow each other so closely are one bulk edit, or a scan
BURST_LINES = 20  # of the hooks of a burst, at a level that Stash shows
NEWS_AGE = 10.0  # seconds; in a burst of edits one hook in so long tells what the worker has done
NEWS_BYTES = 200_000  # of the worker's log in one hook: some 2,000 lines, read in 5 ms
LONGEST_WAIT = 0.8  # seconds for another writer: the user's save waits with us


def answer_hook(script: str, message: "dict[str, Any]") -> "dict[str, Any]":
    """Handle one hook and return Stash's answer object; never raises for what Stash sent."""
    connection = message.get("server_connection")
    connection = connection if isinstance(connection, dict) else {}
    log = create_logger(_secrets(connection))
    try:
        return _answer(script, message, connection, log)
    except Exception as error:  # noqa: BLE001 - the entry would tell what this log hides
        # Only now: it costs half a bare start.
        import traceback  # noqa: PLC0415

        log.error("A bug of Stash2Plex, please report it: " + traceback.format_exc())
        return {"error": f"A bug of Stash2Plex, please report it: {type(error).__name__}"}


def _answer(
    script: str, message: "dict[str, Any]", connection: "dict[str, Any]", log: "Log"
) -> "dict[str, Any]":
    try:
        jobs = jobs_for_hook(message["args"]["hookContext"], time.time())
    except HookContextError as error:
        log.error(
            f"Stash sent a hook that Stash2Plex cannot read: {error}. Nothing was queued; is there "
            "an update of Stash2Plex for this Stash?"
        )
        return {"error": str(error)}
    try:
        folder = resolve_data_folder(
            os.path.dirname(script), str(connection.get("Dir") or ""), os.environ
        )
        log.disguise = _disguise(folder)
        if jobs and jobs[0]["update_type"] == FOLDER_SCAN:
            # Only here: who saves a scene does not pay for what a new one needs.
            from shared.settings_hint import wants_scans  # noqa: PLC0415

            jobs = jobs if wants_scans(folder.settings_hint) else []
        return _store_and_wake(script, folder, connection, jobs, log)
    except (OSError, sqlite3.Error) as error:
        return _not_queued(jobs, error, log)


def _store_and_wake(
    script: str,
    folder: DataFolder,
    server_connection: "dict[str, Any]",
    jobs: "list[JobData]",
    log: "Log",
) -> "dict[str, Any]":
    if not jobs and not os.path.exists(folder.queue_database):
        return {"output": "nothing to sync"}
    # Also an event that asks for nothing picks up what a killed worker left behind.
    if _store(folder, jobs, log):
        try:
            ensure_worker(script, FileLock(folder.worker_lock), server_connection)
        except OSError as error:
            log.warning(
                f"The edit is queued, but no worker could be started ({error}): "
                "run the task 'Process Queue'"
            )
    _tell_news(folder, log)
    return {"output": "queued" if jobs else "nothing to sync"}


def _store(folder: DataFolder, jobs: "list[JobData]", log: "Log") -> bool:
    """Store the jobs, if there are any; tell whether a worker has something to do.

    Raises:
        OSError, sqlite3.Error: neither the database nor the inbox took it.
    """
    try:
        return _store_in_database(folder, jobs, log)
    except (sqlite3.DatabaseError, NewerSchemaError) as error:
        problem: Exception = error
        # Only now: a hook that can use its database does not pay for the rescue.
        from sync_queue.rescue import is_damage, set_aside  # noqa: PLC0415

        if is_damage(error):
            try:
                aside = set_aside(folder.queue_database)
                if aside:
                    who = f"{_subjects(jobs)}: queued; the hook" if jobs else "An event"
                    log.error(
                        f"{who} found that the queue's database was damaged ({error}); it is kept "
                        f"as {aside}. A fresh one is in use; a reconciliation of all scenes begins "
                        "by itself and finds what was waiting in it"
                    )
                return _store_in_database(folder, jobs, None if aside else log)
            except (OSError, sqlite3.DatabaseError, NewerSchemaError) as again:
                problem = again  # it cannot be mended in this moment: the worker will see to it
        return _store_beside(folder, jobs, problem, log)


def _store_beside(
    folder: DataFolder, jobs: "list[JobData]", problem: Exception, log: "Log"
) -> bool:
    """Leave the jobs beside a database that did not take them; as `_store`."""
    # As there.
    from sync_queue.rescue import put_into_inbox  # noqa: PLC0415

    for job in jobs:
        put_into_inbox(folder.queue_folder, job)
    if isinstance(problem, NewerSchemaError):
        if jobs:
            log.warning(
                f"{_subjects(jobs)}: queued beside the database for the newer Stash2Plex that made "
                f"it, which takes it in: {problem}"
            )
        return False  # a worker of this version could do nothing
    if jobs:
        why = "busy" if "locked" in str(problem) else f"unusable now: {problem}"
        log.info(f"{_subjects(jobs)}: queued beside the database, which is {why}")
    return bool(jobs)


def _store_in_database(folder: DataFolder, jobs: "list[JobData]", log: "Log | None") -> bool:
    path = folder.queue_database
    while True:
        before = _status(path)
        database = connect(path, busy_timeout=LONGEST_WAIT)
        opened = _identity(before or _status(path))
        if log is not None and (before is None or not before.st_size):
            _tell_of_loss(path, jobs, log)
        if not jobs:
            return has_unfinished(database)
        added, _ = enqueue(database, jobs, jobs[0]["enqueued_at"])
        # Another process may have set the file aside as damaged while this one wrote to it.
        if _identity(_status(path)) == opened:
            if log is None:
                return True
            text = f"{_subjects(jobs)}: queued" + ("" if added else " (already waiting)")
            _tell_queued(text, _number_in_burst(folder.burst), log)
            return True


def _tell_queued(text: str, number: int, log: "Log") -> None:
    if number < BURST_LINES:
        log.info(text)
    elif number == BURST_LINES:
        log.info(f"{text}. More are queued in a row, without a line each")
    else:
        log.debug(text)


def _number_in_burst(path: str) -> int:
    """Return how many hooks have followed each other closely, by a file that each makes longer.

    The jobs that wait would not tell: a quick worker leaves none.
    """
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            status = os.fstat(file)
            goes_on = abs(time.time() - status.st_mtime) < BURST_GAP
            if not goes_on:
                os.ftruncate(file, 0)
            os.write(file, b".")
        finally:
            os.close(file)
    except OSError:
        return 1
    return status.st_size + 1 if goes_on else 1


def _tell_news(folder: DataFolder, log: "Log") -> None:
    """Tell what the worker wrote into its own log, when there is any of it for some seconds."""
    try:
        age = time.time() - os.stat(folder.news).st_mtime
    except OSError:
        return
    if not 0 <= age < NEWS_AGE:
        # Only now: a hook without news does not pay for reading them.
        from app.privacy import disguise_of  # noqa: PLC0415
        from app.relay import relay_worker_log  # noqa: PLC0415

        disguise = disguise_of(folder)
        log.disguise = disguise.apply if disguise.on else None
        relay_worker_log(folder, log, NEWS_BYTES)


def _tell_of_loss(path: str, jobs: "list[JobData]", log: "Log") -> None:
    # Only now: a hook that finds a database there does not ask what became of it.
    from sync_queue.rescue import was_emptied  # noqa: PLC0415

    if was_emptied(path):
        log.error(
            f"{_subjects(jobs) or 'An event'} found the queue's database empty, though edits were "
            "queued here before: what waited in it is lost, as after a full disk or a power cut. A "
            "reconciliation of all scenes begins by itself and finds it"
        )


def _status(path: str) -> "os.stat_result | None":
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _identity(status: "os.stat_result | None") -> "tuple[int, int] | None":
    return None if status is None else (status.st_dev, status.st_ino)


def _subjects(jobs: "list[JobData]") -> str:
    return ", ".join(subject_label(job["job_key"]) for job in jobs)


def _not_queued(jobs: "list[JobData]", error: Exception, log: "Log") -> "dict[str, Any]":
    if not jobs:
        return {"output": "nothing to sync"}
    # Stash moves no scene's time stamp when a performer, studio or tag changes.
    scope = "All" if jobs[0]["update_type"] == ENTITY else "Recent"
    text = log.redact(
        f"{_subjects(jobs)}: the edit could not be queued for Plex ({error}). Free the "
        f"database or its folder, then run the task 'Sync {scope} Scenes to Plex'"
    )
    log.error(text)
    return {"error": text}


def _disguise(folder: DataFolder) -> "Callable[[str], str]":
    """Return what keeps paths out of the log, should the setting say so."""

    def shown(text: str) -> str:
        if "/" not in text and "\\" not in text:
            return text
        # Only now: what a hook says as a rule names no path.
        from app.privacy import disguise_of  # noqa: PLC0415

        disguise = disguise_of(folder)
        return disguise.apply(text) if disguise.on else text

    return shown


def _secrets(server_connection: "dict[str, Any]") -> Secrets:
    secrets = Secrets()
    cookie = server_connection.get("SessionCookie")
    if isinstance(cookie, dict):
        secrets.add(cookie.get("Value"))
    return secrets

"""The detached worker's process: lives while there is work, then lingers a little and ends."""

import contextlib
import json
import os
import signal
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from app.dependencies import activate_dependencies, dependency_problem
from app.installation import Installation
from app.worker_log import create_worker_log
from plex.path_index import delete_index
from shared.data_folder import DataFolder, resolve_data_folder
from shared.file_lock import FileLock
from shared.leftovers import sweep_temporaries
from shared.log import Log
from shared.redaction import Secrets
from sync_queue.rescue import INBOX, is_damage, set_aside
from worker.launcher import ensure_worker
from worker.orphans import LinuxProcesses, Orphans
from worker.rest import Rest
from worker.takeover import LOOK_FOR_REQUESTS, is_wanted

if TYPE_CHECKING:
    from worker.processor import SyncWorker


@dataclass(frozen=True, slots=True)
class _Process:
    """What this process has had since its start."""

    script: str
    server_connection: dict[str, Any]
    folder: DataFolder
    lock: FileLock
    log: Log
    secrets: Secrets
    installation: Installation
    rest: Rest
    told_to_end: threading.Event = field(default_factory=threading.Event)


def run_worker(script: str, arguments: list[str]) -> int:
    """Drain the queue until it stays empty.

    Args:
        script: the plugin's entry script.
        arguments: the descriptor of the worker lock, which the starter has taken already; empty
            where locks cannot be inherited.

    Returns:
        The exit status: 0 also when another worker runs. It does not return where this process is
        to wait for the next edit (`worker.rest`).
    """
    if hasattr(os, "setsid"):
        with contextlib.suppress(PermissionError):  # it was started in a session of its own
            os.setsid()
    server_connection = _read_connection()
    plugin_dir = os.path.dirname(script)
    config_dir = server_connection.get("Dir")
    folder = resolve_data_folder(plugin_dir, str(config_dir or ""), os.environ)
    descriptor = int(arguments[0]) if arguments and arguments[0] else None
    if descriptor is not None:
        os.set_inheritable(descriptor, False)
    lock = FileLock(folder.worker_lock, descriptor)
    if not lock.try_acquire():
        return 0
    os.chdir(folder.root)
    secrets = Secrets()
    log = create_worker_log(folder.worker_log, secrets, folder.news)
    orphans = Orphans(folder.orphans, log, LinuxProcesses())
    orphans.ask()
    rest = Rest(script, lock, orphans, log)
    installation = Installation(script)
    process = _Process(script, server_connection, folder, lock, log, secrets, installation, rest)
    status = _try_to_work(process, plugin_dir)
    if not process.told_to_end.is_set():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # nothing is in hand any more
        rest.begin()
    return status


def _try_to_work(process: _Process, plugin_dir: str) -> int:
    """Work if that is possible; returns the exit status."""
    activate_dependencies(plugin_dir)
    problem = dependency_problem(plugin_dir)
    if problem:
        process.log.error(f"{problem}. The queued edits wait")
        return 1
    if not process.server_connection:
        process.log.error(
            "Whoever started this worker died before it told where Stash is; the jobs wait for the "
            "next edit or task, which starts another"
        )
        return 1
    try:
        return _work(process)
    except Exception:  # noqa: BLE001 - nobody reads this process's stderr
        process.log.error(
            "The worker had to end; the jobs are kept, and the next edit or task starts another. "
            f"Please report this: {traceback.format_exc()}"
        )
        return 1


def _work(process: _Process) -> int:
    """Drain the queue, again when something comes in at the last moment or the ground changes."""
    # Only here: by now it is known that they can be imported.
    from worker.processor import LEFT, STOPPED, UPDATED  # noqa: PLC0415

    process.log.info(f"The worker has started (process {os.getpid()})")
    _sweep(process.folder)
    while True:
        outcome, unfinished = _run_once(process)
        final = outcome in (LEFT, STOPPED, UPDATED)
        if not process.told_to_end.is_set():
            process.rest.prepare(patient=not final)
        process.lock.release()
        # A hook that committed while this process was leaving saw the lock held and started no
        # worker: so look once more, and take the office again if anything waits.
        if final or not unfinished():
            break
        if not process.lock.try_acquire():
            break
    process.log.info(f"The worker has ended ({outcome})")
    if outcome == UPDATED and process.installation.exists():
        ensure_worker(process.script, process.lock, process.server_connection)
    return 0


def _run_once(process: _Process) -> tuple[str, Callable[[], bool]]:
    """Run one worker until it ends; returns how, and what tells whether anything is left to do."""
    from app.collector import spare_the_collector  # noqa: PLC0415 - as in `_work`
    from app.container import build, environment  # noqa: PLC0415
    from app.earlier import take_over  # noqa: PLC0415
    from app.journal_notice import tell_of_refused_wal  # noqa: PLC0415
    from app.reconciling import SpareTime  # noqa: PLC0415
    from worker.processor import SyncWorker  # noqa: PLC0415

    container = None
    try:
        container = build(process.server_connection, process.folder, process.log, process.secrets)
        spare_the_collector()
        tell_of_refused_wal(container)
        take_over(container, process.lock)
        worker = SyncWorker(
            environment(
                container,
                installed=process.installation.unchanged,
                aside=SpareTime(container, time.monotonic),
            )
        )
        signal.signal(signal.SIGTERM, partial(_end, process, worker))
        return _in_thread(worker, process), container.queue.has_unfinished
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        if container is not None:
            container.close()
        _replace_damaged(process, error)
        return "damaged", lambda: True


def _end(process: _Process, worker: "SyncWorker", _signal: int, _frame: object) -> None:
    process.told_to_end.set()
    worker.stop()


def _replace_damaged(process: _Process, error: sqlite3.DatabaseError) -> None:
    aside = set_aside(process.folder.queue_database)
    if aside is not None:
        process.log.error(
            f"The queue's database was damaged ({error}) and is kept as {aside}. A fresh one is in "
            "use; a reconciliation of all scenes begins by itself and finds what was waiting in it"
        )
        return
    # The queue is sound: so it is the index of Plex's files, of which nothing is lost.
    delete_index(process.folder.library_database)
    process.log.warning(
        f"The index of Plex's files (library.db) was damaged ({error}); it is made anew"
    )


def _sweep(folder: DataFolder) -> None:
    """Remove what killed processes left behind."""
    inbox = os.path.join(folder.queue_folder, INBOX)
    for one in (folder.root, folder.queue_folder, inbox):
        sweep_temporaries(one, time.time())


def _in_thread(worker: "SyncWorker", process: _Process) -> str:
    """Run the worker in its thread; this one stays free for signals, and for who wants its place.

    Raises:
        Exception: what ended the worker.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="SyncWorker") as pool:
        running = pool.submit(worker.run_until_idle)
        while not wait([running], LOOK_FOR_REQUESTS).done:
            if is_wanted(process.folder.takeover_lock):
                worker.stop()
        return running.result()


def _read_connection() -> dict[str, Any]:
    """Return Stash's connection from the pipe that is our stdin, and let go of it."""
    try:
        raw = json.loads(sys.stdin.buffer.read())
    except ValueError:
        raw = None
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return raw if isinstance(raw, dict) else {}

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

from app.damage import Identity, Mender, identity_of, is_replaced
from app.dependencies import activate_dependencies, dependency_problem
from app.installation import Installation
from app.worker_failure import leave_word, problem_of
from app.worker_log import create_worker_log
from shared.data_folder import DataFolder, resolve_data_folder
from shared.events import Event
from shared.file_lock import FileLock
from shared.leftovers import sweep_temporaries
from shared.log import Log
from shared.redaction import Secrets
from sync_queue.database import NewerSchemaError
from sync_queue.rescue import is_damage
from sync_queue.spool_import import Spool
from worker.pauses import DATABASE, PauseNote, Pauses, database_fault
from worker.rest import Rest
from worker.takeover import LOOK_FOR_REQUESTS, ensure_worker, is_wanted
from worker.zombie_probe import LinuxProcesses, ZombieProbe

if TYPE_CHECKING:
    from app.container import Container
    from worker.idle_task import IdleTask
    from worker.processor import SyncWorker

_LOCKED_OUT = "locked out"  # of the database, before the worker could begin


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


@dataclass(frozen=True, slots=True)
class _Run:
    """One worker's, that has ended.

    Attributes:
        outcome: see `SyncWorker.run_until_idle`; `damaged` where a database was, `locked out` where
            somebody else kept the queue's for too long.
        left: tells whether anything is left to do.
        close: closes what it had open.
    """

    outcome: str
    left: Callable[[], bool]
    close: Callable[[], None]


def run_worker(script: str, arguments: list[str]) -> int:
    """Drain the queue until it stays empty.

    Args:
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
    try:
        process = _begin(script, server_connection, folder, lock)
    except Exception as error:  # noqa: BLE001 - nobody reads this process's stderr
        leave_word(folder.news, Event.WORKER_NOT_STARTED, problem_of(error))
        return 1
    status = _try_to_work(process, plugin_dir)
    if not process.told_to_end.is_set():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # nothing is in hand any more
        process.rest.begin()
    return status


def _begin(
    script: str, server_connection: dict[str, Any], folder: DataFolder, lock: FileLock
) -> _Process:
    """Return what this process needs before it knows whether it can work.

    Raises:
        Exception: it cannot even begin.
    """
    os.chdir(folder.root)
    secrets = Secrets()
    log = _open_log(folder, secrets)
    probe = ZombieProbe(folder.orphans, log, LinuxProcesses())
    probe.begin()
    rest = Rest(script, lock, probe, log)
    installation = Installation(script)
    return _Process(script, server_connection, folder, lock, log, secrets, installation, rest)


def _open_log(folder: DataFolder, secrets: Secrets) -> Log:
    """Return the worker's log; one that nobody hears where the file cannot be written."""
    try:
        return create_worker_log(folder.worker_log, secrets, folder.news)
    except OSError as error:
        leave_word(folder.news, Event.LOG_UNWRITABLE, str(error))
        return Log(lambda *_: None, secrets)


def _try_to_work(process: _Process, plugin_dir: str) -> int:
    """Work if that is possible; returns the exit status."""
    activate_dependencies(plugin_dir)
    problem = dependency_problem(plugin_dir)
    if problem:
        process.log.event(Event.WORKER_UNUSABLE, problem=problem)
        Spool(process.folder.queue_folder).compact()
        return 1
    if not process.server_connection:
        process.log.event(Event.WORKER_UNCONNECTED)
        return 1
    try:
        return _work(process)
    except NewerSchemaError as error:
        process.log.event(Event.WORKER_UNUSABLE, problem=str(error))
        Spool(process.folder.queue_folder).compact()
        return 1
    except (ImportError, SyntaxError) as error:  # most modules are loaded only in `_work`
        process.log.event(Event.WORKER_INCOMPLETE, problem=problem_of(error))
        Spool(process.folder.queue_folder).compact()
        return 1
    except PermissionError as error:
        process.log.event(Event.WORKER_FILE_REFUSED, problem=str(error))
        return 1
    except Exception:  # noqa: BLE001 - nobody reads this process's stderr
        process.log.event(Event.WORKER_FAILED, trace=traceback.format_exc())
        return 1


def _work(process: _Process) -> int:
    """Drain the queue, again when something comes in at the last moment or the ground changes."""
    # Only here: by now it is known that they can be imported.
    from worker.processor import AWAY, STOPPED, UPDATED  # noqa: PLC0415

    process.log.event(Event.WORKER_STARTED, pid=os.getpid())
    _sweep(process.folder)
    note = PauseNote(process.folder.pause, process.log.event, time.time)
    pauses = Pauses(time.monotonic, process.log.event, note.write)
    mender = Mender(process.folder, process.log, process.told_to_end.wait, time.monotonic)
    others: dict[str, Callable[[], bool]] = {
        STOPPED: partial(is_wanted, process.folder.takeover_lock),
        AWAY: lambda: pauses.active,
        _LOCKED_OUT: lambda: pauses.active,
    }
    while True:
        run = _run_once(process, pauses, mender)
        told = process.told_to_end.is_set()
        final = told or run.outcome == UPDATED
        if not told:
            process.rest.prepare()
        process.lock.release()
        # A hook that committed while this process was leaving saw the lock held and started no
        # worker: so look once more, and take the office again if anything waits.
        if final or not _give_room(process, others.get(run.outcome)) or not run.left():
            break
        if not process.lock.try_acquire() or process.rest.is_called():
            break
        run.close()
    process.log.event(Event.WORKER_ENDED, outcome=run.outcome)
    if run.outcome == UPDATED and process.installation.exists():
        spool = process.folder.spool
        ensure_worker(process.script, process.lock, spool, process.server_connection)
    return 0


def _give_room(process: _Process, is_theirs: Callable[[], bool] | None) -> bool:
    """Leave the place free for as long as it is others'; False when this process is to end."""
    while is_theirs is not None and is_theirs() and not process.rest.is_called():
        process.told_to_end.wait(LOOK_FOR_REQUESTS)
        if process.told_to_end.is_set():
            break
    return not process.told_to_end.is_set()


def _run_once(process: _Process, pauses: Pauses, mender: Mender) -> _Run:
    """Run one worker until it ends."""
    from app.container import build, tell_of_refused_wal  # noqa: PLC0415 - as in `_work`
    from app.draining import environment  # noqa: PLC0415
    from app.earlier import take_over  # noqa: PLC0415
    from worker.idle_task import LazyIdleTask  # noqa: PLC0415
    from worker.processor import LEFT, SyncWorker  # noqa: PLC0415

    container = None
    database = process.folder.queue_database
    opened = identity_of(database)
    try:
        container = build(process.server_connection, process.folder, process.log, process.secrets)
        opened = opened or identity_of(database)
        tell_of_refused_wal(container)
        take_over(container, process.lock)
        worker = SyncWorker(
            environment(
                container,
                installed=process.installation.unchanged,
                idle_task=LazyIdleTask(partial(_idle_task, process, container)),
                offer_connection=partial(_offer, process, container),
                pauses=pauses,
            )
        )
        signal.signal(signal.SIGTERM, partial(_end, process, worker))
        if process.told_to_end.is_set():
            worker.stop()
        outcome = _in_thread(worker, process, partial(is_replaced, database, opened))
    except sqlite3.DatabaseError as error:
        if container is not None:
            container.close()
        if is_damage(error):
            mender.mend(error, opened)
            return _Run("damaged", lambda: True, lambda: None)
        pauses.begin(database_fault(error), DATABASE, error)
        return _Run(_LOCKED_OUT, lambda: True, lambda: None)
    is_left: Callable[[], bool] = partial(_is_left, container, database, opened)
    if outcome == LEFT:  # only what came since then may bring a connection that Stash accepts
        is_left = container.queue.spool.has_news
    return _Run(outcome, is_left, container.close)


def _offer(process: _Process, container: "Container", connection: Any) -> None:
    """Keep a connection that a hook or task has left, for this run and for the next ones."""
    if isinstance(connection, dict):
        plex_url = process.server_connection.get("PlexUrl")  # of the command line; it stays
        process.server_connection.clear()
        process.server_connection.update(connection, PlexUrl=plex_url)
        container.offer(connection)


def _idle_task(process: _Process, container: "Container") -> "IdleTask | None":
    if not process.installation.unchanged():
        return None  # the worker is about to end; this version's reconciliation is gone
    # Only here: an edit that starts its worker waits for all that is loaded before it.
    from app.reconciling import reconciliation_scheduler  # noqa: PLC0415

    return reconciliation_scheduler(container, time.monotonic)


def _is_left(container: "Container", database: str, opened: Identity | None) -> bool:
    """Tell whether there is anything to do, be it to mend the database."""
    try:
        return is_replaced(database, opened) or container.queue.has_unfinished()
    except sqlite3.DatabaseError:
        return True  # nobody knows: the next look into the database finds out


def _end(process: _Process, worker: "SyncWorker", _signal: int, _frame: object) -> None:
    process.told_to_end.set()
    worker.stop()


def _sweep(folder: DataFolder) -> None:
    """Remove what killed processes left behind."""
    for place in (folder.root, folder.queue_folder, folder.spool):
        sweep_temporaries(place, time.time())


def _in_thread(worker: "SyncWorker", process: _Process, is_outdated: Callable[[], bool]) -> str:
    """Run the worker in its thread; this one stays free for signals, and for who wants its place.

    Args:
        worker: it ends after the scene in hand.
        process: of which it is.
        is_outdated: tells whether the queue's database is another by now.

    Raises:
        Exception: what ended the worker.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="SyncWorker") as pool:
        running = pool.submit(worker.run_until_idle)
        while not wait([running], LOOK_FOR_REQUESTS).done:
            if is_wanted(process.folder.takeover_lock) or is_outdated():
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

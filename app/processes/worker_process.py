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
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from app.dependencies import activate_dependencies, dependency_problem
from app.processes.damage import Identity, Mender, identity_of, is_replaced
from app.processes.installation import Installation
from app.processes.worker_failure import leave_word, problem_of
from app.processes.worker_log import create_worker_log
from shared.data_folder import DataFolder, resolve_data_folder
from shared.events import Event
from shared.file_lock import FileLock
from shared.files import sweep_temporaries
from shared.log import Log
from shared.redaction import Secrets
from sync_queue.database import NewerSchemaError
from sync_queue.quarantine import is_damage
from sync_queue.spool_import import Spool
from worker.pauses import DATABASE, Pauses, database_fault
from worker.process.idle import IdleProcess
from worker.process.outcome import DrainOutcome
from worker.process.takeover import LOOK_FOR_REQUESTS, ensure_worker, is_wanted
from worker.process.zombie_probe import ZombieProbe

if TYPE_CHECKING:
    from worker.processor import SyncWorker
    from worker.services import Services


@dataclass(slots=True)
class _Process:
    """What this process has had since its start, and the worker that it runs at the moment."""

    script: str
    server_connection: dict[str, Any]
    folder: DataFolder
    lock: FileLock
    log: Log
    secrets: Secrets
    installation: Installation
    probe: ZombieProbe
    pauses: Pauses
    mender: Mender
    told_to_end: threading.Event
    is_started: bool = False
    worker: "SyncWorker | None" = None

    def is_ending(self) -> bool:
        """Return whether this process got a signal, or the plugin's files have changed."""
        return self.told_to_end.is_set() or not self.installation.unchanged()

    def remember(self, connection: Any) -> None:
        """Keep a connection to Stash that a hook or task has left."""
        if isinstance(connection, dict):
            plex_url = self.server_connection.get("PlexUrl")  # of the command line; it stays
            self.server_connection.clear()
            self.server_connection.update(connection, PlexUrl=plex_url)


@dataclass(frozen=True, slots=True)
class _Run:
    """A worker's run that has ended, or that could not begin.

    Attributes:
        left: tells whether anything is left to do.
        close: closes what it had open.
    """

    outcome: DrainOutcome = DrainOutcome.UNUSABLE
    left: Callable[[], bool] = lambda: False
    close: Callable[[], None] = lambda: None


def run_worker(script: str, arguments: list[str]) -> int:
    """Drain the queue until it stays empty; where nothing reaps processes, stay for the next edit.

    Args:
        arguments: the descriptor of the worker lock, which the starter has taken already; none
            where locks cannot be inherited.

    Returns:
        The exit status: 0 also when another worker runs.
    """
    if hasattr(os, "setsid"):
        with contextlib.suppress(PermissionError):  # it was started in a session of its own
            os.setsid()
    server_connection = _read_connection()
    plugin_dir = os.path.dirname(script)
    config_dir = server_connection.get("Dir")
    folder = resolve_data_folder(plugin_dir, str(config_dir or ""), os.environ)
    descriptor = int(arguments[0]) if arguments else None
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
    outcome = _run_until_end(process)
    if outcome is not DrainOutcome.UNUSABLE:
        process.log.event(Event.WORKER_ENDED, outcome=outcome.value)
    installation = process.installation
    if not (process.told_to_end.is_set() or installation.unchanged()) and installation.exists():
        ensure_worker(script, lock, folder.spool, process.server_connection)
    return 1 if outcome is DrainOutcome.UNUSABLE else 0


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
    told_to_end = threading.Event()
    process = _Process(
        script=script,
        server_connection=server_connection,
        folder=folder,
        lock=lock,
        log=log,
        secrets=secrets,
        installation=Installation(script),
        probe=ZombieProbe(folder.orphans, log, os.getpid()),
        pauses=Pauses(folder.pause, log.event, time.time, time.monotonic),
        mender=Mender(folder, log, told_to_end.wait, time.monotonic),
        told_to_end=told_to_end,
    )
    signal.signal(signal.SIGTERM, partial(_end, process))
    return process


def _run_until_end(process: _Process) -> DrainOutcome:
    """Run workers for as long as this process is needed; return the last outcome.

    The worker lock is free afterwards.
    """
    for place in (process.folder.root, process.folder.queue_folder, process.folder.spool):
        sweep_temporaries(place, time.time())
    spool = Spool(process.folder.queue_folder)
    process.remember(spool.take_connection())  # it is as new as ours, or newer
    idle = IdleProcess(
        process.lock,
        spool,
        process.folder.takeover_lock,
        process.told_to_end.is_set,
        process.installation.exists,
        process.remember,
    )
    run = _Run()
    try:
        while not process.is_ending():
            run = _try_to_work(process)
            if not _is_needed(process, run, idle):
                break
    except OSError as error:
        process.log.event(Event.WORKER_FILE_REFUSED, problem=str(error))
    finally:
        process.lock.release()
    return run.outcome


def _is_needed(process: _Process, run: _Run, idle: IdleProcess) -> bool:
    """Return whether this process is to run a worker again; it holds the worker lock then."""
    if not idle.make_room():
        return False
    stays = process.probe.leaves_zombie()
    if not stays:
        process.lock.release()
    # A hook that committed while this process was leaving saw the lock held and started no
    # worker: so look once more, and take the lock again if anything waits.
    known = idle.spool.names()
    is_left = run.left()
    run.close()
    if stays:
        return is_left or idle.wait(known)
    return is_left and process.lock.try_acquire()


def _open_log(folder: DataFolder, secrets: Secrets) -> Log:
    """Return the worker's log; one that nobody hears where the file cannot be written."""
    try:
        return create_worker_log(folder.worker_log, secrets, folder.news)
    except OSError as error:
        leave_word(folder.news, Event.LOG_UNWRITABLE, str(error))
        return Log(lambda *_: None, secrets)


def _try_to_work(process: _Process) -> _Run:
    """Run a worker if that is possible."""
    try:
        plugin_dir = os.path.dirname(process.script)
        activate_dependencies(plugin_dir)
        problem = dependency_problem(plugin_dir)
        if problem:
            process.log.event(Event.WORKER_UNUSABLE, problem=problem)
            Spool(process.folder.queue_folder).compact()
        elif process.server_connection:
            return _run_once(process)
        else:
            process.log.event(Event.WORKER_UNCONNECTED)
    except NewerSchemaError as error:
        process.log.event(Event.WORKER_UNUSABLE, problem=str(error))
        Spool(process.folder.queue_folder).compact()
    except (ImportError, SyntaxError) as error:  # most modules are loaded only in `_run_once`
        process.log.event(Event.WORKER_INCOMPLETE, problem=problem_of(error))
        Spool(process.folder.queue_folder).compact()
    except PermissionError as error:
        process.log.event(Event.WORKER_FILE_REFUSED, problem=str(error))
    except Exception:  # noqa: BLE001 - nobody reads this process's stderr
        process.log.event(Event.WORKER_FAILED, trace=traceback.format_exc())
    return _Run()


def _run_once(process: _Process) -> _Run:
    """Run one worker until it ends."""
    # Only here: by now it is known that they can be imported.
    from app.earlier import take_over  # noqa: PLC0415
    from app.services import build, report_missing_wal  # noqa: PLC0415
    from reconciliation.scheduler import ReconciliationScheduler  # noqa: PLC0415
    from worker.processor import SyncWorker  # noqa: PLC0415

    if not process.is_started:
        process.is_started = True
        process.log.event(Event.WORKER_STARTED, pid=os.getpid())
    services = None
    database = process.folder.queue_database
    opened = identity_of(database)
    try:
        services = build(
            process.script,
            process.server_connection,
            process.folder,
            process.log,
            process.secrets,
            process.lock,
        )
        opened = opened or identity_of(database)
        report_missing_wal(services)
        take_over(services, process.lock)
        process.worker = SyncWorker(
            services,
            pauses=process.pauses,
            idle_task=ReconciliationScheduler(services),
            is_installed=process.installation.unchanged,
            on_connection=process.remember,
        )
        outcome = _in_thread(process.worker, process, partial(is_replaced, database, opened))
    except sqlite3.DatabaseError as error:
        if services is not None:
            services.close()
        if is_damage(error):
            process.mender.mend(error, opened)
            return _Run(DrainOutcome.DAMAGED, lambda: True)
        process.pauses.begin(database_fault(error), DATABASE, error)
        _sit_out_pause(process)
        return _Run(DrainOutcome.LOCKED_OUT, lambda: True)
    finally:
        process.worker = None
    is_left: Callable[[], bool] = partial(_is_left, services, database, opened)
    if outcome is DrainOutcome.LEFT:
        is_left = partial(_has_arrived, process, services.queue.spool)
    return _Run(outcome, is_left, services.close)


def _sit_out_pause(process: _Process) -> None:
    """Wait for the end of a pause, of this process, or for a task that wants the worker lock."""
    while process.pauses.active and not is_wanted(process.folder.takeover_lock):
        if process.told_to_end.wait(LOOK_FOR_REQUESTS):
            break


def _is_left(services: "Services", database: str, opened: Identity | None) -> bool:
    """Tell whether there is anything to do, be it to mend the database."""
    try:
        return is_replaced(database, opened) or services.queue.has_unfinished()
    except sqlite3.DatabaseError:
        return True  # nobody knows: the next look into the database finds out


def _has_arrived(process: _Process, spool: Spool) -> bool:
    """Take what came since Stash refused us: a connection that it may accept, or jobs."""
    connection = spool.take_connection()
    process.remember(connection)
    return connection is not None or not spool.is_empty()


def _end(process: _Process, _signal: int, _frame: object) -> None:
    process.told_to_end.set()
    if process.worker is not None:
        process.worker.stop()


def _in_thread(
    worker: "SyncWorker", process: _Process, is_outdated: Callable[[], bool]
) -> DrainOutcome:
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
            told_to_end = process.told_to_end.is_set()  # the signal may have come before the worker
            if told_to_end or is_wanted(process.folder.takeover_lock) or is_outdated():
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

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
from app.processes.installation import installation_stamp
from app.processes.worker_log import create_worker_log, leave_record
from plex.index_database import delete_index, is_about_index
from shared.data_folder import DataFolder, data_folder_of
from shared.events import Event
from shared.file_lock import FileLock
from shared.files import sweep_temporaries
from shared.log import Log
from sync_queue.database import NewerSchemaError
from sync_queue.quarantine import is_damage, quarantine_database
from sync_queue.spool import CONNECTION
from sync_queue.spool_import import Spool
from worker.pauses import DATABASE, Pauses, database_fault
from worker.process.lock_handover import (
    BUSY_INTERVAL,
    IDLE_INTERVAL,
    INSTALLATION_INTERVAL,
    ensure_worker,
    is_requested,
)
from worker.process.outcome import DrainOutcome
from worker.process.zombie_probe import ZombieProbe

if TYPE_CHECKING:
    from worker.processor import SyncWorker
    from worker.services import Services

LONGEST_UPDATE = 10.0
# If a database is damaged again within QUIET seconds after a repair, the next repair is delayed.
QUIET, LONGEST_WAIT = 60.0, 60.0

Identity = tuple[int, int]


def run_worker(script: str, arguments: list[str]) -> int:
    if hasattr(os, "setsid"):
        with contextlib.suppress(PermissionError):
            os.setsid()
    connection = _read_connection()
    folder = data_folder_of(script, connection)
    # On Windows, the parent process cannot pass the worker lock as a file descriptor.
    descriptor = int(arguments[0]) if arguments else None
    if descriptor is not None:
        os.set_inheritable(descriptor, False)
    lock = FileLock(folder.worker_lock, descriptor)
    if not lock.try_acquire():
        return 0
    try:
        process = _WorkerProcess(script, connection, folder, lock)
    except Exception as error:  # noqa: BLE001 - Stash does not read this process's stderr
        # Release the lock first, because a task may start a new worker after this report.
        lock.release()
        leave_record(
            folder.unreported, Event.WORKER_NOT_STARTED, f"{type(error).__name__}: {error}"
        )
        return 1
    return process.run()


def _read_connection() -> dict[str, Any]:
    try:
        connection = json.loads(sys.stdin.buffer.read())
    except ValueError:
        connection = None
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return connection if isinstance(connection, dict) else {}


def _open_log(folder: DataFolder) -> Log:
    try:
        return create_worker_log(folder.worker_log, folder.unreported)
    except OSError as error:
        leave_record(folder.unreported, Event.LOG_UNWRITABLE, str(error))
        return Log(lambda *_: None)


class _WorkerProcess:
    def __init__(
        self, script: str, connection: dict[str, Any], folder: DataFolder, lock: FileLock
    ) -> None:
        os.chdir(folder.root)
        self._script = script
        self._connection = connection
        self._folder = folder
        self._lock = lock
        self._log = _open_log(folder)
        self._stop = threading.Event()
        self._installed = installation_stamp(script)
        self._script_exists = partial(os.path.exists, script)
        self._probe = ZombieProbe(folder.zombie_state, self._log, os.getpid())
        self._pauses = Pauses(folder.pause, self._log.event, time.time, time.monotonic)
        self._repair = DatabaseRepair(folder, self._log, self._stop.wait, time.monotonic)
        self._spool = Spool(folder.queue_folder)
        self._is_started = False
        self._worker: SyncWorker | None = None
        self._services: Services | None = None
        self._database: Identity | None = None
        signal.signal(signal.SIGTERM, self._on_signal)

    def run(self) -> int:
        folder = self._folder
        for path in (folder.root, folder.queue_folder, folder.spool):
            sweep_temporaries(path, time.time())
        # A hook may have stored a newer connection to Stash than the connection from stdin.
        self._remember(self._spool.take_connection())
        outcome = DrainOutcome.UNUSABLE
        try:
            while not self._stop.is_set() and self._is_unchanged():
                outcome = self._try_to_work()
                if not self._has_work_and_lock(outcome):
                    break
        except OSError as error:
            self._log.event(Event.WORKER_FILE_REFUSED, problem=str(error))
        finally:
            self._lock.release()
        if outcome in (DrainOutcome.DAMAGED, DrainOutcome.LOCKED_OUT):
            if self._stop.is_set():
                outcome = DrainOutcome.STOPPED
            elif not self._is_unchanged():
                outcome = DrainOutcome.UPDATED
        if outcome is not DrainOutcome.UNUSABLE:
            self._log.event(Event.WORKER_ENDED, outcome=outcome.code, reason=outcome.reason)
        if not self._is_unchanged() and self._is_installed_again():
            ensure_worker(self._script, self._lock, folder.spool, self._connection)
        return 1 if outcome is DrainOutcome.UNUSABLE else 0

    def _is_installed_again(self) -> bool:
        end = time.monotonic() + LONGEST_UPDATE
        while not self._script_exists() and time.monotonic() < end:
            if self._stop.wait(BUSY_INTERVAL):
                break
        return self._script_exists() and not self._stop.is_set()

    def _is_unchanged(self) -> bool:
        return installation_stamp(self._script) == self._installed

    def _remember(self, connection: Any) -> None:
        if isinstance(connection, dict):
            command_line_url = self._connection.get("PlexUrl")
            self._connection.clear()
            self._connection.update(connection, PlexUrl=command_line_url)

    def _on_signal(self, _signal: int, _frame: object) -> None:
        self._stop.set()
        if self._worker is not None:
            self._worker.stop()

    def _try_to_work(self) -> DrainOutcome:
        try:
            plugin_dir = os.path.dirname(self._script)
            activate_dependencies(plugin_dir)
            problem = dependency_problem(plugin_dir)
            if problem:
                self._log.event(Event.WORKER_UNUSABLE, problem=problem)
                self._spool.compact()
            elif self._connection:
                return self._run_worker()
            else:
                self._log.event(Event.WORKER_UNCONNECTED)
        except NewerSchemaError as error:
            self._log.event(Event.WORKER_UNUSABLE, problem=str(error))
            self._spool.compact()
        except (ImportError, SyntaxError) as error:
            self._log.event(Event.WORKER_INCOMPLETE, problem=f"{type(error).__name__}: {error}")
            self._spool.compact()
        except PermissionError as error:
            self._log.event(Event.WORKER_FILE_REFUSED, problem=str(error))
        except Exception:  # noqa: BLE001 - Stash does not read this process's stderr
            self._log.event(Event.WORKER_FAILED, trace=traceback.format_exc())
        return DrainOutcome.UNUSABLE

    def _run_worker(self) -> DrainOutcome:
        from app.services import build, import_legacy_data, report_missing_wal  # noqa: PLC0415
        from reconciliation.scheduler import ReconciliationScheduler  # noqa: PLC0415
        from worker.processor import SyncWorker  # noqa: PLC0415 - needs the packages

        if not self._is_started:
            self._is_started = True
            self._log.event(Event.WORKER_STARTED, pid=os.getpid())
        self._database = identity_of(self._folder.queue_database)
        try:
            services = self._services = build(
                self._script, self._connection, self._folder, self._log, self._lock
            )
            self._database = self._database or identity_of(self._folder.queue_database)
            report_missing_wal(services)
            import_legacy_data(services)
            self._worker = SyncWorker(
                services,
                pauses=self._pauses,
                idle_task=ReconciliationScheduler(services),
                is_installed=self._is_unchanged,
                on_connection=self._remember,
            )
            return self._run_in_thread(self._worker)
        except sqlite3.DatabaseError as error:
            self._close_services()
            if is_damage(error):
                self._repair.repair(error, self._database)
                return DrainOutcome.DAMAGED
            self._pauses.begin(database_fault(error), DATABASE, error)
            while self._pauses.active and not is_requested(self._folder.takeover_lock):
                if self._stop.wait(BUSY_INTERVAL):
                    break
            return DrainOutcome.LOCKED_OUT
        finally:
            self._worker = None

    def _run_in_thread(self, worker: "SyncWorker") -> DrainOutcome:
        """Run a worker in a thread, because only the main thread can react to signals."""
        with ThreadPoolExecutor(1, thread_name_prefix="SyncWorker") as pool:
            running = pool.submit(worker.run_until_idle)
            while not wait([running], BUSY_INTERVAL).done:
                # If a signal came before `self._worker` was set, the worker is stopped here.
                if (
                    self._stop.is_set()
                    or is_requested(self._folder.takeover_lock)
                    or not self._is_unchanged()
                    or is_replaced(self._folder.queue_database, self._database)
                ):
                    worker.stop()
            outcome = running.result()
        return outcome if self._is_unchanged() else DrainOutcome.UPDATED

    def _has_work_and_lock(self, outcome: DrainOutcome) -> bool:
        if not self._hand_over():
            return False
        stays = self._probe.leaves_zombie()
        if not stays:
            self._lock.release()
        # Look for jobs again. While this process held the lock, hooks stored jobs but started no
        # worker.
        known = self._spool.names()
        has_work = self._has_work(outcome)
        self._close_services()
        if stays:
            return has_work or self._wait_for_job(known)
        return has_work and self._lock.try_acquire()

    def _hand_over(self) -> bool:
        """Release the worker lock while a task needs it.

        Return whether this process got the lock back.
        """
        request_path = self._folder.takeover_lock
        if not is_requested(request_path):
            return True
        self._lock.release()
        while not self._stop.is_set():
            if not is_requested(request_path):
                if self._lock.try_acquire():
                    return True
                if not is_requested(request_path):
                    return False
            time.sleep(IDLE_INTERVAL)
        return False

    def _wait_for_job(self, known: frozenset[str]) -> bool:
        checked_at = time.monotonic()
        while not self._stop.is_set():
            names = self._spool.names()
            connection = self._spool.take_connection() if CONNECTION in names else None
            self._remember(connection)
            if connection is not None or names - known - {CONNECTION}:
                return True
            if time.monotonic() - checked_at >= INSTALLATION_INTERVAL:
                checked_at = time.monotonic()
                if not self._script_exists():
                    return False
            if not self._hand_over():
                return False
            time.sleep(IDLE_INTERVAL)
        return False

    def _has_work(self, outcome: DrainOutcome) -> bool:
        if outcome is DrainOutcome.UNUSABLE:
            return False
        # Stash has rejected the worker's session. Only a later hook or task brings a new session.
        if outcome is DrainOutcome.LEFT:
            connection = self._spool.take_connection()
            self._remember(connection)
            return connection is not None or not self._spool.is_empty()
        if self._services is None or is_replaced(self._folder.queue_database, self._database):
            return True
        try:
            return self._services.queue.has_unfinished()
        except sqlite3.DatabaseError:
            return True

    def _close_services(self) -> None:
        if self._services is not None:
            self._services.close()
            self._services = None


@dataclass
class DatabaseRepair:
    folder: DataFolder
    log: Log
    wait: Callable[[float], object]
    monotonic: Callable[[], float]
    _in_a_row: int = 0
    _repaired_at: float = float("-inf")

    def repair(self, error: sqlite3.DatabaseError, opened: Identity | None) -> None:
        """Repair the queue or the path index. The caller must have closed both databases."""
        again = self.monotonic() - self._repaired_at < QUIET
        self._in_a_row = self._in_a_row + 1 if again else 1
        if again:
            self.wait(min(LONGEST_WAIT, 2.0 ** min(self._in_a_row - 2, 6)))
        path = self.folder.queue_database
        try:
            if is_about_index(error):
                delete_index(self.folder.library_database)
                self.log.event(Event.INDEX_REBUILT, error=error)
            elif is_replaced(path, opened):
                self.log.event(Event.QUEUE_REPLACED, error=error)
            elif kept := quarantine_database(path):
                self.log.event(Event.QUEUE_REBUILT, error=error, kept=kept)
            else:
                self.log.event(Event.QUEUE_REPAIRED, error=error)
        except OSError as problem:
            self.log.event(Event.DATABASE_NOT_REPAIRED, error=error, problem=str(problem))
        self._repaired_at = self.monotonic()


def identity_of(path: str) -> Identity | None:
    with contextlib.suppress(OSError):
        status = os.stat(path)
        return status.st_dev, status.st_ino
    return None


def is_replaced(path: str, opened: Identity | None) -> bool:
    return opened is not None and identity_of(path) not in (None, opened)

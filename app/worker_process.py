"""The detached worker's process: lives while there is work, then lingers a little and ends."""

import contextlib
import json
import os
import signal
import sys
import threading
from typing import Any

from app.dependencies import activate_site_packages, missing_dependencies
from app.worker_log import create_worker_log
from shared.data_folder import DataFolder, resolve_data_folder
from shared.file_lock import FileLock
from shared.log import Log
from shared.redaction import Secrets


def run_worker(script: str, arguments: list[str]) -> int:
    """Drain the queue until it stays empty.

    Args:
        script: the plugin's entry script.
        arguments: the descriptor of the worker lock, which the starter has taken already; empty
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
    descriptor = int(arguments[0]) if arguments and arguments[0] else None
    if descriptor is not None:
        os.set_inheritable(descriptor, False)
    lock = FileLock(folder.worker_lock, descriptor)
    if not lock.try_acquire():
        return 0
    os.chdir(folder.root)
    secrets = Secrets()
    log = create_worker_log(folder.worker_log, secrets)
    activate_site_packages()
    problem = missing_dependencies()
    if problem:
        log.error(f"{problem}. The queued edits wait")
        return 1
    return _work(server_connection, folder, lock, log, secrets)


def _work(
    server_connection: dict[str, Any],
    folder: DataFolder,
    lock: FileLock,
    log: Log,
    secrets: Secrets,
) -> int:
    # Only here: by now it is known that they can be imported.
    from app.container import build, environment  # noqa: PLC0415
    from worker.processor import LEFT, STOPPED, SyncWorker  # noqa: PLC0415
    from worker.stats import SyncStats  # noqa: PLC0415

    container = build(server_connection, folder, log, secrets)
    stats = SyncStats(folder.stats, log.warning, container.queue.clock)
    worker = SyncWorker(environment(container, stats))
    signal.signal(signal.SIGTERM, lambda _signal, _frame: worker.stop())
    log.info(f"The worker has started (process {os.getpid()})")
    while True:
        outcome = _in_thread(worker)
        lock.release()
        # A hook that committed while this process was leaving saw the lock held and started no
        # worker: so look once more, and take the office again if anything waits.
        if outcome in (LEFT, STOPPED) or not container.queue.has_unfinished():
            break
        if not lock.try_acquire():
            break
    log.info(f"The worker has ended ({outcome})")
    return 0


def _in_thread(worker: Any) -> str:
    """Run the worker in its thread; this one stays free for signals."""
    outcomes: list[str] = []

    def run() -> None:
        outcomes.append(worker.run_until_idle())

    thread = threading.Thread(target=run, name="SyncWorker")
    thread.start()
    thread.join()
    return outcomes[0] if outcomes else "failed"


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

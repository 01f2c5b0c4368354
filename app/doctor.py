"""Runs the Doctor's checks without any of the objects of a task, because these may be broken.

Only the standard library and the plugin are imported here, because other packages may be missing.
"""

import os
import time
import traceback
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from app.processes.installation import installed_version
from plex.path_index import IndexCheckup, inspect_index
from shared.data_folder import DataFolder, data_folder_of, preferred_folder
from shared.log import Log
from shared.redaction import Secrets
from sync_queue.checkup import DatabaseCheckup, examine_database
from tasks.answer import Answer
from tasks.doctor import machine_checks, work_checks
from tasks.doctor.finding import Check, Finding, masked, report, unchecked

# Names of the checks that need installed packages.
_OF_SERVERS = (
    "Stash", "settings", "Plex", "encryption", "token", "libraries", "path coverage",
    "behaviour of Plex", "clock",
)  # fmt: skip
_OF_WORK = ("worker", "pause", "queue", "dead letters", "circuit breaker")


def examine(
    script: str,
    server_connection: Mapping[str, Any],
    missing: Sequence[str],
    log: Log,
    secrets: Secrets,
) -> Answer:
    """Run all checks; a check that fails does not stop the others.

    Args:
        server_connection: see `app.services.build`.
        missing: the packages that this Python lacks.
        log: gets the traceback of a check that failed by a bug, at the debug level.
        secrets: gets the secrets of both servers.
    """
    plugin_dir = os.path.dirname(script)
    folder, why = _folder(script, server_connection)
    database, index = DatabaseCheckup(exists=False), IndexCheckup(exists=False)
    if folder is not None:
        database = examine_database(folder.queue_database, time.time())
        index = inspect_index(folder.library_database)
    of_servers, hosts = _checks_of_servers(
        missing, server_connection, folder, database, index, secrets
    )
    checks: dict[str, Check] = {
        "plugin": lambda: machine_checks.check_plugin(installed_version(script), plugin_dir),
        "python": machine_checks.check_python,
        "dependencies": lambda: machine_checks.check_dependencies(plugin_dir, missing),
        **_checks_of_storage(folder, why, database, index),
        **of_servers,
        **_checks_of_work(folder, database),
    }
    mask = partial(masked, redact=log.redact, home=os.path.expanduser("~"), hosts=hosts)
    return report({name: _safely(name, check, log) for name, check in checks.items()}, mask)


def _folder(script: str, connection: Mapping[str, Any]) -> tuple[DataFolder | None, str]:
    """Return the data folder, None if there is none, and why it cannot be used."""
    try:
        return data_folder_of(script, connection), ""
    except OSError as error:
        folder = DataFolder(preferred_folder(os.path.dirname(script), os.environ))
        why = error.strerror or type(error).__name__
        return (folder if os.path.isdir(folder.root) else None), why


def _checks_of_storage(
    folder: DataFolder | None, why: str, database: DatabaseCheckup, index: IndexCheckup
) -> dict[str, Check]:
    checkup = None
    if folder is not None:
        try:
            checkup = machine_checks.examine_folder(folder)
        except OSError as error:
            why = error.strerror or type(error).__name__
    return {
        "data folder": lambda: machine_checks.check_folder(checkup, why),
        "permissions": lambda: machine_checks.check_permissions(checkup),
        "free space": lambda: machine_checks.check_space(checkup),
        "queue database": lambda: machine_checks.check_database(database),
        "path index": lambda: machine_checks.check_index(index),
        "state files": lambda: machine_checks.check_state_files(folder),
    }


def _checks_of_servers(
    missing: Sequence[str], *examined: Any
) -> tuple[Mapping[str, Check], Sequence[str]]:
    """Return the checks of both servers, and the host names to hide."""
    why = "needed packages are missing"
    if not missing:
        try:
            # Imported lazily: now the packages are known to be installed.
            from tasks.doctor.server_checks import examine_servers  # noqa: PLC0415
        except ImportError as error:  # a package does not fit this Python or another package
            why = f"needed packages cannot be loaded ({error})"
        else:
            return examine_servers(*examined)
    return dict.fromkeys(_OF_SERVERS, lambda: unchecked(why)), ()


def _checks_of_work(folder: DataFolder | None, database: DatabaseCheckup) -> dict[str, Check]:
    if folder is None:
        return dict.fromkeys(_OF_WORK, lambda: unchecked("there is no data folder"))
    now = time.time()

    def signs() -> work_checks.WorkerSigns:
        return work_checks.read_worker_signs(folder.worker_log)

    breaker, pause = (
        work_checks.read_json(folder.circuit_breaker),
        work_checks.read_json(folder.pause),
    )
    return {
        "worker": lambda: work_checks.check_worker(signs(), database, now),
        "pause": lambda: work_checks.check_pause(signs(), pause, database, now),
        "queue": lambda: work_checks.check_queue(database),
        "dead letters": lambda: work_checks.check_dead_letters(database),
        "circuit breaker": lambda: work_checks.check_breaker(breaker, now),
    }


def _safely(name: str, check: Check, log: Log) -> Finding:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - a check that fails must not stop the others
        log.debug(f"The Doctor's check '{name}' failed: {traceback.format_exc()}")
        reason = error.strerror if isinstance(error, OSError) else None
        return unchecked(reason or type(error).__name__)

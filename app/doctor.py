import os
import shutil
import time
import traceback
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from app.processes.installation import installed_version
from plex.path_index import inspect_index
from shared.data_folder import DataFolder, data_folder_of, preferred_folder
from shared.log import Log
from sync_queue.checkup import DatabaseCheckup, examine_database
from tasks.answer import Answer
from tasks.doctor import machine_checks, work_checks
from tasks.doctor.finding import Check, Finding, masked, report, unchecked

_OF_SERVERS = (
    "Stash", "settings", "Plex", "encryption", "token", "libraries", "synced scenes",
    "edits in Plex", "clock",
)  # fmt: skip
_OF_FOLDER = (
    "permissions", "free space", "state files", "worker", "pause", "queue", "failed jobs",
    "circuit breaker",
)  # fmt: skip


def examine(
    script: str, server_connection: Mapping[str, Any], missing: Sequence[str], log: Log
) -> Answer:
    plugin_dir, now = os.path.dirname(script), time.time()
    folder, why = _folder(script, server_connection)
    database = examine_database(folder.queue_database, now)
    index = inspect_index(folder.library_database)
    of_servers, hosts = _checks_of_servers(
        missing, server_connection, folder, database, index, log.secrets
    )
    checks: dict[str, Check] = {
        "plugin": lambda: machine_checks.check_plugin(installed_version(script), plugin_dir),
        "python": machine_checks.check_python,
        "dependencies": lambda: machine_checks.check_dependencies(plugin_dir, missing),
        "data folder": lambda: machine_checks.check_folder(folder, why),
        "permissions": lambda: machine_checks.check_permissions(folder.root),
        "free space": lambda: machine_checks.check_space(shutil.disk_usage(folder.root).free),
        "queue database": lambda: machine_checks.check_database(database),
        "list of files": lambda: machine_checks.check_index(index),
        "state files": lambda: machine_checks.check_state_files(folder),
        **of_servers,
        **_checks_of_work(folder, database, now),
    }
    if not os.path.isdir(folder.root):
        checks |= dict.fromkeys(_OF_FOLDER, lambda: unchecked("there is no data folder"))
    mask = partial(masked, redact=log.redact, home=os.path.expanduser("~"), hosts=hosts)
    return report({name: _safely(name, check, log) for name, check in checks.items()}, mask)


def _folder(script: str, connection: Mapping[str, Any]) -> tuple[DataFolder, str]:
    try:
        return data_folder_of(script, connection), ""
    except OSError as error:
        folder = DataFolder(preferred_folder(os.path.dirname(script), os.environ))
        return folder, error.strerror or type(error).__name__


def _checks_of_servers(
    missing: Sequence[str], *examined: Any
) -> tuple[Mapping[str, Check], Sequence[str]]:
    why = "needed packages are missing"
    if not missing:
        try:
            from tasks.doctor.server_checks import examine_servers  # noqa: PLC0415 - needs the packages
        except ImportError as error:
            why = f"needed packages cannot be loaded ({error})"
        else:
            return examine_servers(*examined)
    return dict.fromkeys(_OF_SERVERS, lambda: unchecked(why)), ()


def _checks_of_work(folder: DataFolder, database: DatabaseCheckup, now: float) -> dict[str, Check]:
    signs = partial(work_checks.read_worker_signs, folder.worker_log)
    pause = work_checks.read_json(folder.pause)
    breaker = work_checks.read_json(folder.circuit_breaker)
    return {
        "worker": lambda: work_checks.check_worker(signs(), database, now),
        "pause": lambda: work_checks.check_pause(signs(), pause, database, now),
        "queue": lambda: work_checks.check_queue(database),
        "failed jobs": lambda: work_checks.check_dead_letters(database),
        "circuit breaker": lambda: work_checks.check_breaker(breaker, now),
    }


def _safely(name: str, check: Check, log: Log) -> Finding:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - a check that fails must not stop the others
        log.debug(f"The Doctor's check '{name}' failed: {traceback.format_exc()}")
        reason = error.strerror if isinstance(error, OSError) else None
        return unchecked(reason or type(error).__name__)

"""Shows the Doctor everything: what it looks at may be what is broken, so no context is built.

It imports the standard library only, for the others may be what is missing.
"""

import os
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from app.cli.access import place
from app.processes.installation import installed_version
from plex.index_database import IndexCheckup, inspect_index
from shared.data_folder import DataFolder, resolve_data_folder
from shared.log import Log
from shared.redaction import Secrets
from sync_queue.checkup import DatabaseCheckup, examine_database
from tasks.answer import Answer
from tasks.doctor import machine, storage, work
from tasks.doctor.check import Check, Mask, NamedCheck, report, unchecked

# What is checked with the libraries' help.
_OF_SERVERS = (
    "Stash", "settings", "Plex", "encryption", "token", "libraries", "path coverage",
    "behaviour of Plex", "clock",
)  # fmt: skip

_OfServers = tuple[list[NamedCheck], list[str]]


def examine(
    script: str,
    server_connection: Mapping[str, Any],
    missing: Sequence[str],
    log: Log,
    secrets: Secrets,
) -> Answer:
    """Run all checks; whatever is broken, this comes to its end.

    Args:
        server_connection: see `app.services.build`.
        missing: the packages that this Python lacks.
        log: is told, at its debug level, about a check that failed by a bug.
        secrets: learns the secrets of both servers.
    """
    plugin_dir = os.path.dirname(script)
    folder, why = _folder(plugin_dir, str(server_connection.get("Dir") or ""))
    database, index = DatabaseCheckup(exists=False), IndexCheckup(exists=False)
    if folder is not None:
        database = examine_database(folder.queue_database, time.time())
        index = inspect_index(folder.library_database)
    examine_servers = _examiner(missing)
    of_servers, hosts = examine_servers(server_connection, folder, database, index, secrets)
    checks: list[NamedCheck] = [
        ("plugin", lambda: machine.check_plugin(installed_version(script), plugin_dir)),
        ("python", machine.check_python),
        ("dependencies", lambda: machine.check_dependencies(plugin_dir, missing)),
        *_checks_of_storage(folder, why, database, index),
        *of_servers,
        *_checks_of_work(folder, database),
    ]
    mask = Mask(log.redact, os.path.expanduser("~"), hosts)
    return report([_safely(name, check, log) for name, check in checks], mask)


def _folder(plugin_dir: str, stash_dir: str) -> tuple[DataFolder | None, str]:
    try:
        return resolve_data_folder(plugin_dir, stash_dir, os.environ), ""
    except OSError as error:
        there = DataFolder(place(plugin_dir, os.environ))
        why = error.strerror or type(error).__name__
        return (there if os.path.isdir(there.root) else None), why


def _checks_of_storage(
    folder: DataFolder | None, why: str, database: DatabaseCheckup, index: IndexCheckup
) -> list[NamedCheck]:
    checkup = None
    if folder is not None:
        try:
            checkup = storage.examine_folder(folder)
        except OSError as error:
            why = error.strerror or type(error).__name__
    return [
        ("data folder", lambda: storage.check_folder(checkup, why)),
        ("permissions", lambda: storage.check_permissions(checkup)),
        ("free space", lambda: storage.check_space(checkup)),
        ("queue database", lambda: storage.check_database(database)),
        ("index of Plex's files", lambda: storage.check_index(index)),
        ("state files", lambda: storage.check_state_files(folder)),
    ]


def _examiner(missing: Sequence[str]) -> Callable[..., _OfServers]:
    """Return `examine_servers`, or what says instead why nobody can be asked.

    Args:
        missing: the packages that this Python lacks.
    """
    why = "the libraries that it needs are missing"
    if not missing:
        try:
            # Only here: by now it is known whether what it needs is installed.
            from app.doctor.server_examination import examine_servers  # noqa: PLC0415
        except ImportError as error:  # not fit for this Python, or for each other
            why = f"the libraries that it needs cannot be loaded ({error})"
        else:
            return examine_servers
    unasked: list[NamedCheck] = [(name, partial(unchecked, name, why)) for name in _OF_SERVERS]
    hosts: list[str] = []
    return lambda *_: (unasked, hosts)


def _checks_of_work(folder: DataFolder | None, database: DatabaseCheckup) -> list[NamedCheck]:
    if folder is None:
        names = ("worker", "queue", "dead letters", "circuit breaker")
        return [(one, partial(unchecked, one, "there is no data folder")) for one in names]
    now = time.time()
    log, breaker = folder.worker_log, folder.circuit_breaker
    return [
        ("worker", lambda: work.check_worker(work.read_worker_signs(log), database, now)),
        ("queue", lambda: work.check_queue(database)),
        ("dead letters", lambda: work.check_dead_letters(database)),
        ("circuit breaker", lambda: work.check_breaker(work.read_breaker(breaker), now)),
    ]


def _safely(name: str, check: Callable[[], Check], log: Log) -> Check:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - what one check stumbles over must not stop the others
        log.debug(f"The Doctor's check '{name}' failed: {traceback.format_exc()}")
        reason = error.strerror if isinstance(error, OSError) else None
        return unchecked(name, reason or type(error).__name__)

"""Shows the Doctor everything: what it looks at may be what is broken, so no context is built."""

import os
import socket
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from app.installation import installed_version
from app.shell_access import place
from plex.checkup import PlexCheckup, look_at_plex
from plex.client import PlexClient
from plex.device_identity import device_headers
from plex.index_checkup import IndexCheckup, look_at_index
from shared.data_folder import DataFolder, resolve_data_folder
from shared.log import Log
from shared.redaction import Secrets
from stash.checkup import StashCheckup, look_at_stash
from stash.connection import StashConnection, parse_address
from sync_queue.checkup import DatabaseCheckup, look_at_database
from tasks.answer import Answer
from tasks.doctor import machine, servers, storage, work
from tasks.doctor.check import Check, report, unchecked
from tasks.doctor.mask import Mask
from validation.config import Config, ParsedConfig, parse_config

_CLOCK = time.time
_Named = tuple[str, Callable[[], Check]]


@dataclass(frozen=True, slots=True)
class _Servers:
    """What both servers said; `plex` and `parsed` are None where nobody knows how to ask."""

    stash_address: str
    stash: StashCheckup
    parsed: ParsedConfig | None
    config: Config
    plex: PlexCheckup | None


def examine(
    script: str, server_connection: Mapping[str, Any], log: Log, secrets: Secrets
) -> Answer:
    """Run all checks; whatever is broken, this comes to its end.

    Args:
        script: the plugin's entry script.
        server_connection: see `app.container.build`.
        log: is told, at its debug level, about a check that failed by a bug.
        secrets: learns the secrets of both servers.
    """
    plugin_dir = os.path.dirname(script)
    folder, why = _folder(plugin_dir, str(server_connection.get("Dir") or ""))
    seen = _look_at_servers(server_connection, folder, secrets)
    database, index = DatabaseCheckup(exists=False), IndexCheckup(exists=False)
    if folder is not None:
        database = look_at_database(folder.queue_database, _CLOCK())
        index = look_at_index(folder.library_database)
    checks = [
        ("plugin", lambda: machine.check_plugin(installed_version(script), plugin_dir)),
        ("python", machine.check_python),
        ("dependencies", lambda: machine.check_dependencies(plugin_dir)),
        *_checks_of_storage(folder, why, database, index),
        *_checks_of_servers(seen),
        *_checks_of_work(folder, database, index, seen.stash.scenes),
    ]
    return report([_safely(name, check, log) for name, check in checks], _mask(log, seen))


def _mask(log: Log, seen: _Servers) -> Mask:
    hosts = (urlsplit(seen.stash_address).hostname, urlsplit(seen.config.plex_url).hostname)
    return Mask(
        log.redact,
        os.path.expanduser("~"),
        (*(host for host in hosts if host), socket.gethostname()),
    )


def _folder(plugin_dir: str, stash_dir: str) -> tuple[DataFolder | None, str]:
    try:
        return resolve_data_folder(plugin_dir, stash_dir, os.environ), ""
    except OSError as error:
        there = DataFolder(place(plugin_dir, os.environ))
        why = error.strerror or type(error).__name__
        return (there if os.path.isdir(there.root) else None), why


def _look_at_servers(
    server_connection: Mapping[str, Any], folder: DataFolder | None, secrets: Secrets
) -> _Servers:
    address = parse_address(server_connection)
    connection = StashConnection(address, secrets.add)
    stash = look_at_stash(connection, _CLOCK)
    connection.close()
    stored: dict[str, Any] = dict(stash.settings or {})
    plex_url = server_connection.get("PlexUrl")
    if plex_url:
        stored["plex_url"] = plex_url
    parsed = parse_config(stored, os.environ)
    secrets.add(parsed.config.plex_token)
    return _Servers(
        stash_address=address.base_url,
        stash=stash,
        parsed=None if stash.settings is None else parsed,
        config=parsed.config,
        plex=None if parsed.faults else _look_at_plex(parsed.config, folder),
    )


def _look_at_plex(config: Config, folder: DataFolder | None) -> PlexCheckup:
    client = PlexClient(
        config.plex_url,
        config.plex_token,
        (config.connect_timeout, config.read_timeout),
        config.plex_verify_tls,
        _identity(folder),
    )
    try:
        return look_at_plex(client, _CLOCK)
    finally:
        client.close()


def _identity(folder: DataFolder | None) -> Mapping[str, str]:
    """Return who we are to Plex; nobody in particular where that cannot be noted down."""
    try:
        return {} if folder is None else device_headers(folder.device_id, _no_report, _CLOCK())
    except OSError:
        return {}


def _no_report(_text: str) -> None:
    """Leave the state files to their own check."""


def _checks_of_storage(
    folder: DataFolder | None, why: str, database: DatabaseCheckup, index: IndexCheckup
) -> list[_Named]:
    checkup = None
    if folder is not None:
        try:
            checkup = storage.look_at_folder(folder)
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


def _checks_of_servers(seen: _Servers) -> list[_Named]:
    plex_url = seen.config.plex_url
    return [
        ("Stash", lambda: servers.check_stash(seen.stash, seen.stash_address)),
        ("settings", lambda: servers.check_settings(seen.parsed)),
        ("Plex", lambda: servers.check_plex(seen.plex, plex_url)),
        ("encryption", lambda: servers.check_tls(seen.config, seen.plex)),
        ("token", lambda: servers.check_token(seen.plex)),
        ("libraries", lambda: servers.check_libraries(seen.config, seen.plex)),
        ("clock", lambda: servers.check_clock(seen.stash, seen.plex)),
    ]


def _checks_of_work(
    folder: DataFolder | None, database: DatabaseCheckup, index: IndexCheckup, scenes: int | None
) -> list[_Named]:
    if folder is None:
        names = ("worker", "queue", "dead letters", "circuit breaker", "path coverage")
        return [(one, partial(unchecked, one, "there is no data folder")) for one in names]
    now = _CLOCK()
    log, breaker = folder.worker_log, folder.circuit_breaker
    return [
        ("worker", lambda: work.check_worker(work.read_worker_signs(log), database, now)),
        ("queue", lambda: work.check_queue(database)),
        ("dead letters", lambda: work.check_dead_letters(database)),
        ("circuit breaker", lambda: work.check_breaker(work.read_breaker(breaker), now)),
        ("path coverage", lambda: servers.check_coverage(index, database, scenes, now)),
    ]


def _safely(name: str, check: Callable[[], Check], log: Log) -> Check:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - what one check stumbles over must not stop the others
        log.debug(f"The Doctor's check '{name}' failed: {traceback.format_exc()}")
        reason = error.strerror if isinstance(error, OSError) else None
        return unchecked(name, reason or type(error).__name__)

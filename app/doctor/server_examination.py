"""Asks both servers for the Doctor; the packages that this needs are known to be installed."""

import os
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from plex.client import PlexClient
from plex.connection import device_headers
from plex.health import PlexCheckup, inspect_plex
from plex.path_index import IndexCheckup
from shared.data_folder import DataFolder
from shared.events import unreported
from shared.redaction import Secrets
from stash.checkup import check_stash_server
from stash.connection import StashConnection, parse_address
from sync_queue.checkup import DatabaseCheckup
from tasks.doctor import servers
from tasks.doctor.check import Check
from validation.config import Config, parse_config


def examine_servers(
    server_connection: Mapping[str, Any],
    folder: DataFolder | None,
    database: DatabaseCheckup,
    index: IndexCheckup,
    secrets: Secrets,
) -> tuple[Mapping[str, Check], list[str]]:
    """Ask both servers; return the checks of their answers, and the host names to hide.

    Args:
        server_connection: see `app.services.build`.
        folder: holds the device id for Plex; None without a data folder.
        secrets: learns the secrets of both servers.
    """
    address = parse_address(server_connection)
    connection = StashConnection(address, secrets.add)
    stash = check_stash_server(connection)
    connection.close()
    stored: dict[str, Any] = dict(stash.settings or {})
    if server_connection.get("PlexUrl"):
        stored["plex_url"] = server_connection["PlexUrl"]
    parsed = parse_config(stored, os.environ)
    config = parsed.config
    secrets.add(config.plex_token)
    plex = None if parsed.faults else _look_at_plex(config, folder)
    known = None if stash.settings is None else parsed
    now = time.time()
    killed = folder is not None and os.path.exists(folder.write_test)
    checks: dict[str, Check] = {
        "Stash": lambda: servers.check_stash(stash, address.base_url),
        "settings": lambda: servers.check_settings(known),
        "Plex": lambda: servers.check_plex(plex, config.plex_url),
        "encryption": lambda: servers.check_tls(config, plex),
        "token": lambda: servers.check_token(config, plex),
        "libraries": lambda: servers.check_libraries(config, plex),
        "path coverage": lambda: servers.check_coverage(index, database, stash.scenes, now),
        "behaviour of Plex": lambda: servers.check_behaviour(plex, index, test_killed=killed),
        "clock": lambda: servers.check_clock(stash, plex),
    }
    hosts = (urlsplit(url).hostname for url in (address.base_url, config.plex_url))
    return checks, [host for host in hosts if host]


def _look_at_plex(config: Config, folder: DataFolder | None) -> PlexCheckup:
    client = PlexClient(
        config.plex_url,
        config.plex_token,
        (config.connect_timeout, config.read_timeout),
        config.plex_verify_tls,
        _device(folder),
    )
    try:
        return inspect_plex(client)
    finally:
        client.close()


def _device(folder: DataFolder | None) -> Mapping[str, str]:
    """Return the headers that identify this device to Plex; empty if its id cannot be stored."""
    try:
        return {} if folder is None else device_headers(folder.device_id, unreported, time.time())
    except OSError:
        return {}

"""Shows the Doctor both servers; what they need is known to be installed."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from plex.client import PlexClient
from plex.health import PlexCheckup, inspect_plex
from plex.http import device_headers
from plex.index_database import IndexCheckup
from shared.data_folder import DataFolder
from shared.events import unreported
from shared.redaction import Secrets
from stash.checkup import StashCheckup, check_stash_server
from stash.connection import StashConnection, parse_address
from sync_queue.checkup import DatabaseCheckup
from tasks.doctor import servers
from tasks.doctor.check import NamedCheck
from validation.config import Config, ParsedConfig, parse_config


@dataclass(frozen=True, slots=True)
class _Servers:
    """What both servers said; `plex` and `parsed` are None where nobody knows how to ask."""

    stash_address: str
    stash: StashCheckup
    parsed: ParsedConfig | None
    config: Config
    plex: PlexCheckup | None


def examine_servers(
    server_connection: Mapping[str, Any],
    folder: DataFolder | None,
    database: DatabaseCheckup,
    index: IndexCheckup,
    secrets: Secrets,
) -> tuple[list[NamedCheck], list[str]]:
    """Ask both servers; return the checks of what they said, and their hosts, to be hidden.

    Args:
        server_connection: see `app.services.build`.
        folder: keeps who we are to Plex; None where there is none.
        database: as it was seen.
        index: likewise.
        secrets: learns the secrets of both servers.
    """
    seen = _look_at_servers(server_connection, folder, secrets)
    stash, plex, config = seen.stash, seen.plex, seen.config
    now = time.time()
    test_killed = folder is not None and os.path.exists(folder.write_test)
    checks: list[NamedCheck] = [
        ("Stash", lambda: servers.check_stash(stash, seen.stash_address)),
        ("settings", lambda: servers.check_settings(seen.parsed)),
        ("Plex", lambda: servers.check_plex(plex, config.plex_url)),
        ("encryption", lambda: servers.check_tls(config, plex)),
        ("token", lambda: servers.check_token(config, plex)),
        ("libraries", lambda: servers.check_libraries(config, plex)),
        ("path coverage", lambda: servers.check_coverage(index, database, stash.scenes, now)),
        (
            "behaviour of Plex",
            lambda: servers.check_behaviour(plex, index, test_killed=test_killed),
        ),
        ("clock", lambda: servers.check_clock(stash, plex)),
    ]
    hosts = (urlsplit(seen.stash_address).hostname, urlsplit(config.plex_url).hostname)
    return checks, [host for host in hosts if host]


def _look_at_servers(
    server_connection: Mapping[str, Any], folder: DataFolder | None, secrets: Secrets
) -> _Servers:
    address = parse_address(server_connection)
    connection = StashConnection(address, secrets.add)
    stash = check_stash_server(connection)
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
        return inspect_plex(client)
    finally:
        client.close()


def _identity(folder: DataFolder | None) -> Mapping[str, str]:
    """Return who we are to Plex; nobody in particular where that cannot be noted down."""
    try:
        return {} if folder is None else device_headers(folder.device_id, unreported, time.time())
    except OSError:
        return {}

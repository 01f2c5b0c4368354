"""Health checks of Plex: two cheap requests for the worker, more for the task Doctor."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from plex.client import PlexClient
from plex.exceptions import PlexAuthError, PlexError, PlexPermissionError, PlexTlsError
from plex.items import Section
from plex.server_facts import Behaviour, stored_behaviours
from shared.clock import seconds_ahead
from shared.read_only import open_for_reading


@dataclass(frozen=True, slots=True)
class PlexHealth:
    """The result of a health check."""

    reachable: bool  # a Plex server answered and is not in maintenance
    latency: float  # seconds until `/identity` answered or failed
    server_id: str = ""  # the machine identifier; empty when not reachable
    token_ok: bool | None = None  # Plex accepted the token; None when not asked or not answered
    error: PlexError | None = None  # the first error; None when all requests succeeded

    @property
    def healthy(self) -> bool:
        """Whether all requests succeeded."""
        return self.error is None

    @property
    def is_there(self) -> bool:
        """Whether Plex is up: healthy, or failing because of the settings."""
        return self.healthy or self.token_ok is False or isinstance(self.error, PlexTlsError)


def check_plex_health(
    client: PlexClient,
    *,
    with_token: bool = True,
    timeout: tuple[float, float] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> PlexHealth:
    """Ask Plex for its identity, then for its libraries; never raises a PlexError.

    The libraries are the cheapest proof of token and database, and have the time-out of jobs.
    Without `with_token` they are not requested. `timeout` is that of `/identity`, in seconds.
    """
    begun = monotonic()
    try:
        server_id = client.identity(timeout).server_id
    except PlexError as error:
        return PlexHealth(reachable=False, latency=monotonic() - begun, error=error)
    latency = monotonic() - begun
    if not with_token:
        return PlexHealth(reachable=True, latency=latency, server_id=server_id)
    token_ok: bool | None = True
    problem: PlexError | None = None
    try:
        client.sections()
    except (PlexAuthError, PlexPermissionError) as error:
        token_ok, problem = False, error
    except PlexError as error:
        token_ok, problem = None, error
    return PlexHealth(
        reachable=True, latency=latency, server_id=server_id, token_ok=token_ok, error=problem
    )


@dataclass(frozen=True, slots=True)
class PlexCheckup:
    """Plex's answers for the task Doctor."""

    error: PlexError | None = None  # why no Plex answers at the address; None when one does
    latency: float = 0.0  # seconds until `/identity` answered
    version: str = ""
    server_id: str = ""  # the machine identifier
    ahead: float | None = None  # seconds by which Plex's clock is ahead of ours; None for unknown
    # The video libraries; None when they could not be listed.
    sections: tuple[Section, ...] | None = None
    refusal: PlexError | None = None  # why they could not be listed
    may_edit: bool | None = None  # see `PlexClient.may_edit`; None when not answered


def inspect_plex(
    client: PlexClient,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> PlexCheckup:
    """Ask a server with at most four requests; never raises a PlexError."""
    begun = monotonic()
    try:
        identity = client.identity()
    except PlexError as error:
        return PlexCheckup(error=error)
    seen = PlexCheckup(
        latency=monotonic() - begun,
        version=identity.version,
        server_id=identity.server_id,
        ahead=seconds_ahead(identity.date, clock()),
    )
    try:
        seen = replace(seen, sections=tuple(client.sections()))
        return replace(seen, may_edit=client.may_edit())
    except PlexError as error:
        return replace(seen, refusal=error)


@dataclass(frozen=True, slots=True)
class IndexCheckup:
    """The state of the path index."""

    exists: bool = True
    problem: str = ""  # why the index could not be read; empty when it could
    size: int = 0  # bytes
    files: int = 0  # number of known files in Plex
    libraries: int = 0  # number of listed libraries
    looked_at: float = 0.0  # when Plex was last asked for changes, in seconds since the epoch
    # (server id, version) → learned behaviour.
    behaviours: Mapping[tuple[str, str], Behaviour] = field(default_factory=dict)


def inspect_index(path: str) -> IndexCheckup:
    """Inspect the index file read-only; errors become part of the result."""
    if not os.path.exists(path):
        return IndexCheckup(exists=False)
    try:
        with contextlib.closing(open_for_reading(path, 2.0)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                return IndexCheckup(problem=str(found))
            files, libraries, looked_at = connection.execute(
                "SELECT (SELECT COUNT(*) FROM parts), COUNT(*), coalesce(MAX(looked_at), 0) "
                "FROM listings"
            ).fetchone()
            return IndexCheckup(
                size=os.path.getsize(path),
                files=files,
                libraries=libraries,
                looked_at=looked_at,
                behaviours=stored_behaviours(connection),
            )
    except (sqlite3.Error, OSError) as error:
        return IndexCheckup(problem=str(error))

"""The health check: what it says of each state of Plex, and what that costs."""

import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from plex import connection
from plex.exceptions import (
    PlexAuthError,
    PlexError,
    PlexPermissionError,
    PlexRedirectError,
    PlexServerDown,
    PlexTemporaryError,
)
from plex.health import check_plex_health
from simulators.plex import FakePlex
from tests.plex.support import IDENTITY, Lab, client_of

SHORT = (0.2, 0.2)


def requests(plex: FakePlex) -> list[str]:
    return [request.path for request in plex.log.requests]


def test_a_healthy_server(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([10.0, 10.25])
    ticking = SimpleNamespace(monotonic=lambda: next(ticks), time=time.time)
    monkeypatch.setattr("plex.health.time", ticking)
    health = check_plex_health(lab.client)
    assert health.healthy
    assert (health.reachable, health.token_ok, health.error) == (True, True, None)
    assert health.latency == 0.25


def test_identity_costs_one_request_and_shows_no_token(lab: Lab) -> None:
    assert lab.client.identity().server_id == lab.plex.machine_identifier
    (request,) = lab.plex.log.requests
    assert (request.method, request.path) == ("GET", "/identity")
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert "x-plex-token" not in headers
    assert headers["x-plex-client-identifier"] == IDENTITY["X-Plex-Client-Identifier"]


def test_a_connected_client_is_checked_with_two_requests(lab: Lab) -> None:
    lab.client.sections()
    before = len(requests(lab.plex))
    assert check_plex_health(lab.client).healthy
    assert requests(lab.plex)[before:] == ["/identity", "/library/sections"]


def test_an_address_with_a_slash_at_its_end(lab: Lab) -> None:
    client = client_of(lab.plex, url=lab.plex.url + "/")
    assert check_plex_health(client).healthy
    client.close()


Fault = Callable[[FakePlex], object]
IDENTITY_FAULTS: dict[str, tuple[Fault, type[PlexError]]] = {
    "down": (lambda plex: plex.stop(), PlexServerDown),
    "maintenance": (lambda plex: plex.maintenance(), PlexServerDown),
    "502 of a proxy": (lambda plex: plex.faults.status(502), PlexServerDown),
    "500": (lambda plex: plex.faults.status(500), PlexTemporaryError),
    "hangs": (lambda plex: plex.faults.hang(), PlexTemporaryError),
    "a web page": (lambda plex: plex.faults.html(), PlexTemporaryError),
    "empty": (lambda plex: plex.faults.empty(), PlexTemporaryError),
    "other xml": (lambda plex: plex.faults.body(b"<html/>"), PlexTemporaryError),
    "half an answer": (lambda plex: plex.faults.truncate(), PlexTemporaryError),
    "reset": (lambda plex: plex.faults.reset(), PlexTemporaryError),
    "closes": (lambda plex: plex.faults.close(), PlexTemporaryError),
    "redirects": (lambda plex: plex.faults.redirect("http://127.0.0.1:9/"), PlexRedirectError),
    "401 of a proxy": (lambda plex: plex.faults.status(401), PlexAuthError),
}


@pytest.mark.parametrize("name", IDENTITY_FAULTS)
def test_who_does_not_say_who_he_is_is_not_reachable(
    lab: Lab, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "IDENTITY_TIMEOUT", SHORT)
    fault, error = IDENTITY_FAULTS[name]
    fault(lab.plex)
    health = check_plex_health(lab.client)
    assert (health.healthy, health.reachable, health.token_ok) == (False, False, None)
    assert type(health.error) is error
    assert health.latency >= 0
    assert set(requests(lab.plex)) <= {"/identity"}, "nothing more is asked of a sick server"
    lab.plex.faults.clear()


def test_an_address_that_is_none(lab: Lab) -> None:
    client = client_of(lab.plex, url="http://")
    assert not check_plex_health(client).reachable
    client.close()


@pytest.mark.parametrize(
    ("status", "error", "token_ok"),
    [
        (401, PlexAuthError, False),
        (403, PlexPermissionError, False),
        (500, PlexTemporaryError, None),
        (503, PlexServerDown, None),
    ],
)
def test_libraries_that_are_refused(
    lab: Lab, status: int, error: type[PlexError], token_ok: bool | None
) -> None:
    lab.plex.faults.status(status, path="/library/sections")
    health = check_plex_health(lab.client)
    assert (health.healthy, health.reachable, health.token_ok) == (False, True, token_ok)
    assert type(health.error) is error


def test_a_database_that_hangs_has_the_clients_own_time_out(lab: Lab) -> None:
    client = client_of(lab.plex, timeout=SHORT)
    fault = lab.plex.faults.hang(path="/library/sections")
    health = check_plex_health(client)
    assert (health.reachable, health.token_ok) == (True, None)
    assert type(health.error) is PlexTemporaryError
    fault.release()
    client.close()

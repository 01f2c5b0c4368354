"""The way to Stash: addresses, credentials that end, and answers that are none."""

import socket
import threading
from contextlib import suppress
from http.client import HTTPMessage
from typing import Any

import pytest
import requests
from hypothesis import given, strategies as st
from requests.cookies import extract_cookies_to_jar

from simulators.stash import (
    FakeStash,
    Reset,
    Status,
    Truncated,
    empty,
    graphql_errors,
    html_page,
    null_data,
)
from simulators.stash.request_log import any_request
from simulators.traffic import Action
from stash.connection import StashAddress, StashConnection, parse_address
from stash.exceptions import (
    StashAuthError,
    StashError,
    StashFileError,
    StashQueryError,
    StashRequestError,
    StashUnavailable,
)
from tests.stash.conftest import Connect
from tests.sync_queue.support import Clock
from tests.validation.strategies import JSON, json_object

VERSION = "query Version { version { version } }"
COVER = "/scene/1/screenshot"
MOST = 1_000_000
HOUR = 3600

GIVEN: dict[str, Any] = {
    "Scheme": "https",
    "Host": "stash.local",
    "Port": 9443,
    "SessionCookie": {"Name": "session", "Value": "cookie-value", "Path": "", "MaxAge": 0},
    "Dir": "/config",
    "PluginDir": "/config/plugins/x",
}


def test_what_stash_hands_over_is_read() -> None:
    address = parse_address(GIVEN)
    assert address == StashAddress("https", "stash.local", 9443, "session", "cookie-value")
    assert address.base_url == "https://stash.local:9443"


def test_the_key_of_a_command_line_is_kept_secret_and_used(locked: FakeStash) -> None:
    secrets: list[object] = []
    key = locked.gate.api_key
    raw = locked.server_connection() | {"SessionCookie": None, "ApiKey": key}

    connection = StashConnection(parse_address(raw), secrets.append)

    assert connection.query(VERSION)["version"]["version"] == locked.settings.version
    assert key in secrets
    connection.close()


@pytest.mark.parametrize("raw", [None, {}, [], "http://stash", 5, True])
def test_whatever_is_missing_has_stashs_default(raw: object) -> None:
    assert parse_address(raw) == StashAddress()
    assert StashAddress().base_url == "http://127.0.0.1:9999"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:9999"),
        ("", "http://127.0.0.1:9999"),
        ("::", "http://[::1]:9999"),
        ("::1", "http://[::1]:9999"),
        ("fe80::1", "http://[fe80::1]:9999"),
        ("192.168.1.5", "http://192.168.1.5:9999"),
        ("localhost", "http://localhost:9999"),
    ],
)
def test_an_address_of_all_interfaces_becomes_loopback(host: str, url: str) -> None:
    assert parse_address({"Host": host}).base_url == url


@pytest.mark.parametrize(
    "odd",
    [
        *({"Scheme": odd} for odd in ("gopher", None, ["https"])),
        *({"Port": odd} for odd in (0, -1, 65536, "9999", None, 99.5)),
        *({name: odd} for name in ("Host", "Dir") for odd in (None, 5)),
        *({"SessionCookie": odd} for odd in (None, "cookie", {}, {"Value": ["x"]})),
        {"SessionCookie": {"Name": "session", "Value": None}},
    ],
)
def test_an_odd_member_has_its_default_and_no_other_suffers(odd: dict[str, Any]) -> None:
    assert parse_address(odd) == StashAddress()
    (name,) = odd
    others = {key: value for key, value in GIVEN.items() if key != name}
    assert parse_address({**GIVEN, **odd}) == parse_address(others)


CONNECTION_LIKE = json_object(
    Scheme=st.sampled_from(["http", "https"]),
    Host=st.text(),
    Port=st.integers(2, 65535),
    Dir=st.text(),
    SessionCookie=json_object(Name=st.text(), Value=st.text()),
)


@given(JSON | CONNECTION_LIKE)
def test_any_json_is_an_address(raw: Any) -> None:
    address = parse_address(raw)
    assert address.scheme in ("http", "https")
    assert 0 < address.port < 65536
    assert address.host
    assert address.base_url.startswith(f"{address.scheme}://")
    assert isinstance(address.cookie, str)


def test_every_secret_is_told_before_it_is_used(locked: FakeStash) -> None:
    secrets: list[object] = []
    address = parse_address(locked.server_connection())
    connection = StashConnection(address, secrets.append)
    assert secrets == [address.cookie]
    connection.use_api_key("key-0123456789")
    assert secrets[1:] == ["key-0123456789"]
    connection.close()


def test_the_cookie_logs_in(locked: FakeStash, connect: Connect) -> None:
    connect(locked).query(VERSION)
    assert [request.auth for request in locked.requests.all()] == ["cookie"]


def test_renewals_extend_a_cookie(locked: FakeStash, connect: Connect, clock: Clock) -> None:
    """Stash reads the first of two cookies: a renewed one must take the old one's place."""
    connection = connect(locked)
    for _ in range(5):
        connection.query(VERSION)
        clock.now += HOUR - 60
    assert len(connection.s.cookies) == 1
    connection.get(COVER, {}, MOST)
    assert locked.requests.count(lambda request: request.status == 401) == 0


class Answer:
    def __init__(self, set_cookie: str) -> None:
        self.msg = HTTPMessage()
        self.msg["Set-Cookie"] = set_cookie
        self._original_response = self


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "stash.local", "::1"])
def test_a_renewed_cookie_replaces_the_first_one_whatever_the_host(host: str) -> None:
    """What requests does with an answer's cookie, without a server on such a host."""
    address = StashAddress(host=host, cookie="first")
    connection = StashConnection(address, lambda _secret: None)
    request = requests.Request("POST", f"{address.base_url}/graphql")
    assert connection.s.prepare_request(request).headers["Cookie"] == "session=first"
    answer = Answer("session=second; Path=/; Max-Age=3600; SameSite=Lax")
    extract_cookies_to_jar(connection.s.cookies, request.prepare(), answer)  # type: ignore[no-untyped-call]
    assert connection.s.prepare_request(request).headers["Cookie"] == "session=second"
    connection.close()


def test_an_expired_cookie_is_rejected(locked: FakeStash, connect: Connect, clock: Clock) -> None:
    connection = connect(locked)
    clock.now += HOUR + 1
    with pytest.raises(StashAuthError, match="rejects the worker"):
        connection.query(VERSION)
    with pytest.raises(StashAuthError, match="login"):
        connection.get(COVER, {}, MOST)


def test_the_key_outlives_the_cookie(locked: FakeStash, connect: Connect, clock: Clock) -> None:
    connection = connect(locked)
    connection.query(VERSION)
    connection.use_api_key("key-0123456789")
    clock.now += 100 * HOUR
    connection.query(VERSION)
    connection.get(COVER, {}, MOST)
    assert [request.auth for request in locked.requests.all()] == ["cookie", "apikey", "apikey"]


def test_a_changed_key_gives_way_to_the_cookie(locked: FakeStash, connect: Connect) -> None:
    connection = connect(locked)
    connection.use_api_key("an-older-key-000")
    connection.query(VERSION)
    connection.query(VERSION)
    statuses = [(request.auth, request.status) for request in locked.requests.all()]
    assert statuses == [("none", 401), ("cookie", 200), ("cookie", 200)]


def test_a_rejected_key_and_cookie_are_an_auth_error(locked: FakeStash, connect: Connect) -> None:
    connection = connect(locked)
    connection.use_api_key("an-older-key-000")
    locked.gate.revoke_all()
    with pytest.raises(StashAuthError):
        connection.query(VERSION)


def test_a_cover_is_read_despite_a_wrong_key(locked: FakeStash, connect: Connect) -> None:
    locked.add_scene(files=["/a.mp4"])
    connection = connect(locked)
    connection.use_api_key("an-older-key-000")
    assert connection.get(COVER, {}, MOST).status == 200


@pytest.mark.parametrize("status", [401, 403, 500])
def test_no_secret_is_in_an_errors_text(locked: FakeStash, connect: Connect, status: int) -> None:
    connection = connect(locked)
    connection.use_api_key("key-0123456789")
    locked.inject(Status(status), any_request, times=None)
    cookie = parse_address(locked.server_connection()).cookie
    for ask in (lambda: connection.query(VERSION), lambda: connection.get(COVER, {}, MOST)):
        with pytest.raises(StashError) as caught:
            ask()
        assert cookie[:20] not in str(caught.value)
        assert "key-0123456789" not in str(caught.value)


@pytest.mark.parametrize(
    "fault",
    [
        html_page(),
        empty(),
        Reset(),
        Truncated(),
        Status(500),
        Status(502, b"Bad Gateway"),
        Status(503, b"<html>busy</html>", "text/html"),
        Status(200, b"[]", "application/json"),
        Status(200, b'"text"', "application/json"),
        Status(200, b"\xff\xfe", "application/json"),
    ],
    ids=repr,
)
def test_an_answer_that_is_no_graphql_means_that_stash_is_unavailable(
    stash: FakeStash, connection: StashConnection, fault: Action
) -> None:
    stash.inject(fault, any_request)
    with pytest.raises(StashUnavailable):
        connection.query(VERSION)
    assert connection.query(VERSION)


@pytest.mark.parametrize("fault", [Reset(), Truncated()], ids=repr)
def test_a_picture_that_does_not_arrive_means_that_stash_is_unavailable(
    stash: FakeStash, connection: StashConnection, fault: Action
) -> None:
    stash.add_scene(files=["/a.mp4"], cover=b"\xff\xd8\xff" + b"x" * 100)
    stash.inject(fault, any_request)
    with pytest.raises(StashUnavailable):
        connection.get(COVER, {}, MOST)


@pytest.mark.parametrize("status", [204, 400, 403, 429, 500, 502, 503])
def test_a_status_in_the_place_of_a_picture_says_nothing_about_stash_as_a_whole(
    stash: FakeStash, connection: StashConnection, status: int
) -> None:
    stash.add_scene(files=["/a.mp4"], cover=b"\xff\xd8\xff" + b"x" * 100)
    stash.inject(Status(status), any_request)
    with pytest.raises(StashFileError, match=str(status)):
        connection.get(COVER, {}, MOST)


def test_a_long_file_is_read_in_part(stash: FakeStash, connection: StashConnection) -> None:
    stash.add_scene(files=["/a.mp4"], cover=b"\xff\xd8\xff" + b"x" * 5_000_000)
    assert len(connection.get(COVER, {}, 1000).data) == 1001
    assert len(connection.get(COVER, {}, 5_000_003).data) == 5_000_003


def test_a_body_of_200_megabytes_is_not_fetched_to_its_end() -> None:
    """What is not read is not sent: the sender is held up, then sees the connection close."""
    sent = 0

    def serve(listener: socket.socket) -> None:
        nonlocal sent
        peer, _ = listener.accept()
        with peer, suppress(OSError):
            peer.recv(65_536)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
            while sent < 200_000_000:
                sent += peer.send(bytes(65_536))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        address = StashAddress(port=listener.getsockname()[1])
        connection = StashConnection(address, lambda _secret: None)
        assert len(connection.get(COVER, {}, 100_000).data) == 100_001
        thread.join(10)
        connection.close()
    assert sent < 50_000_000


def test_a_stopped_stash_is_unavailable(stash: FakeStash, connection: StashConnection) -> None:
    connection.query(VERSION)
    stash.stop()
    with pytest.raises(StashUnavailable, match=f"does not answer at http://127.0.0.1:{stash.port}"):
        connection.query(VERSION)
    with pytest.raises(StashUnavailable):
        connection.get(COVER, {}, MOST)
    stash.start()
    assert connection.query(VERSION)


WEB_PAGE = b"<html><head><title>403</title></head><body><h1>Access denied</h1>\r\nby a wall"


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (graphql_errors("no table", "and another"), StashQueryError, "no table; and another"),
        (graphql_errors("sqlite3: database is locked"), StashUnavailable, "busy"),
        (null_data(), StashQueryError, "no data"),
        (
            Status(403, WEB_PAGE, "text/html"),
            StashRequestError,
            r"\(status 403: Access denied by a wall\)",
        ),
    ],
    ids=["errors", "busy database", "no data", "web page"],
)
def test_an_error_is_quoted_as_text(
    stash: FakeStash,
    connection: StashConnection,
    fault: Action,
    error: type[StashError],
    words: str,
) -> None:
    stash.inject(fault, any_request)
    with pytest.raises(error, match=words):
        connection.query(VERSION)


def test_a_query_that_stash_rejects_is_a_request_error(connection: StashConnection) -> None:
    with pytest.raises(StashRequestError, match="status 422: Cannot query field"):
        connection.query("query Broken { nothingOfTheKind }")


STATES = {"NEEDS_MIGRATION": "database migrated: open Stash", "SETUP": "not set up yet: open Stash"}
SCENES = "query Scenes { findScenes { count } }"


@pytest.mark.parametrize("status", STATES)
def test_a_stash_without_a_database_is_asked_for_nothing_but_its_status(
    stash: FakeStash, connection: StashConnection, status: Any
) -> None:
    stash.settings.status = status
    for _ in range(3):
        with pytest.raises(StashUnavailable, match=STATES[status]):
            connection.query(SCENES)
    with pytest.raises(StashUnavailable, match=STATES[status]):
        connection.get(COVER, {}, MOST)
    asked = [one.kind for one in stash.requests.since(0)]
    assert asked == ["graphql:findScenes", *["graphql:systemStatus"] * 4]

    stash.settings.status = "OK"

    assert connection.query(SCENES)
    mark = stash.requests.mark()
    assert connection.query(SCENES)
    assert len(stash.requests.since(mark)) == 1


def test_a_recovered_stash_is_asked_first(stash: FakeStash, connection: StashConnection) -> None:
    stash.inject(Reset(), any_request)
    with pytest.raises(StashUnavailable):
        connection.query(SCENES)
    stash.settings.status = "NEEDS_MIGRATION"
    mark = stash.requests.mark()
    with pytest.raises(StashUnavailable, match="migrated"):
        connection.query(SCENES)
    assert [one.kind for one in stash.requests.since(mark)] == ["graphql:systemStatus"]


def test_an_unknown_status_stops_no_query(stash: FakeStash, connection: StashConnection) -> None:
    stash.inject(Status(422, b'{"errors": []}', "application/json"), any_request)
    stash.inject(graphql_errors("no"), lambda one: one.operation == "SystemStatus", times=None)
    with pytest.raises(StashRequestError):
        connection.query(SCENES)
    assert connection.query(SCENES)


def test_stash_is_reached_past_any_proxy(
    stash: FakeStash, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert connect(stash).query(VERSION)


def test_an_error_is_told_once_by_whoever_handles_it(
    stash: FakeStash, connection: StashConnection, capfd: pytest.CaptureFixture[str]
) -> None:
    """stashapp-tools would log it in Stash's own protocol before it raises."""
    stash.inject(graphql_errors("no"), any_request)
    with pytest.raises(StashQueryError):
        connection.query(VERSION)
    assert capfd.readouterr() == ("", "")

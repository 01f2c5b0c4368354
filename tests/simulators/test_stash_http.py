"""The fake Stash's HTTP side: connections, restarts, log, faults, sessions, pictures."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from simulators.stash import (
    FakeStash,
    Hang,
    LoggedRequest,
    Reset,
    Status,
    Truncated,
    empty,
    graphql_errors,
    html_page,
    null_data,
)
from simulators.stash.images import sniff
from simulators.stash.testkit import ask

VERSION = "{version{hash}}"
JPEG = b"\xff\xd8\xff\xe0 a picture"


@pytest.fixture
def stash(tmp_path: Path) -> Iterator[FakeStash]:
    with FakeStash(tmp_path) as stash:
        yield stash


class Clock:
    """Seconds since 1970, moved by hand."""

    now = 1_767_268_800.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def locked(tmp_path: Path, clock: Clock) -> Iterator[FakeStash]:
    with FakeStash(tmp_path, username="me", api_key="key-123", now=clock) as stash:
        yield stash


def post(stash: FakeStash, query: str = VERSION, **more: object) -> requests.Response:
    url = f"{stash.url}/graphql"
    return requests.post(url, json={"query": query}, timeout=30, **more)  # type: ignore[arg-type]


# ---- connections ----


def test_one_connection_serves_many_requests(stash: FakeStash) -> None:
    client = http.client.HTTPConnection("127.0.0.1", stash.port)
    client.connect()
    sock = client.sock
    for _ in range(3):
        client.request("POST", "/graphql", json.dumps({"query": VERSION}))
        assert client.getresponse().read()
        assert client.sock is sock
    assert stash.connections() == 1
    client.close()


def test_a_stopped_stash_refuses_and_hangs_up(stash: FakeStash) -> None:
    client = http.client.HTTPConnection("127.0.0.1", stash.port, timeout=10)
    client.request("POST", "/graphql", json.dumps({"query": VERSION}))
    client.getresponse().read()
    post(stash)  # by now the first connection's thread waits for its next request
    stash.stop()
    assert client.sock.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", stash.port))
    client.close()


def test_a_restarted_stash_has_its_port_and_its_library(stash: FakeStash) -> None:
    stash.add_scene(title="kept")
    port = stash.port
    stash.stop()
    stash.start()
    assert stash.port == port
    assert ask(stash, "{findScene(id: 1){title}}") == {"findScene": {"title": "kept"}}


def test_dropped_connections_are_not_refused_anew(stash: FakeStash) -> None:
    client = http.client.HTTPConnection("127.0.0.1", stash.port, timeout=10)
    client.request("POST", "/graphql", json.dumps({"query": VERSION}))
    client.getresponse().read()
    stash.drop_connections()
    assert client.sock.recv(1) == b""
    client.close()
    assert post(stash).ok


# ---- the log ----


def test_the_log_tells_what_was_asked(stash: FakeStash) -> None:
    stash.add_scene()
    query = "query Two($i: ID!){a: findScene(id: $i){id} b: findScene(id: 2){id} version{hash}}"
    ask(stash, query, i=1)
    requests.get(f"{stash.url}/scene/1/screenshot?t=5", timeout=9)
    first, second = stash.requests.all()
    assert (first.seq, first.kind, first.operation) == (1, "graphql:findScene,version", "Two")
    assert (first.query, first.variables, first.status) == (query, {"i": 1}, 200)
    assert (second.kind, second.path, second.status) == ("screenshot", "/scene/1/screenshot", 200)


def test_requests_are_counted_and_marked(stash: FakeStash) -> None:
    post(stash)
    mark = stash.requests.mark()
    post(stash, "{systemStatus{os}}")
    assert stash.requests.count("version") == 1
    assert [each.kind for each in stash.requests.since(mark)] == ["graphql:systemStatus"]
    assert stash.requests.count(lambda request: request.status == 200) == 2


def test_a_test_can_wait_for_a_request(stash: FakeStash) -> None:
    thread = threading.Thread(target=post, args=(stash,))
    thread.start()
    assert stash.requests.wait_for(lambda request: request.status == 200).kind == "graphql:version"
    thread.join()


def test_waiting_in_vain_fails_with_what_was_seen(stash: FakeStash) -> None:
    post(stash)
    with pytest.raises(AssertionError, match="graphql:version"):
        stash.requests.wait_for("screenshot", timeout=0.01)


# ---- faults ----


def test_a_fault_strikes_as_often_as_told(stash: FakeStash) -> None:
    stash.inject(Status(503), "version", times=2)
    assert post(stash, "{systemStatus{os}}").status_code == 200
    assert [post(stash).status_code for _ in range(3)] == [503, 503, 200]
    assert not stash.faults.pending()


def test_a_permanent_fault_lasts_until_cleared(stash: FakeStash) -> None:
    stash.inject(Status(500), lambda _request: True, times=None)
    assert [post(stash).status_code for _ in range(3)] == [500] * 3
    stash.faults.clear()
    assert post(stash).ok


def test_a_hang_lasts_until_released(stash: FakeStash) -> None:
    hang = Hang()
    stash.inject(hang, "version")
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(post(stash).status_code))
    thread.start()
    request = stash.requests.wait_for("version")
    assert request.status is None
    hang.release()
    thread.join()
    assert answers == [200]


def test_stopping_ends_a_hang(stash: FakeStash) -> None:
    stash.inject(Hang(), "version")
    errors: list[type] = []

    def client() -> None:
        try:
            post(stash)
        except requests.ConnectionError as error:
            errors.append(type(error))

    thread = threading.Thread(target=client)
    thread.start()
    stash.requests.wait_for("version")
    stash.stop()
    thread.join()
    assert errors == [requests.ConnectionError]
    stash.requests.wait_for(lambda request: request.status == 0)


@pytest.mark.parametrize("after", [False, True])
def test_a_reset_loses_the_request_or_only_its_answer(stash: FakeStash, after: bool) -> None:
    stash.inject(Reset(after=after), "configurePlugin")
    with pytest.raises(requests.ConnectionError, match=r"reset|aborted"):
        post(stash, 'mutation{configurePlugin(plugin_id: "p", input: {a: 1})}')
    assert stash.plugin_settings("p") == ({"a": 1} if after else {})


def test_a_truncated_answer_breaks_off(stash: FakeStash) -> None:
    stash.inject(Truncated(keep=4), "version")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        post(stash)


def test_wrong_answers_come_with_200(stash: FakeStash) -> None:
    for fault in (html_page(), empty(), graphql_errors("boom"), null_data()):
        stash.inject(fault, "version")
    html, nothing, errors, null = (post(stash) for _ in range(4))
    assert html.headers["Content-Type"].startswith("text/html")
    assert nothing.content == b""
    assert errors.json() == {"errors": [{"message": "boom"}], "data": None}
    assert null.json() == {"data": None}
    assert {each.status_code for each in (html, nothing, errors, null)} == {200}


# ---- who may ask ----


def test_without_credentials_anybody_may_ask(stash: FakeStash) -> None:
    assert post(stash).ok
    assert stash.requests.all()[0].auth == "none"


def test_a_wrong_api_key_is_refused_even_without_credentials(stash: FakeStash) -> None:
    assert post(stash, headers={"ApiKey": "wrong"}).status_code == 401
    assert requests.get(f"{stash.url}/?apikey=wrong", timeout=9).status_code == 401


def test_with_credentials_a_stranger_gets_401_or_the_login_page(locked: FakeStash) -> None:
    locked.add_scene(cover=JPEG)
    assert post(locked).status_code == 401
    screenshot = f"{locked.url}/scene/1/screenshot"
    redirect = requests.get(screenshot, allow_redirects=False, timeout=9)
    assert redirect.status_code == 302
    page = requests.get(screenshot, timeout=9)
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "/login?returnURL=" in page.url


@pytest.mark.parametrize("by", ["header", "query"])
def test_the_api_key_opens(locked: FakeStash, by: str) -> None:
    headers = {"ApiKey": "key-123"} if by == "header" else {}
    params = {"apikey": "key-123"} if by == "query" else {}
    assert post(locked, headers=headers, params=params).ok
    logged = locked.requests.all()[0]
    assert logged.auth == "apikey"
    assert "key-123" not in repr(logged)


def test_a_session_cookie_opens_for_an_hour_and_each_answer_renews_it(
    locked: FakeStash, clock: Clock
) -> None:
    session = requests.Session()
    session.cookies.set("session", locked.session_cookie(), domain="127.0.0.1", path="/")
    old = {"session": locked.session_cookie()}
    for _ in range(3):
        clock.now += 3000
        assert session.post(f"{locked.url}/graphql", json={"query": VERSION}, timeout=9).ok
    assert post(locked, cookies=old).status_code == 401
    assert locked.requests.all()[0].auth == "cookie"


def test_of_two_session_cookies_the_first_counts(locked: FakeStash) -> None:
    good = locked.session_cookie()
    assert post(locked, headers={"Cookie": f"session={good}; session=x"}).ok
    assert post(locked, headers={"Cookie": f"session=x; session={good}"}).status_code == 401


def test_a_forged_cookie_opens_nothing(locked: FakeStash) -> None:
    payload, _, signature = locked.session_cookie().partition(".")
    for forged in (f"{payload[:-4]}AAAA.{signature}", "rubbish", f"{payload}."):
        assert post(locked, cookies={"session": forged}).status_code == 401


# ---- pictures ----


def test_a_cover_is_served_with_its_own_type_and_tag(stash: FakeStash) -> None:
    stash.add_scene(cover=JPEG)
    url = f"{stash.url}/scene/1/screenshot?t=1"
    first = requests.get(url, timeout=9)
    assert (first.content, first.headers["Content-Type"]) == (JPEG, "image/jpeg")
    again = requests.get(url, headers={"If-None-Match": first.headers["ETag"]}, timeout=9)
    assert (again.status_code, again.content) == (304, b"")
    stash.update_scene(1, cover=JPEG + b"!")
    changed = requests.get(url, headers={"If-None-Match": first.headers["ETag"]}, timeout=9)
    assert changed.content == JPEG + b"!"


def test_without_a_cover_there_is_a_drawing(stash: FakeStash) -> None:
    stash.add_scene()
    response = requests.get(f"{stash.url}/scene/1/screenshot", timeout=9)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "image/svg+xml"


def test_a_picture_of_no_scene_is_404(stash: FakeStash) -> None:
    assert requests.get(f"{stash.url}/scene/4/screenshot", timeout=9).status_code == 404


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"\xff\xd8\xff\xdb", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"hello", "application/octet-stream"),
    ],
)
def test_picture_types_are_told_by_their_first_bytes(start: bytes, expected: str) -> None:
    assert sniff(start) == expected


def test_other_addresses_answer_with_the_web_page(stash: FakeStash) -> None:
    response = requests.get(f"{stash.url}/scenes", timeout=9)
    assert response.headers["Content-Type"].startswith("text/html")


def test_latency_delays_each_answer(stash: FakeStash) -> None:
    stash.latency = 30.0
    seen: list[LoggedRequest] = []

    def client() -> None:
        with pytest.raises(requests.ConnectionError):
            post(stash)
        seen.append(stash.requests.wait_for(lambda request: request.status == 0))

    thread = threading.Thread(target=client)
    thread.start()
    assert stash.requests.wait_for("version").status is None
    stash.stop()
    thread.join()
    assert len(seen) == 1

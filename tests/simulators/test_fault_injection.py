"""An injected fault does to a client what its name says, and no more."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import requests

from simulators.plex import FakePlex, Fault
from simulators.plex.raw_client import RawClient
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
from simulators.traffic import hang

EDIT = {"studio.value": "New"}
Inject = Callable[[FakePlex], Fault]
BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


@pytest.fixture
def plex() -> Iterator[FakePlex]:
    with FakePlex() as server:
        server.add_item(server.add_section("Scenes", ["/plex/scenes"]), "/plex/scenes/a.mp4")
        yield server


@pytest.fixture
def raw(plex: FakePlex) -> Iterator[RawClient]:
    with RawClient(plex.url, plex.token) as client:
        yield client


# -- Plex -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 404, 409, 413, 429, 500, 502, 503, 504, 520])
@pytest.mark.parametrize("applied", [False, True])
def test_a_status(plex: FakePlex, raw: RawClient, status: int, applied: bool) -> None:
    plex.faults.status(status, kind="edit", applied=applied, retry_after=30, times=1)

    answer = raw.edit(1, EDIT)

    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "30")
    assert (plex.item(1).studio == "New") is applied
    assert raw.edit(1, EDIT).ok, "it was for one request"


@pytest.mark.parametrize(
    ("inject", "applied"),
    [
        (lambda plex: plex.faults.close(kind="edit"), False),
        (lambda plex: plex.faults.unanswered(kind="edit"), True),
        (lambda plex: plex.faults.unanswered(kind="edit", reset=True), True),
        (lambda plex: plex.faults.truncate(kind="edit"), True),
        (lambda plex: plex.faults.reset(kind="edit"), True),
    ],
    ids=["close", "unanswered", "unanswered-reset", "truncate", "reset"],
)
def test_a_broken_connection(plex: FakePlex, raw: RawClient, inject: Inject, applied: bool) -> None:
    fault = inject(plex)

    with pytest.raises(BROKEN):
        raw.edit(1, EDIT)

    assert (plex.item(1).studio == "New") is applied
    assert plex.log.requests[-1].fault == fault.name


def test_another_body(plex: FakePlex, raw: RawClient) -> None:
    for fault, size in ((plex.faults.body(b"x" * 9), 9), (plex.faults.empty(), 0)):
        assert len(raw.ask("GET", "/").content) == size
        fault.clear()
    plex.faults.redirect("http://127.0.0.1:9/elsewhere", times=1)
    assert raw.ask("GET", "/").headers["Location"] == "http://127.0.0.1:9/elsewhere"
    plex.faults.html()
    with pytest.raises(ET.ParseError):
        raw.xml("/")


def test_which_requests_are_hit(plex: FakePlex, raw: RawClient) -> None:
    plex.faults.status(409, method="PUT", after=1, times=1)
    assert [raw.edit(1, EDIT).status_code for _ in range(3)] == [200, 409, 200]
    plex.faults.status(404, predicate=lambda request: request.param("type") == "7")
    assert [raw.ask("GET", f"/identity?type={number}").status_code for number in (7, 8)] == [
        404,
        200,
    ]
    plex.faults.clear()
    assert raw.ask("GET", "/identity?type=7").ok


@pytest.mark.parametrize("end", ["released", "cleared", "stopped"])
def test_a_stalled_answer(plex: FakePlex, raw: RawClient, end: str) -> None:
    fault = plex.faults.hang(times=1)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(raw.ask, "GET", "/identity")
        assert fault.wait_for_hit()
        assert not answer.done()
        {"released": fault.release, "cleared": plex.faults.clear, "stopped": plex.stop}[end]()
        if end == "stopped":
            with pytest.raises(BROKEN):
                answer.result()
        else:
            assert answer.result().content == raw.ask("GET", "/identity").content


@pytest.mark.parametrize("applied", [False, True])
def test_a_client_gives_up_waiting(plex: FakePlex, applied: bool) -> None:
    plex.faults.hang(kind="edit", applied=applied)
    plex.latency.of_kind["root"] = 60.0

    with RawClient(plex.url, plex.token, timeout=0.05) as impatient:
        with pytest.raises(requests.ReadTimeout):
            impatient.edit(1, EDIT)
        with pytest.raises(requests.ReadTimeout):
            impatient.ask("GET", "/")

    assert plex.log.wait_for(lambda _: (plex.item(1).studio == "New") is applied)


def test_overlapping_writes_are_counted(plex: FakePlex, raw: RawClient) -> None:
    hang = plex.faults.hang(kind="edit", times=2)
    with ThreadPoolExecutor() as pool, RawClient(plex.url, plex.token) as second:
        edits = [pool.submit(client.edit, 1, EDIT) for client in (raw, second)]
        assert hang.wait_for_hit(2)
        hang.release()
        assert all(edit.result().ok for edit in edits)
    assert (plex.log.max_writes_in_flight, plex.log.count(kind="edit")) == (2, 2)


# -- Stash ----------------------------------------------------------------------------------------

VERSION = "{version{version}}"


@pytest.fixture
def stash(tmp_path: Path) -> Iterator[FakeStash]:
    with FakeStash(tmp_path) as server:
        yield server


def post(stash: FakeStash, query: str = VERSION) -> requests.Response:
    return requests.post(f"{stash.url}/graphql", json={"query": query}, timeout=30)


def test_a_stash_fault_strikes_its_kind_and_count(stash: FakeStash) -> None:
    stash.inject(Status(503), "version", times=2)
    assert post(stash, "{systemStatus{status}}").ok
    assert [post(stash).status_code for _ in range(3)] == [503, 503, 200]


@pytest.mark.parametrize("after", [False, True])
def test_a_stash_reset_loses_the_request_or_its_answer(stash: FakeStash, after: bool) -> None:
    stash.inject(Reset(after=after), "configurePlugin")
    with pytest.raises(BROKEN):
        post(stash, 'mutation{configurePlugin(plugin_id: "p", input: {a: 1})}')
    assert stash.plugin_settings("p") == ({"a": 1} if after else {})


def test_other_stash_answers(stash: FakeStash) -> None:
    for fault in (html_page(), empty(), graphql_errors("boom"), null_data()):
        stash.inject(fault, "version")
    html, nothing, errors, null = (post(stash) for _ in range(4))
    assert html.headers["Content-Type"].startswith("text/html")
    assert nothing.content == b""
    assert errors.json() == {"errors": [{"message": "boom"}], "data": None}
    assert null.json() == {"data": None}
    stash.inject(Truncated(keep=4), "version")
    with pytest.raises(BROKEN):
        post(stash)


@pytest.mark.parametrize("ends", ["released", "stopped"])
def test_a_stash_request_hangs(stash: FakeStash, ends: str) -> None:
    fault = stash.inject(hang, "version")
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(post, stash)
        assert fault.wait_for_hit()
        if ends == "released":
            fault.release()
            assert answer.result().ok
        else:
            stash.stop()
            with pytest.raises(BROKEN):
                answer.result()

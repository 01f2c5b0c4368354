"""Injected faults of the fake Plex: each does to a client what it says."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from xml.etree import ElementTree as ET

import pytest
import requests

from simulators.plex import FakePlex, Fault
from simulators.plex.plexapi_client import plexapi_server
from simulators.plex.raw_client import RawClient

EDIT = {"studio.value": "New", "studio.locked": 1}


@pytest.fixture
def plex() -> Iterator[FakePlex]:
    with FakePlex() as server:
        server.add_item(server.add_section("Scenes", ["/plex/scenes"]), "/plex/scenes/a.mp4")
        yield server


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    """Runs a request while the test does something else."""
    with ThreadPoolExecutor() as pool:
        yield pool


# which requests, how often


def test_a_fault_is_for_its_kind_and_so_many_times(plex: FakePlex, raw: RawClient) -> None:
    fault = plex.faults.status(500, kind="edit", times=2)
    assert raw.get("/identity").ok
    assert [raw.edit(1, EDIT).status_code for _ in range(3)] == [500, 500, 200]
    assert (fault.hits, fault.active) == (2, False)
    assert [request.fault for request in plex.log.select(kind="edit")] == [
        "status 500",
        "status 500",
        None,
    ]


def test_a_fault_lasts_until_it_is_cleared(plex: FakePlex, raw: RawClient) -> None:
    fault = plex.faults.status(500, path="/library")
    assert [raw.get("/library").status_code for _ in range(3)] == [500] * 3
    assert raw.get("/").ok
    fault.clear()
    assert raw.get("/library").ok
    plex.faults.status(500)
    plex.faults.clear()
    assert raw.get("/library").ok


def test_a_fault_can_wait_for_its_turn_and_choose_by_anything(
    plex: FakePlex, raw: RawClient
) -> None:
    plex.faults.status(409, method="PUT", after=1, times=1)
    assert [raw.edit(1, EDIT).status_code for _ in range(3)] == [200, 409, 200]
    plex.faults.status(404, predicate=lambda request: request.param("type") == "7")
    assert raw.get("/library?type=7").status_code == 404
    assert raw.get("/library?type=8").ok


def test_faults_queue_up(plex: FakePlex, raw: RawClient) -> None:
    plex.faults.status(500, times=1)
    plex.faults.status(502, times=1)
    assert [raw.get("/").status_code for _ in range(3)] == [500, 502, 200]


def test_a_hit_can_be_awaited(plex: FakePlex, raw: RawClient, beside: ThreadPoolExecutor) -> None:
    fault = plex.faults.status(500, times=1)
    assert fault.wait_for_hit(timeout=0) is False
    answer = beside.submit(raw.get, "/")
    assert fault.wait_for_hit()
    assert answer.result().status_code == 500


# statuses


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 405, 408, 409, 413, 425, 429, 500, 502, 504, 520]
)
def test_an_error_status_has_plexs_page_and_is_not_carried_out(
    plex: FakePlex, raw: RawClient, status: int
) -> None:
    plex.faults.status(status, kind="edit")
    answer = raw.edit(1, EDIT)
    assert answer.status_code == status
    assert f"<h1>{status} {answer.reason}</h1>" in answer.text
    assert plex.item(1).studio == ""


def test_503_is_the_maintenance_xml(plex: FakePlex, raw: RawClient) -> None:
    plex.faults.status(503, retry_after=30)
    answer = raw.get("/library")
    assert answer.headers["Retry-After"] == "30"
    assert ET.fromstring(answer.content).attrib["title"] == "Maintenance"


def test_429_names_when_to_come_back(plex: FakePlex, raw: RawClient) -> None:
    plex.faults.status(429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT")
    assert raw.get("/").headers["Retry-After"] == "Wed, 21 Oct 2026 07:28:00 GMT"


def test_an_error_may_come_after_the_deed(plex: FakePlex, raw: RawClient) -> None:
    plex.faults.status(500, kind="edit", applied=True)
    assert raw.edit(1, EDIT).status_code == 500
    assert plex.item(1).studio == "New"


@pytest.mark.parametrize("status", [301, 302])
def test_a_redirect(plex: FakePlex, raw: RawClient, status: int) -> None:
    plex.faults.redirect("http://127.0.0.1:9/elsewhere", status)
    answer = raw.get("/")
    assert (answer.status_code, answer.headers["Location"]) == (
        status,
        "http://127.0.0.1:9/elsewhere",
    )


def test_plexapi_trips_over_an_unknown_status(plex: FakePlex) -> None:
    with plexapi_server(plex) as server:
        plex.faults.status(520)
        with pytest.raises(TypeError):
            server.query("/library")


# bodies


def test_a_web_page_instead_of_xml(plex: FakePlex, raw: RawClient) -> None:
    plex.faults.html()
    assert raw.get("/").headers["Content-Type"] == "text/html"
    with pytest.raises(ET.ParseError):
        raw.xml("/")


def test_an_empty_200(plex: FakePlex) -> None:
    with plexapi_server(plex) as server:
        plex.faults.empty()
        assert server.query("/") is None
    answer = plex.log.requests[-1]
    assert (answer.status, answer.fault) == (200, "body")


def test_a_huge_body_and_any_body(plex: FakePlex, raw: RawClient) -> None:
    fault = plex.faults.huge(3_000_000)
    answer = raw.get("/")
    assert len(answer.content) == 3_000_000
    assert ET.fromstring(answer.content).tag == "MediaContainer"
    fault.clear()
    plex.faults.body(b'{"a": 1}', "application/json")
    assert raw.get("/").json() == {"a": 1}


@pytest.mark.parametrize("path", ["/library", "/library/metadata/1"])
def test_a_truncated_body(plex: FakePlex, path: str) -> None:
    plex.faults.truncate(times=1)
    connection = http.client.HTTPConnection("127.0.0.1", plex.port, timeout=5)
    connection.request("GET", path, headers={"X-Plex-Token": plex.token})
    answer = connection.getresponse()
    assert answer.status == 200
    with pytest.raises(http.client.IncompleteRead):
        answer.read()
    connection.close()


def test_a_truncated_answer_to_an_edit_was_applied(plex: FakePlex, raw: RawClient) -> None:
    plex.faults.truncate(kind="edit")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        raw.edit(1, EDIT)
    assert plex.item(1).studio == "New"


def test_a_reset_in_mid_body(plex: FakePlex) -> None:
    plex.faults.reset()
    connection = http.client.HTTPConnection("127.0.0.1", plex.port, timeout=5)
    connection.request("GET", "/library", headers={"X-Plex-Token": plex.token})
    answer = connection.getresponse()
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        answer.read()
    connection.close()


def test_a_connection_closed_without_an_answer(plex: FakePlex, raw: RawClient) -> None:
    plex.faults.close(kind="edit", times=1)
    with pytest.raises(requests.ConnectionError):
        raw.edit(1, EDIT)
    assert plex.item(1).studio == ""
    assert raw.edit(1, EDIT).ok


@pytest.mark.parametrize("reset", [True, False])
def test_applied_but_unanswered(plex: FakePlex, raw: RawClient, reset: bool) -> None:
    plex.faults.unanswered(kind="edit", reset=reset)
    with pytest.raises(requests.ConnectionError):
        raw.edit(1, EDIT)
    assert plex.item(1).studio == "New"
    (request,) = plex.log.select(kind="edit")
    assert (request.status, request.fault, request.done) == (None, "unanswered", True)


def test_dripping_byte_by_byte_until_released(
    plex: FakePlex, raw: RawClient, beside: ThreadPoolExecutor
) -> None:
    fault = plex.faults.drip(60.0, times=1)
    answer = beside.submit(raw.get, "/library")
    assert fault.wait_for_hit()
    assert not answer.done()
    fault.release()
    assert answer.result().content == raw.get("/library").content
    plex.faults.drip(0.0)
    assert raw.get("/library").ok


# hanging


def hanging(
    fault: Fault, beside: ThreadPoolExecutor, ask: Callable[[], requests.Response]
) -> Future[requests.Response]:
    answer = beside.submit(ask)
    assert fault.wait_for_hit()
    assert not answer.done()
    return answer


def test_a_hanging_request_goes_on_when_released(
    plex: FakePlex, raw: RawClient, beside: ThreadPoolExecutor
) -> None:
    fault = plex.faults.hang(kind="edit")
    answer = hanging(fault, beside, lambda: raw.edit(1, EDIT))
    assert plex.log.in_flight == 1
    assert list(plex.snapshot()["1"]["studio"]) == []
    fault.release()
    assert answer.result().ok
    assert plex.item(1).studio == "New"


def test_a_client_that_gives_up_ends_the_hanging(plex: FakePlex) -> None:
    fault = plex.faults.hang(kind="edit")
    impatient = RawClient(plex.url, plex.token, timeout=0.05)
    with impatient, pytest.raises(requests.ReadTimeout):
        impatient.edit(1, EDIT)
    assert fault.wait_for_hit()
    assert plex.log.wait_until_idle()
    assert plex.item(1).studio == ""


def test_hanging_after_the_deed(plex: FakePlex) -> None:
    plex.faults.hang(kind="edit", applied=True)
    impatient = RawClient(plex.url, plex.token, timeout=0.05)
    with impatient, pytest.raises(requests.ReadTimeout):
        impatient.edit(1, EDIT)
    assert plex.wait_for(lambda server: server.item(1).studio == "New")


def test_stopping_ends_the_hanging(
    plex: FakePlex, raw: RawClient, beside: ThreadPoolExecutor
) -> None:
    answer = hanging(plex.faults.hang(), beside, lambda: raw.get("/"))
    plex.stop()
    with pytest.raises(requests.ConnectionError):
        answer.result()
    assert plex.log.in_flight == 0


def test_clearing_all_faults_releases_what_hangs(
    plex: FakePlex, raw: RawClient, beside: ThreadPoolExecutor
) -> None:
    answer = hanging(plex.faults.hang(), beside, lambda: raw.get("/"))
    plex.faults.clear()
    assert answer.result().ok


def test_any_other_fault_can_be_written(plex: FakePlex, raw: RawClient) -> None:
    seen = threading.Event()

    def action(exchange: object, fault: Fault) -> bool:
        assert exchange is not None
        assert fault.hits == 1
        seen.set()
        return False

    plex.faults.inject("mine", action, times=1)
    with pytest.raises(requests.ConnectionError):
        raw.get("/")
    assert seen.is_set()
    assert plex.log.requests[-1].done, "a forgotten finish() is made up for"


# latency


def test_latency_delays_the_answer_of_its_kind(plex: FakePlex, raw: RawClient) -> None:
    plex.latency.of_kind["edit"] = 60.0
    assert raw.get("/").ok
    impatient = RawClient(plex.url, plex.token, timeout=0.05)
    with impatient, pytest.raises(requests.ReadTimeout):
        impatient.edit(1, EDIT)
    assert plex.log.wait_for(lambda log: log.count(kind="edit") == log.in_flight == 1)
    plex.stop()
    assert plex.log.in_flight == 0


def test_latency_of_every_request_adds_to_that_of_its_kind(plex: FakePlex) -> None:
    plex.latency.every = 1.0
    plex.latency.of_kind["edit"] = 0.5
    assert (plex.latency.of("edit"), plex.latency.of("root")) == (1.5, 1.0)

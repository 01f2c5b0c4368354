"""R5: every HTTP fault at every endpoint ends in the right class and the right final state.

The real worker in this process, real HTTP to both servers and the real database; only time is not
real: whoever would wait turns the clock instead.
"""

import json
import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from app.services import build
from shared.data_folder import DataFolder
from shared.log import Log
from simulators.oracle import Verdict, judge
from simulators.plex import FakePlex, Request
from simulators.plex.request_log import Kind
from simulators.rig import FOLDER, PLUGIN, TOKEN, png
from simulators.stash import FakeStash, faults as stash_faults
from simulators.traffic import Action, Exchange, Fault
from sync_queue.manager import QueueManager
from sync_queue.operations import METADATA, scene_job
from tests.sync_queue.support import Clock, spool
from worker.process.outcome import DrainOutcome
from worker.processor import SyncWorker
from worker.timetable import BURST, Waiter

COVER = png(3)
FAILURES = 2  # after which the fault of a retried job ends
WAITS = 8  # after which any other fault ends
MOST_WAITS = 80  # nothing takes longer to settle


class Stop(threading.Event):
    """The worker's stop event, on which nobody waits in real time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.now += timeout or 0.0
        return self.is_set()


@dataclass
class Turner:
    """Stands in for the worker's waiter: turns the clock, and ends a run that goes on for ever."""

    clock: Clock
    stop: Callable[[], None]
    ends: Callable[[int], bool]
    waits: int = 0

    def wait(self, seconds: float) -> None:
        self.clock.now += seconds + 0.001
        self.waits += 1
        if self.waits >= MOST_WAITS or self.ends(self.waits):
            self.stop()

    def wait_for_end_of_burst(self) -> None:
        """No hooks run here."""


@dataclass
class Bench:
    root: Path
    stash: FakeStash
    plex: FakePlex
    settings: dict[str, Any]
    clock: Clock = field(default_factory=Clock)
    codes: list[str] = field(default_factory=list)
    outcome: DrainOutcome = DrainOutcome.UNUSABLE
    reason: str = ""
    away: bool = False

    def __post_init__(self) -> None:
        self.section = self.plex.add_section("Scenes", [FOLDER])
        path = f"{FOLDER}/a.mp4"
        scene = self.stash.add_scene(
            files=[path], cover=COVER, title="A title", tags=["Outdoor"], studio="Northlight"
        )
        self.scene_id = scene.id
        self.plex.add_item(self.section, path)
        known = {"plex_url": self.plex.url, "plex_token": TOKEN}
        self.stash.set_plugin_settings(PLUGIN, known | self.settings)
        log = Log(lambda _level, _text, code, _fields: self.codes.append(code))
        folder = DataFolder(str(self.root / "data"))
        folder.create()
        self.database = folder.queue_database
        self.services = replace(
            build("", self.stash.server_connection(), folder, log),
            clock=self.clock,
            monotonic=self.clock,
            boot_time=self.clock,
            uniform=lambda _low, high: high,
        )
        self.services.queue.clock = self.clock
        self.services.sessions.clock = self.clock
        self.enqueue()

    def enqueue(self, **hints: Any) -> None:
        self.services.queue.enqueue([scene_job(self.scene_id, METADATA, self.clock(), hints)])

    def run(self, until: Callable[[int], bool] = lambda _waits: False) -> DrainOutcome:
        worker = SyncWorker(self.services, Stop(self.clock))
        turner = Turner(self.clock, worker.stop, until)
        worker._waiter = cast("Waiter", turner)
        self.outcome = worker.run_until_idle()
        self.reason = worker.pause_reason
        self.away = worker._guard.is_away
        return self.outcome

    def close(self) -> None:
        self.services.close()

    # -- what is there ------------------------------------------------------------------------

    def jobs(self) -> list[dict[str, Any]]:
        rows = self._read("SELECT data FROM ack_queue_default")
        return [json.loads(row[0]) for row in rows]

    def letters(self) -> list[str]:
        return [row[0] for row in self._read("SELECT error_type FROM dead_letters")]

    def retries(self) -> int:
        return max((job["retry_count"] for job in self.jobs()), default=0)

    def _read(self, statement: str) -> list[Any]:
        connection = sqlite3.connect(self.database)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()

    def verdict(self) -> Verdict:
        return judge(self.stash, self.plex)

    def most_applied_puts(self) -> int:
        carried = (None, "truncate", "reset", "unanswered")
        puts = Counter(
            str(one.query)
            for one in self.plex.log.requests
            if one.method == "PUT" and one.fault in carried and changes_values(one)
        )
        return max(puts.values(), default=0)

    def reported(self, *codes: str) -> int:
        return sum(code in codes for code in self.codes)


def changes_values(request: Request) -> bool:
    """Whether an edit does more than set locks, which it may do any number of times."""
    return any(name.endswith((".value", ".tag", ".tag-")) for name, _ in request.query)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)  # nobody cuts the power here
    with FakePlex(token=TOKEN) as plex, FakeStash(tmp_path / "stash") as stash:
        made = Bench(tmp_path, stash, plex, {})
        yield made
        plex.start()  # a fault may have stopped it
        made.close()


# -- what may become of a job -------------------------------------------------------------------

WAITS_FOR_PLEX = "an outage: waits, no retry spent"
RETRIED = "retried, with count"
LOOKED_FOR = "looked for, with count"
PAUSED = "paused: one message, no retry spent"
BURIED = "dead letter"
WITHOUT_IMAGE = "done without the image"
ARRIVED = "done: the edit arrives, though its answer does not"
BELIEVED = "taken for done: Plex says no more when all is well"
LEAVES = "the process ends, the job stays"
STASH_RETRIED = "retried, for an answer of Stash that makes no sense"
COVER_RETRIED = "retried, for a cover that Stash does not give"
COVER_AWAITED = "waits, no retry spent: Stash gives no cover of any scene"

NEXT = {
    RETRIED: "PlexTemporaryError",
    LOOKED_FOR: "PlexNotFound",
    STASH_RETRIED: "StashQueryError",
    COVER_RETRIED: "StashFileError",
}


def check(bench: Bench, end: Callable[[], object], expected: str) -> None:
    counted = expected in NEXT
    bench.run(lambda waits: bench.retries() >= FAILURES if counted else waits >= WAITS)
    if counted:
        assert [(job["retry_count"], job["last_error_type"]) for job in bench.jobs()] == [
            (FAILURES, NEXT[expected])
        ]
        assert bench.letters() == []
        assert not bench.away
    elif expected == COVER_AWAITED:
        assert [(job["retry_count"], job["last_error_type"]) for job in bench.jobs()] == [
            (0, "StashFileError")
        ]
        assert not bench.away
    elif expected in (WAITS_FOR_PLEX, PAUSED, LEAVES):
        assert [(job["retry_count"], job["last_error_type"]) for job in bench.jobs()] == [(0, None)]
        assert bench.letters() == []
        assert bench.away == (expected == WAITS_FOR_PLEX)
        assert (bench.outcome is DrainOutcome.LEFT) == (expected == LEAVES)
        assert bool(bench.reason) == (expected != LEAVES)
        assert bench.reported("plex_failed", "sync_paused") == (expected != LEAVES)
        assert bench.reported("stash_refused") == (expected == LEAVES)
    else:
        assert bench.jobs() == []
        assert bench.letters() == (["PlexPermanentError"] if expected == BURIED else [])
        assert bench.outcome is DrainOutcome.IDLE

    end()
    if expected == BURIED:
        bench.enqueue()
    elif expected in (WITHOUT_IMAGE, BELIEVED, ARRIVED):
        bench.stash.update_scene(bench.scene_id, cover=png(4))
        bench.enqueue(cover_changed=True)
    assert bench.run() is DrainOutcome.IDLE
    assert bench.verdict().agree, bench.verdict().differences
    assert bench.jobs() == []
    assert bench.letters() == []
    assert bench.most_applied_puts() <= 2


# -- Plex ---------------------------------------------------------------------------------------

Break = Callable[..., object]


def _status(status: int, **options: Any) -> Break:
    return lambda plex, **where: plex.faults.status(status, **options, **where)


def _refuse(plex: FakePlex, **where: Any) -> object:
    def action(exchange: Exchange, _fault: Fault) -> bool:
        exchange.finish(None)
        plex.stop()
        return False

    return plex.faults.inject("refuse", action, **where)


FAULTS: dict[str, Break] = {
    "closed": lambda plex, **where: plex.faults.close(**where),
    "reset": lambda plex, **where: plex.faults.reset(**where),
    "truncated": lambda plex, **where: plex.faults.truncate(**where),
    "unanswered": lambda plex, **where: plex.faults.unanswered(**where),
    "HTML": lambda plex, **where: plex.faults.html(**where),
    "empty": lambda plex, **where: plex.faults.empty(**where),
    "301": lambda plex, **where: plex.faults.redirect("https://elsewhere.example/", 301, **where),
    "429": _status(429, retry_after=120),
} | {str(one): _status(one) for one in (400, 401, 403, 404, 409, 413, 500, 503, 520)}

EVERYTHING = "everything"
OF_THE_SERVER = ("identity", "sections", "listing", EVERYTHING)  # asked for no scene in particular
PROVES_HEALTH = ("identity", "sections", EVERYTHING)  # the health check asks for these as well
UPLOADS = ("poster_upload", "art_upload")
ENDPOINTS = (*OF_THE_SERVER, "metadata", "edit", *UPLOADS)


def expected_of(endpoint: str, fault: str) -> str:
    if fault == "403" and endpoint in UPLOADS:
        return WITHOUT_IMAGE  # edits are taken, so the token is right
    if fault in ("301", "401", "403"):
        return PAUSED
    if fault == "503":
        return WAITS_FOR_PLEX
    if fault in ("400", "404", "409", "413"):
        if endpoint in OF_THE_SERVER:
            return PAUSED
        if fault == "404":
            return LOOKED_FOR
        return WITHOUT_IMAGE if endpoint in UPLOADS else BURIED
    if fault == "empty" and endpoint in ("edit", *UPLOADS):
        return BELIEVED
    if endpoint == "edit" and fault in ("reset", "truncated", "unanswered"):
        return ARRIVED
    if endpoint == "edit" and fault != "429":
        return WAITS_FOR_PLEX  # also at an edit that changes nothing: Plex saves nothing
    return WAITS_FOR_PLEX if endpoint in PROVES_HEALTH else RETRIED


def _cases() -> Iterator[Any]:
    for endpoint in ENDPOINTS:
        for fault in FAULTS:
            yield pytest.param(endpoint, fault, id=f"{endpoint}-{fault}")


def _where(endpoint: str) -> dict[str, Any]:
    return {} if endpoint == EVERYTHING else {"kind": cast("Kind", endpoint)}


def _end(bench: Bench) -> Callable[[], object]:
    def end() -> None:
        bench.plex.faults.clear()
        bench.plex.start()
        bench.plex.cut_connections()

    return end


@pytest.mark.parametrize(("endpoint", "fault"), list(_cases()))
def test_a_fault_of_plex_has_its_final_state(bench: Bench, endpoint: str, fault: str) -> None:
    FAULTS[fault](bench.plex, **_where(endpoint))
    begun = bench.clock()

    check(bench, _end(bench), expected_of(endpoint, fault))

    if fault == "429":
        assert bench.clock() - begun >= 120


@pytest.mark.parametrize("fault", FAULTS)
def test_a_temporary_error_is_an_outage_where_the_probe_fails_too(bench: Bench, fault: str) -> None:
    assert bench.services.sessions.current().client.server_id  # it is connected
    FAULTS[fault](bench.plex, kind="identity")
    bench.plex.faults.status(500, kind="metadata")

    check(bench, _end(bench), WAITS_FOR_PLEX)

    assert bench.reported("plex_down") == 1
    assert bench.reported("plex_back") == 1


@pytest.mark.parametrize("fault", ["refused", "HTML", "503"])
@pytest.mark.parametrize("endpoint", [one for one in ENDPOINTS if one != EVERYTHING])
def test_an_outage_during_a_job_spends_no_retry(bench: Bench, endpoint: str, fault: str) -> None:
    begun: list[Request] = []

    def since_then(request: Request) -> bool:
        if begun or request.kind == endpoint:
            begun.append(request)
        return bool(begun)

    break_it = _refuse if fault == "refused" else FAULTS[fault]
    break_it(bench.plex, predicate=since_then)

    check(bench, _end(bench), WAITS_FOR_PLEX)

    assert begun
    assert bench.reported("plex_down") == 1


@pytest.mark.parametrize("applied", [False, True], ids=["not applied", "applied"])
@pytest.mark.parametrize("endpoint", ["identity", "metadata", "edit", "poster_upload"])
def test_a_hanging_answer_is_given_up(bench: Bench, endpoint: str, applied: bool) -> None:
    bench.services.sessions.current().client.timeout = (0.5, 0.4)
    bench.plex.faults.hang(kind=cast("Kind", endpoint), applied=applied, times=FAILURES)

    if endpoint in PROVES_HEALTH or endpoint == "edit":  # an edit is tried twice
        bench.run()
        assert bench.letters() == []
        assert bench.verdict().agree
    else:
        check(bench, _end(bench), RETRIED)


# -- Stash --------------------------------------------------------------------------------------


STASH_FAULTS: dict[str, Action] = {
    "closed": lambda *_: False,
    "reset": stash_faults.Reset(),
    "unanswered": stash_faults.Reset(after=True),
    "truncated": stash_faults.Truncated(),
    "HTML": stash_faults.html_page(),
    "empty": stash_faults.empty(),
    "null data": stash_faults.null_data(),
    "GraphQL errors": stash_faults.graphql_errors(),
    "301": stash_faults.Status(301, headers={"Location": "/login"}),
    **{str(one): stash_faults.Status(one, b"no") for one in (400, 401, 403, 404, 429, 500, 503)},
}
SETTINGS, SCENES, SCREENSHOT = "Settings", "ScenesById", "screenshot"


def expected_of_stash(endpoint: str, fault: str) -> str:
    if fault in ("301", "401"):
        return LEAVES
    if endpoint == SCREENSHOT and fault in ("404", "empty", "null data", "GraphQL errors"):
        return WITHOUT_IMAGE
    if endpoint == SCREENSHOT and fault in ("400", "403", "429", "500", "503"):
        return COVER_AWAITED
    return PAUSED


@pytest.mark.parametrize("fault", STASH_FAULTS)
@pytest.mark.parametrize("endpoint", [SETTINGS, SCENES, SCREENSHOT])
def test_a_fault_of_stash_is_no_outage_of_plex(bench: Bench, endpoint: str, fault: str) -> None:
    which = {"screenshot": "screenshot"}.get(
        endpoint, lambda request: request.operation == endpoint
    )
    bench.stash.inject(STASH_FAULTS[fault], which, times=None)

    check(bench, bench.stash.faults.clear, expected_of_stash(endpoint, fault))

    assert bench.reported("plex_down") == 0


def test_a_stash_that_refuses_connections_is_no_outage_of_plex(bench: Bench) -> None:
    bench.stash.stop()

    check(bench, bench.stash.start, PAUSED)

    assert bench.reported("plex_down") == 0


ANSWERS_NOTHING = {
    "errors": stash_faults.graphql_errors("sql: database is closed"),
    "null data": stash_faults.null_data(),
    "500": stash_faults.Status(500, b"no"),
}


@pytest.mark.parametrize("fault", ANSWERS_NOTHING)
def test_the_worker_waits_for_a_stash_that_hides_its_scenes(bench: Bench, fault: str) -> None:
    """As while it migrates its database: the settings, from its file, can be read."""

    def about_scenes(request: Any) -> bool:
        return request.operation not in (None, SETTINGS)

    bench.stash.inject(ANSWERS_NOTHING[fault], about_scenes, times=None)

    check(bench, bench.stash.faults.clear, PAUSED)

    assert bench.reported("plex_down") == 0


@pytest.mark.parametrize("status", ["NEEDS_MIGRATION", "SETUP"])
def test_a_stash_without_a_database_is_waited_for(bench: Bench, status: Any) -> None:
    bench.stash.settings.status = status

    def end() -> None:
        bench.stash.settings.status = "OK"

    check(bench, end, PAUSED)

    assert sum(one.operation == "ScenesById" for one in bench.stash.requests.since(0)) <= 3


@pytest.mark.parametrize("fault", ["null data", "GraphQL errors", "cover"])
def test_a_fault_of_stash_at_one_scene_is_that_scenes(bench: Bench, fault: str) -> None:
    def concerns_it(request: Any) -> bool:
        if fault == "cover":
            return bool(request.path == f"/scene/{bench.scene_id}/screenshot")
        return f'findScene(id: "{bench.scene_id}")' in request.query

    broken = stash_faults.Status(500, b"no") if fault == "cover" else STASH_FAULTS[fault]
    bench.stash.inject(broken, concerns_it, times=None)

    check(bench, bench.stash.faults.clear, COVER_RETRIED if fault == "cover" else STASH_RETRIED)


def test_a_web_page_instead_of_a_cover_is_told(bench: Bench) -> None:
    bench.stash.inject(stash_faults.html_page(), SCREENSHOT, times=None)

    bench.run(lambda waits: waits >= WAITS)

    assert bench.reported("cover_unusable", "job_retried", "plex_failed", "sync_paused") >= 1


class Hooks(Stop):
    """Leaves a job in the spool with each of the first ten waits."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.clock)
        self.waiting: list[int] = []
        self._bench = bench

    def leave_job(self) -> None:
        spool(self._bench.root / "data" / "queue", f"metadata.scene_{self._bench.scene_id}")

    def wait(self, timeout: float | None = None) -> bool:
        if len(self.waiting) < 10:
            self.leave_job()
            self.waiting.append(len(self._bench.services.queue.spool.names()))
        return super().wait(timeout)


def test_the_jobs_of_a_burst_are_imported_together_when_it_has_ended(bench: Bench) -> None:
    bench.run()
    hooks = Hooks(bench)
    for _ in range(BURST + 1):
        hooks.leave_job()

    SyncWorker(bench.services, hooks).drain()

    assert hooks.waiting == list(range(BURST + 2, BURST + 12))
    assert not bench.services.queue.spool.names()


QUEUE_CALLS: list[Callable[..., Any]] = [
    QueueManager.resume,
    QueueManager.cap_waits,
    QueueManager.next_due,
    QueueManager.claim,
    QueueManager.import_spool,
]


@pytest.mark.parametrize("call", [one.__name__ for one in QUEUE_CALLS])
def test_a_database_that_is_held_for_a_while_is_waited_for_whatever_is_asked_of_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    queue = bench.services.queue
    sound, failures = getattr(queue, call), iter(range(FAILURES))

    def held(*arguments: Any, **options: Any) -> Any:
        if next(failures, None) is not None:
            raise sqlite3.OperationalError("database is locked")
        return sound(*arguments, **options)

    monkeypatch.setattr(queue, call, held)

    assert bench.run() is DrainOutcome.IDLE
    assert next(failures, None) is None
    assert bench.reported("sync_paused") == 1
    assert bench.verdict().agree


@pytest.mark.parametrize("call", [QueueManager.resume.__name__, QueueManager.next_due.__name__])
def test_damage_of_the_database_is_not_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def damaged(*_: object) -> Any:
        error = sqlite3.DatabaseError("malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    monkeypatch.setattr(bench.services.queue, call, damaged)

    with pytest.raises(sqlite3.DatabaseError, match="malformed"):
        bench.run()

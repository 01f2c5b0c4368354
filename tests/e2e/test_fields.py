"""Field by field: what is switched off, what a person set in Plex, what Plex will not take."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from simulators.plex import Item
from simulators.plex.request_log import Request
from simulators.rig import Rig, png
from simulators.stash import SceneFields
from tests.conftest import MakeRig
from tests.e2e.steps import dead_scenes, sync_title
from worker.sync import verification

EVERYTHING: SceneFields = {
    "title": "Ours",
    "details": "Our details",
    "date": "2024-05-06",
    "studio": "Our studio",
    "performers": ["Our performer"],
    "tags": ["Our tag"],
    "cover": png(1),
}
SHOWN = {
    "title": "Ours",
    "studio": "Our studio",
    "summary": "Our details",
    "originally_available_at": "2024-05-06",
    "actors": ["Our performer"],
    "genres": ["Our tag"],
    "collections": ["Our studio"],
}
PERSONS: dict[str, Any] = {
    "title": "Mine",
    "studio": "Mine",
    "summary": "Mine",
    "originally_available_at": "1999-09-09",
    "actors": ["Me"],
    "genres": ["mine", "Our tag"],
    "collections": ["Mine"],
}
AGENTS: dict[str, Any] = {
    "title": "Agent's",
    "studio": "Agent's",
    "summary": "Agent's",
    "originally_available_at": "1900-01-01",
    "actors": ["Agent's"],
    "genres": ["agent's"],
    "collections": ["Agent's"],
}
# The setting → the attributes of an item that it rules, and their locks.
TOGGLES = {
    "sync_studio": ("studio", "studio"),
    "sync_summary": ("summary", "summary"),
    "sync_date": ("originally_available_at", "originallyAvailableAt"),
    "sync_performers": ("actors", "actor"),
    "sync_tags": ("genres", "genre"),
    "sync_collection": ("collections", "collection"),
    "sync_poster": ("poster", "thumb"),
    "sync_background": ("art", "art"),
}
# Settings whose field has no source in Stash → the attribute of an item, and Plex's name of it.
WITHOUT_SOURCE = {"sync_tagline": "tagline"}


def shown(item: Item) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(item, name) for name in SHOWN}
    found["actors"] = [actor.name for actor in item.actors]
    return {name: value if isinstance(value, str) else list(value) for name, value in found.items()}


def sync(rig: Rig, **arguments: str) -> None:
    rig.task("all", **arguments)
    rig.task("process_queue")
    assert rig.wait_until(lambda: rig.queued() == 0)


def refused(field: str) -> Any:
    def predicate(request: Request) -> bool:
        return any(name.startswith(field) for name, _ in request.query)

    return predicate


def memory(rig: Rig) -> dict[str, Any]:
    with rig.database() as database:
        ((text,),) = database.execute("SELECT refused FROM sync_log").fetchall()
    return json.loads(text) if text else {}


@pytest.mark.parametrize("toggle", TOGGLES)
def test_a_switch_that_is_off_leaves_its_field_unchanged(make_rig: MakeRig, toggle: str) -> None:
    rig = make_rig(settings={toggle: False})
    attribute, lock = TOGGLES[toggle]
    scene_id, item = rig.add_pair("a", **EVERYTHING)
    rig.plex.edit(item.rating_key, lock=False, poster=png(8), art=png(9), **PERSONS)
    before = getattr(item, attribute)

    sync(rig)
    filled = getattr(item, attribute)
    others = {name: value for name, value in shown(item).items() if name != attribute}
    images = {name: getattr(item, name) for name in ("poster", "art") if name != attribute}
    rig.stash.update_scene(
        scene_id, details="", date=None, studio=None, performers=[], tags=[], title="Bare"
    )
    sync(rig)

    assert (filled, getattr(item, attribute)) == (before, before)
    wanted = SHOWN | {"collections": ["Mine", "Our studio"]}
    assert others == {name: value for name, value in wanted.items() if name != attribute}
    assert set(images.values()) == {png(1)}
    emptied = {name: type(value)() for name, value in SHOWN.items()}
    emptied |= {"title": "Bare", "collections": ["Mine"]}
    left = {name: value for name, value in shown(item).items() if name != attribute}
    assert left == {name: value for name, value in emptied.items() if name != attribute}
    assert lock not in item.locks
    assert item.locks >= {one for _, one in TOGGLES.values()} - {lock} | {"title"}


def test_the_master_toggle_off_sends_nothing_at_all(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"sync_master": False})
    _, item = rig.add_pair("a", **EVERYTHING)

    sync(rig)

    assert rig.plex.log.writes() == []
    assert item.locks == frozenset()


@pytest.mark.parametrize("attribute", WITHOUT_SOURCE.values())
def test_a_toggle_without_a_source_sends_nothing(rig: Rig, attribute: str) -> None:
    _, item = rig.add_pair("a", **EVERYTHING)
    rig.plex.edit(item.rating_key, lock=False, **{attribute: "Mine"})  # type: ignore[arg-type]

    sync(rig)

    assert (getattr(item, attribute), attribute in item.locks) == ("Mine", False)
    assert rig.settled(), rig.verdict().differences


def test_what_a_person_set_survives_while_preserve_plex_edits_is_on(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"preserve_plex_edits": True})
    scene_id, item = rig.add_pair("a", **EVERYTHING)
    sync(rig)
    assert shown(item) == SHOWN
    rig.stop_worker()  # it may still be reading back what it sent
    rig.plex.edit(item.rating_key, **PERSONS)

    rig.stash.update_scene(scene_id, title="New", details="New", tags=["New"], studio="New")
    rig.stash.update_scene(scene_id, date="2020-01-01", performers=["New"])
    sync(rig)
    assert shown(item) == PERSONS
    mark = rig.plex.log.mark()
    sync(rig)
    sync(rig, force="true")

    assert shown(item) == PERSONS
    assert rig.plex.log.count("edit", since=mark) == 0
    rig.plex.edit(item.rating_key, summary="", genres=[])
    sync(rig, force="true")
    assert (item.summary, item.genres, item.title) == ("New", ("New",), "Mine")

    rig.stop_worker()
    rig.configure(preserve_plex_edits=False)
    fields = EVERYTHING.copy()
    del fields["cover"]
    rig.stash.update_scene(scene_id, **fields)
    sync(rig)
    assert shown(item) == SHOWN | {"collections": ["Mine", "Our studio"]}


def test_what_a_person_set_before_the_first_sync_is_known_by_its_lock(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"preserve_plex_edits": True})
    scene_id, item = rig.add_pair("a", **EVERYTHING)
    rig.plex.edit(item.rating_key, title="Mine", genres=["mine"], poster=png(7))
    rig.plex.edit(item.rating_key, summary="Scanner's", studio="Agent's", lock=False, art=png(8))

    sync(rig)

    assert (item.title, item.genres, item.poster) == ("Mine", ("mine",), png(7))
    assert (item.summary, item.studio, item.art) == ("Our details", "Our studio", png(1))

    rig.stop_worker()
    rig.configure(preserve_plex_edits=False)
    rig.stash.update_scene(scene_id, details="New")
    sync(rig)

    assert (item.title, item.genres, item.poster) == ("Ours", ("Our tag",), png(1))


def test_an_edit_that_arrived_unheard_of_does_not_pass_for_a_persons(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"preserve_plex_edits": True})
    scene_id, item = rig.add_pair("a", **EVERYTHING)
    sync(rig)
    rig.plex.faults.unanswered(kind="edit", times=1)
    rig.stash.edit_scene(scene_id, title="Second")
    assert rig.wait_until(lambda: item.title == "Second")

    rig.stash.edit_scene(scene_id, title="Third")

    assert rig.wait_until(lambda: item.title == "Third")


@pytest.mark.parametrize("preserve", [True, False])
def test_an_agents_refresh_reverts_none_of_our_fields(make_rig: MakeRig, preserve: bool) -> None:
    rig = make_rig(settings={"preserve_plex_edits": preserve})
    scene_id, item = rig.add_pair("a", **EVERYTHING)
    _, other = rig.add_pair("other")
    for one in (item, other):
        rig.plex.agent[one.rating_key] = AGENTS  # type: ignore[assignment]
        rig.plex.refresh_item(one.rating_key)

    sync(rig)
    rig.plex.refresh_item(item.rating_key)
    rig.plex.refresh_item(other.rating_key)

    assert shown(item) == SHOWN | {"collections": ["Agent's", "Our studio"]}
    assert shown(other) == AGENTS
    rig.stash.update_scene(scene_id, tags=[])
    sync(rig)
    rig.plex.refresh_item(item.rating_key)
    assert item.genres == ()


def test_a_field_that_plex_silently_drops_is_reported_once(rig: Rig) -> None:
    rig.plex.switches = replace(
        rig.plex.switches, unkept_fields=frozenset(("genre", "originallyAvailableAt"))
    )
    scene_id, item = rig.add_pair("a", **EVERYTHING)

    rig.stash.edit_scene(scene_id, title="Ours")

    dropped = {"date": "2024-05-06", "tags": ["Our tag"]}
    assert rig.happened("fields_not_kept", scene=scene_id, fields=["date", "tags"])
    assert rig.wait_until(lambda: memory(rig) == dropped)
    assert rig.queued() == 0
    mark = rig.plex.log.mark()
    rig.stash.edit_scene(scene_id, title="Ours")
    assert rig.happened("scene_in_step")
    assert rig.plex.log.count("edit", since=mark) == 0
    assert len(rig.events("fields_not_kept")) == 1

    rig.plex.switches = replace(rig.plex.switches, unkept_fields=frozenset())
    rig.stash.edit_scene(scene_id, tags=["Our tag", "Another"])

    assert rig.wait_until(lambda: set(item.genres) == {"Our tag", "Another"})
    assert item.originally_available_at == item.own_date
    assert rig.wait_until(lambda: memory(rig) == {"date": "2024-05-06"})


def test_an_edit_of_which_no_trace_is_left_is_told_and_sent_again(rig: Rig) -> None:
    rig.plex.faults.empty(kind="edit", times=1)
    scene_id, item = rig.add_pair("a", **EVERYTHING)

    rig.stash.edit_scene(scene_id, title="Ours")

    assert rig.happened("edit_lost", scene=scene_id)
    assert rig.wait_until(lambda: rig.queued() == 0)
    assert memory(rig) == {}
    rig.task("all")
    assert rig.wait_until(lambda: shown(item) == SHOWN)


def test_that_plex_cannot_be_read_back_fails_nothing(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", **EVERYTHING)
    fault = rig.plex.faults.status(500, kind="metadata", after=1)

    rig.stash.edit_scene(scene_id, title="Ours")

    assert fault.wait_for_hit(timeout=20)
    fault.clear()
    assert rig.wait_until(lambda: rig.queued() == 0)
    assert shown(item) == SHOWN
    assert memory(rig) == {}
    rig.stash.edit_scene(scene_id, title="Next")
    assert rig.wait_until(lambda: item.title == "Next")


def _fail_to_read_back() -> None:
    def fails(self: verification.Verification) -> None:  # noqa: ARG001
        raise AssertionError

    verification.Verification.run = fails  # type: ignore[method-assign]


def test_a_bug_in_reading_back_is_told_and_costs_no_job_and_no_worker(rig: Rig) -> None:
    rig.alter(verification, _fail_to_read_back)
    scene_id, _ = rig.add_pair("a", **EVERYTHING)

    rig.stash.edit_scene(scene_id, title="One")
    assert rig.happened("bug")
    (worker,) = rig.worker_pids()
    sync_title(rig, scene_id, "Two")

    assert rig.worker_pids() == [worker]
    assert dead_scenes(rig) == set()


def test_a_field_that_plex_refuses_is_not_tried_again(rig: Rig) -> None:
    rig.plex.faults.status(400, kind="edit", predicate=refused("actor"))
    scene_id, item = rig.add_pair("a", **EVERYTHING)

    sync_title(rig, scene_id, "Ours")

    assert rig.events("field_refused", scene=scene_id, field="performers")
    assert shown(item) == SHOWN | {"actors": []}
    assert item.poster == png(1)
    assert memory(rig) == {"performers": ["Our performer"]}
    assert dead_scenes(rig) == set()
    mark = rig.plex.log.mark()
    rig.stash.edit_scene(scene_id, title="Ours")
    assert rig.happened("scene_in_step")
    assert rig.plex.log.count("edit", since=mark) == 0


def test_a_field_at_which_plex_fails_is_retried_alone(rig: Rig) -> None:
    """Plex answers some malformed values, such as of a date, with 500."""
    fault = rig.plex.faults.status(500, kind="edit", predicate=refused("originallyAvailableAt"))
    scene_id, item = rig.add_pair("a", **EVERYTHING)

    rig.stash.edit_scene(scene_id, title="Ours")

    rest = SHOWN | {"originally_available_at": item.own_date}
    assert rig.wait_until(lambda: shown(item) == rest, 60)
    fault.clear()
    rig.stash.edit_scene(scene_id, title="Ours")
    assert rig.wait_until(lambda: shown(item) == SHOWN, 60)


def test_a_summary_that_no_request_holds_is_cut_told_once_and_then_in_step(rig: Rig) -> None:
    texts = ["word " * 2000, "東京の夜、" * 400]
    pairs = [
        rig.add_pair(name, tags=["t"], details=text) for name, text in zip("ab", texts, strict=True)
    ]

    for (scene_id, item), text in zip(pairs, texts, strict=True):
        sync_title(rig, scene_id, "Long")
        assert len(rig.events("field_shortened", scene=scene_id, field="summary")) == 1
        assert item.summary.endswith("…")
        assert text.startswith(item.summary[:-1])
        assert 6900 < len(quote(item.summary)) < 7000
    mark = rig.plex.log.mark()
    sync(rig, force="true")
    assert rig.plex.log.count("edit", since=mark) == 0
    assert len(rig.events("field_shortened")) == 2
    assert rig.events("fields_not_kept") == []

    scene_id, item = pairs[0]
    rig.plex.edit(item.rating_key, summary="Changed in Plex")
    cut = item.summary
    rig.stash.edit_scene(scene_id, title="Next")
    assert rig.wait_until(lambda: item.summary not in ("Changed in Plex", cut))
    assert item.summary.endswith("…")


def test_fifty_performers_and_five_hundred_tags_arrive_at_once(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"max_tags": 500})
    performers = [f"Performer, [{n:02}]" for n in range(50)]
    tags = [f"A tag, [number {n:03}]" for n in range(500)]
    _, item = rig.add_pair("a", performers=performers, tags=tags)
    rig.plex.edit(item.rating_key, lock=False, genres=["old"], actors=["Old"])

    sync(rig)

    assert {actor.name for actor in item.actors} == set(performers)
    assert set(item.genres) == set(tags)
    mark = rig.plex.log.mark()
    sync(rig, force="true")
    assert rig.plex.log.count("edit", since=mark) == 0
    assert rig.events("fields_not_kept") == []


def test_syncing_costs_what_it_may(rig: Rig) -> None:
    """A first sync 1.2 requests a scene, a second next to none, a change one PUT.

    On a busy machine the worker's batches are smaller, so the limits leave room for more of them.
    """
    count = 200
    ids = rig.add_library(count, covers=False)

    sync(rig)
    first = len(rig.plex.log)
    mark = rig.plex.log.mark()
    sync(rig, force="true")
    second = len(rig.plex.log.requests) - first
    changed = rig.plex.log.mark()
    for scene_id in ids:
        rig.stash.update_scene(scene_id, title=f"Changed {scene_id}")
    sync(rig)

    assert rig.settled(), rig.verdict().differences[:3]
    assert first / count <= 1.2
    assert second / count <= 1 / 10
    edits = rig.plex.log.count("edit", since=mark)
    assert edits == rig.plex.log.count("edit", since=changed) == count
    assert rig.plex.log.count("metadata", since=changed) / count <= 1 / 10


def test_two_performers_of_one_name_stay_two_and_stashs_zero_date_is_no_date(rig: Rig) -> None:
    people = rig.stash.library.performers
    ids = [people.add("Ada", disambiguation=detail).id for detail in ("actress", "singer")]
    scene_id, item = rig.add_pair("a", tags=["t"], performers=ids, date="1990-01-01 00:00:00")

    rig.stash.edit_scene(scene_id, title="Both")

    assert rig.settled()
    assert [actor.name for actor in item.actors] == ["Ada (actress)", "Ada (singer)"]
    assert item.originally_available_at == "1990-01-01"
    rig.stash.edit_scene(scene_id, date="0001-01-01")
    assert rig.settled()
    assert item.originally_available_at == ""

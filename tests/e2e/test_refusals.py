"""Edits that Plex, or a proxy before Plex, does not take: all else arrives, one message each."""

from dataclasses import replace

import pytest

from simulators.plex import Request
from simulators.plex.switches import COMMON_EXPLOITS
from simulators.rig import Rig, png
from simulators.tuning import Tuning
from tests.e2e.steps import settle
from tests.e2e.test_outages import assert_nothing_spent, quicken, state
from tests.e2e.test_poison import letters


@pytest.fixture
def rig(rig: Rig) -> Rig:
    quicken(rig)
    rig.tune(Tuning(back_off=0.5, shortest_delay=0.5))
    return rig


def assert_calm(rig: Rig) -> None:
    assert rig.wait_until(lambda: rig.queued() == 0, 60)
    assert letters(rig) == []
    assert not (rig.data / "outage_history.json").exists()
    assert rig.events("plex_failed", "sync_paused") == []


@pytest.mark.parametrize("closes", [False, True], ids=["403", "closed"])
def test_a_word_that_a_proxy_blocks_is_the_only_one_left_out(rig: Rig, closes: bool) -> None:
    rig.plex.switches = replace(
        rig.plex.switches, blocked_query=COMMON_EXPLOITS, proxy_closes=closes
    )
    tags = ["night", "cocaine", "outdoor", "archive", "interview", "harbour"]
    pairs = [rig.add_pair(name, tags=["T"], studio="S") for name in "abcde"]
    first, item = rig.add_pair("word", tags=tags, studio="S")
    second, same_word = rig.add_pair("the same word", tags=["cocaine", "night"], studio="S")
    third, sentence = rig.add_pair("sentence", tags=["T"], studio="S")
    summary = "A reunion: all of them were selected."

    rig.stash.edit_scenes([first, *(scene_id for scene_id, _ in pairs)], title="New")
    rig.stash.edit_scene(second, title="New")
    rig.stash.edit_scene(third, title="New", details=summary)

    assert rig.wait_until(
        lambda: (
            all(one.title == "New" for one in (item, same_word, sentence))
            and all(item.title == "New" for _, item in pairs)
        ),
        60,
    )
    assert_calm(rig)
    assert set(item.genres) == set(tags) - {"cocaine"}
    assert (same_word.genres, sentence.genres, sentence.summary) == (("night",), ("T",), "")
    (name,) = rig.events("name_refused", name="cocaine")
    (summary_refused,) = rig.events("field_refused", scene=third, field="summary")
    assert "plex_url" in name["cause"]
    assert "plex_url" in summary_refused["cause"]

    mark = rig.plex.log.mark()
    for scene_id in (first, second, third):
        rig.stash.edit_scene(scene_id, title="Newer")
    assert rig.wait_until(lambda: sentence.title == item.title == same_word.title == "Newer")
    assert_calm(rig)
    assert len(rig.plex.log.writes(mark)) == 3, "what is refused is sent again"


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "not listed"])
def test_a_smart_collection_is_told_once_and_searched_for_once(rig: Rig, listed: bool) -> None:
    if not listed:
        rig.plex.faults.status(404, kind="collections", times=99)
    rig.plex.switches = replace(rig.plex.switches, smart_collections=frozenset({"Smart"}))
    pairs = [rig.add_pair(f"s{n}", tags=["T"], studio="Smart") for n in range(8)]
    mark = rig.plex.log.mark()

    rig.stash.edit_scenes([scene_id for scene_id, _ in pairs], title="New")

    assert rig.wait_until(lambda: all(item.title == "New" for _, item in pairs))
    assert_calm(rig)
    assert {(item.studio, item.genres, item.collections) for _, item in pairs} == {
        ("Smart", ("T",), ())
    }
    assert len(rig.plex.log.writes(mark)) <= len(pairs) + (0 if listed else 12)
    assert rig.plex.log.count("collections", since=mark) == 1
    rig.stop_worker()
    mark = rig.plex.log.mark()
    scene_id, item = rig.add_pair("later", tags=["T"], studio="Smart")
    rig.stash.edit_scene(scene_id, title="New")
    assert rig.wait_until(lambda: item.title == "New")
    assert_calm(rig)
    assert len(rig.plex.log.writes(mark)) == 1
    assert len(rig.events("collection_refused", name="Smart")) == (0 if listed else 1)
    told = [event["fact"] for event in rig.events("server_learned")]
    assert sum("smart collection" in fact for fact in told) == (1 if listed else 0)

    # The collection is renamed in Plex: its scenes join one of that name when they are synced anew.
    rig.plex.switches = replace(rig.plex.switches, smart_collections=frozenset())
    rig.task("sync_scene", scene_id=str(scene_id))
    assert rig.wait_until(lambda: item.collections == ("Smart",))
    rig.task("all", force="true")
    assert rig.wait_until(lambda: all(item.collections == ("Smart",) for _, item in pairs))
    assert_calm(rig)


def test_an_edition_without_a_plex_pass_is_told_once_and_delays_nothing(rig: Rig) -> None:
    rig.configure(edition_from="code")
    rig.plex.switches = replace(rig.plex.switches, plex_pass=False)
    pairs = [rig.add_pair(f"s{n}", tags=["T"], code=f"C{n}") for n in range(8)]
    mark = rig.plex.log.mark()

    rig.stash.edit_scenes([scene_id for scene_id, _ in pairs], title="New")

    assert rig.wait_until(lambda: all(item.title == "New" for _, item in pairs))
    assert_calm(rig)
    (refused,) = rig.events("field_refused", field="edition")
    assert "Plex Pass" in refused["cause"]
    assert len(rig.plex.log.writes(mark)) <= len(pairs) + 8
    assert "8 already up to date in Plex" in rig.task("all").output

    rig.plex.switches = replace(rig.plex.switches, plex_pass=True)
    rig.task("all", force="true")
    wanted = [f"C{n}" for n in range(8)]
    assert rig.wait_until(lambda: [item.edition_title for _, item in pairs] == wanted)
    assert_calm(rig)


def test_a_field_at_which_plex_always_fails_is_refused_and_not_tried_for_ever(rig: Rig) -> None:
    def has_date(request: Request) -> bool:
        return any(name.startswith("originallyAvailableAt.value") for name, _ in request.query)

    rig.plex.faults.status(500, text="Field data is not valid", kind="edit", predicate=has_date)
    scene_id, item = rig.add_pair("a", tags=["T"], date="2024-05-06")

    rig.stash.edit_scene(scene_id, title="New")

    assert rig.wait_until(lambda: item.title == "New" and rig.queued() == 0, 60)
    assert_calm(rig)
    (told,) = rig.events("field_refused", field="date")
    assert "Field data is not valid" in told["cause"]
    assert item.genres == ("T",)
    assert len(rig.plex.log.writes()) <= 20


def test_a_plex_that_saves_nothing_is_one_message_and_costs_no_retry(rig: Rig) -> None:
    quicken(rig)
    pairs = [rig.add_pair(f"s{number}", tags=["T"]) for number in range(8)]
    fault = rig.plex.faults.status(
        500, text="database is locked", predicate=lambda request: request.is_write
    )

    rig.stash.edit_scenes([scene_id for scene_id, _ in pairs], title="New")

    assert rig.wait_until(lambda: fault.hits >= 16, 60)  # past the breaker's five
    assert rig.wait_until(lambda: rig.queued() == len(pairs))
    assert_nothing_spent(rig)
    (told,) = rig.events(level="warning")
    assert told["code"] == "plex_failed"
    assert "database is locked" in told["reason"]
    fault.clear()

    settle(rig)
    assert letters(rig) == []
    assert len(state(rig, "outage_history.json")) == 1


def test_a_plex_that_stores_no_images_keeps_no_field_back_and_costs_no_retry(rig: Rig) -> None:
    rig.tune(Tuning(back_off=0.5, shortest_delay=0.5, uploads_wait=1.0))
    pairs = [rig.add_pair(f"s{number}", tags=["T"], cover=png(number)) for number in range(6)]
    faults = [rig.plex.faults.status(500, kind=kind) for kind in ("poster_upload", "art_upload")]

    rig.stash.edit_scenes([scene_id for scene_id, _ in pairs], title="New")

    assert rig.wait_until(lambda: all(item.title == "New" for _, item in pairs))
    assert rig.wait_until(lambda: all(fault.hits >= 5 for fault in faults), 60)
    assert rig.wait_until(lambda: rig.queued() == len(pairs))
    assert letters(rig) == []
    assert [event["code"] for event in rig.events(level="warning")] == ["uploads_down"]
    assert not (rig.data / "outage_history.json").exists()
    for fault in faults:
        fault.clear()
    assert rig.settled(60), rig.verdict().differences[:3]
    assert_calm(rig)
    assert [item.poster for _, item in pairs] == [png(number) for number in range(6)]
    assert [event["code"] for event in rig.events(level="warning")] == ["uploads_down"]

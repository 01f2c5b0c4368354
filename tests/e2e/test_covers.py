"""Covers: new bytes only, each item and kind by itself, and nothing that is no picture."""

import time
from dataclasses import replace
from itertools import count

import pytest

from simulators.rig import FOLDER, Rig, png
from simulators.stash.faults import Status
from tests.conftest import MakeRig
from tests.e2e.steps import sync_all, sync_title, synced_pair
from tests.e2e.test_outages import quicken

JPEG = b"\xff\xd8\xff"


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    """Its Stash has no two edits within one second, which would show the same time stamp."""
    seconds = count(int(time.time()))
    return make_rig(stash={"now": lambda: float(next(seconds))})


def uploads(rig: Rig, since: int = 0) -> tuple[int, int]:
    log = rig.plex.log
    return log.count("poster_upload", since=since), log.count("art_upload", since=since)


def fetched(rig: Rig) -> list[int | None]:
    return [one.status for one in rig.stash.requests.all() if one.path.endswith("/screenshot")]


def test_a_cover_is_sent_again_only_when_its_bytes_changed(rig: Rig) -> None:
    scene_id, item = synced_pair(rig, cover=png(1))
    sync_title(rig, scene_id, "Two")
    unchanged = fetched(rig), uploads(rig)
    rig.stash.edit_scene(scene_id, cover=png(2))

    assert rig.wait_until(lambda: item.poster == item.art == png(2))
    assert unchanged == ([200, 304], (1, 1))
    assert (fetched(rig), uploads(rig)) == ([200, 304, 200], (2, 2))


def test_a_cover_that_was_changed_and_changed_back_is_not_sent_again(rig: Rig) -> None:
    quicken(rig)
    scene_id, item = synced_pair(rig, cover=png(1))
    rig.plex.stop()
    rig.stash.edit_scene(scene_id, cover=png(2))
    rig.stash.edit_scene(scene_id, cover=png(1), title="Two")
    rig.plex.start()

    assert rig.wait_until(lambda: item.title == "Two" and rig.queued() == 0)
    assert uploads(rig) == (1, 1)


def test_an_item_that_missed_a_cover_gets_it_when_it_is_found_again(rig: Rig) -> None:
    file, other_file = f"{FOLDER}/a.mp4", f"{FOLDER}/other.mp4"
    scene_id = rig.stash.add_scene(files=[file, other_file], tags=["T"], cover=png(1)).id
    item, other = (rig.plex.add_item(rig.section, one) for one in (file, other_file))
    sync_title(rig, scene_id, "One")
    assert other.poster == png(1)
    rig.plex.move_file(other_file, f"{FOLDER}/away.mp4")
    rig.stash.edit_scene(scene_id, cover=png(2))
    assert rig.wait_until(lambda: item.poster == png(2) and rig.queued() == 0)
    assert other.poster == png(1)

    rig.plex.move_file(f"{FOLDER}/away.mp4", other_file)
    rig.task("clear_match_cache")
    rig.task("all", force="true")

    assert rig.wait_until(lambda: other.poster == other.art == png(2))


def test_the_drawing_that_stash_shows_in_a_covers_place_never_reaches_plex(rig: Rig) -> None:
    _, item = synced_pair(rig)

    assert fetched(rig) == [200]
    assert uploads(rig) == (0, 0)
    assert item.locks.isdisjoint({"thumb", "art"})


def test_a_kind_or_an_item_that_comes_later_gets_the_cover(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"sync_background": False})
    scene_id, item = synced_pair(rig, cover=png(1))
    assert uploads(rig) == (1, 0)

    rig.stop_worker()
    rig.configure(sync_background=True)
    sync_title(rig, scene_id, "Two")

    assert uploads(rig) == (1, 1)
    assert item.locks >= {"thumb", "art"}

    other = rig.plex.add_section("Favourites", locations=["/media/favourites"])
    second = rig.plex.add_item(other, f"{FOLDER}/a.mp4")
    rig.task("clear_match_cache")
    rig.stash.edit_scene(scene_id, title="Three")

    assert rig.wait_until(lambda: second.title == "Three" and rig.queued() == 0)
    assert second.poster == second.art == png(1)
    assert uploads(rig) == (2, 2)


def test_a_cover_that_plex_cannot_show_is_reported_once_and_fails_nothing_else(rig: Rig) -> None:
    covers = {
        "larger than the 10 MB that Plex accepts": JPEG + bytes(10_000_000),
        "no JPEG, PNG, WebP or GIF": b"BM a bitmap",
    }
    pairs = [rig.add_pair(name[:2], tags=["T"], cover=cover) for name, cover in covers.items()]
    for (scene_id, item), reason in zip(pairs, covers, strict=True):
        sync_title(rig, scene_id, "One")
        sync_title(rig, scene_id, "Two")

        (told,) = rig.events("cover_unusable", scene=scene_id)
        assert reason in told["message"]
        assert fetched(rig)[-2:] == [200, 304]
        assert uploads(rig) == (0, 0)
        assert item.locks.isdisjoint({"thumb", "art"})
    scene_id, item = pairs[0]
    rig.stash.edit_scene(scene_id, cover=png(1))
    assert rig.wait_until(lambda: item.poster == item.art == png(1))


def test_a_cover_that_plex_refuses_is_reported_and_locks_no_image_in_its_place(rig: Rig) -> None:
    rig.plex.switches = replace(rig.plex.switches, max_upload_bytes=1000)
    scene_id, item = synced_pair(rig, cover=JPEG + bytes(2000))
    sync_title(rig, scene_id, "Two")

    assert rig.events("cover_refused", scene=scene_id, kind="poster")
    assert uploads(rig) == (1, 1)
    assert item.locks.isdisjoint({"thumb", "art"})
    rig.stash.edit_scene(scene_id, cover=png(1))
    assert rig.wait_until(lambda: item.poster == item.art == png(1))


def test_a_poster_at_which_plex_fails_keeps_nothing_else_back(rig: Rig) -> None:
    fault = rig.plex.faults.status(500, kind="poster_upload")
    scene_id, item = rig.add_pair("a", tags=["T"], cover=png(1))

    rig.stash.edit_scene(scene_id, title="One")

    assert rig.wait_until(lambda: item.art == png(1) and item.genres == ("T",))
    assert rig.happened("job_retried", scene=scene_id)
    fault.clear()
    assert rig.wait_until(lambda: item.poster == png(1) and rig.queued() == 0, 60)
    assert rig.plex.log.count("art_upload") == 1
    assert item.locks >= {"thumb", "art"}


def test_an_image_that_an_agent_replaced_while_it_was_unlocked_is_shown_again(rig: Rig) -> None:
    _, item = rig.add_pair("a", tags=["T"], cover=png(1))
    sync_all(rig)
    rig.plex.set_locks(item.rating_key, ())
    rig.plex.agent[item.rating_key] = {"poster": png(2)}
    rig.plex.refresh_item(item.rating_key)
    assert not rig.verdict().agree
    mark = rig.plex.log.mark()

    rig.task("all", force="true")

    assert rig.settled()
    assert "poster_upload" not in {one.kind for one in rig.plex.log.writes(mark)}


def test_an_image_that_a_plex_restored_from_a_backup_lacks_is_sent_again(rig: Rig) -> None:
    _, item = synced_pair(rig, cover=png(1))
    with rig.plex.changed:
        item.posters = item.arts = ()
        item.locks = frozenset()
    mark = rig.plex.log.mark()

    rig.task("reconcile_all")

    assert rig.settled(), rig.verdict().differences
    assert item.poster == item.art == png(1)
    assert item.locks >= {"thumb", "art"}
    assert uploads(rig, mark) == (1, 1)
    rig.task("all", force="true")
    assert rig.wait_until(lambda: rig.queued() == 0)
    assert uploads(rig, mark) == (1, 1)


def test_a_cover_that_stash_does_not_give_keeps_nothing_else_back(rig: Rig) -> None:
    pairs = [rig.add_pair(name, tags=["T"], cover=png(n)) for n, name in enumerate("abc")]
    bad, item = pairs[0]
    rig.stash.inject(Status(500), lambda one: one.path == f"/scene/{bad}/screenshot", times=None)

    for scene_id, _ in pairs:
        rig.stash.edit_scene(scene_id, title=f"New {scene_id}")

    others = [item for _, item in pairs[1:]]
    assert rig.wait_until(lambda: all(one.poster and one.art for one in others))
    assert [item.title for _, item in pairs] == [f"New {scene_id}" for scene_id, _ in pairs]
    assert rig.happened("job_retried", error="StashFileError")
    assert rig.events("sync_paused", "plex_failed") == []
    rig.stash.faults.clear()
    assert rig.wait_until(lambda: item.poster == item.art == png(0) and rig.queued() == 0, 60)


@pytest.mark.parametrize("chosen", ["poster art", "poster", "art", ""])
def test_each_image_with_a_switch_gets_the_cover(make_rig: MakeRig, chosen: str) -> None:
    kinds = set(chosen.split())
    rig = make_rig(settings={"sync_poster": "poster" in kinds, "sync_background": "art" in kinds})
    scene_id, item = rig.add_pair("a", tags=["T"], cover=png(1))
    rig.plex.edit(item.rating_key, lock=False, poster=png(7), art=png(7))

    sync_title(rig, scene_id, "One")

    assert rig.wait_until(lambda: rig.queued() == 0)
    names = {"poster": "thumb", "art": "art"}
    assert {kind for kind in names if getattr(item, kind) == png(1)} == kinds
    assert item.locks & {*names.values()} == {names[kind] for kind in kinds}


def test_a_new_poster_removes_kometas_label_only_if_that_is_wanted(make_rig: MakeRig) -> None:
    rig = make_rig()
    scene_id, item = rig.add_pair("a", tags=["T"], cover=png(1))
    with rig.plex.changed:
        item.labels = ("Overlay", "Mine")
    sync_title(rig, scene_id, "One")
    assert (item.poster, item.labels) == (png(1), ("Overlay", "Mine"))

    rig.stop_worker()
    rig.configure(remove_overlay_label=True)
    rig.stash.edit_scene(scene_id, cover=png(2))

    assert rig.wait_until(lambda: item.poster == png(2))
    assert list(item.labels) == ["Mine"]

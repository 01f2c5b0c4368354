"""A walk through a library: nothing is missed, whatever moves, and one broken item ends nothing."""

from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from plex import walk
from plex.exceptions import PlexAuthError, PlexError, PlexServerDown, PlexTemporaryError
from plex.items import Place
from plex.listing import OrderIgnored
from plex.walk import Hole, Walk
from simulators.plex import FakePlex
from tests.plex.support import Lab, paths
from tests.sync_queue.support import Clock


def fill(lab: Lab, count: int) -> list[str]:
    files = [(f"{n}.mp4", f"{count - n + 1:05}") for n in range(1, count + 1)]
    return [lab.add(name, title=title, added_at=7, updated_at=7).files[0] for name, title in files]


def sizes(lab: Lab) -> list[str]:
    return [one.headers["x-plex-container-size"] for one in lab.plex.log.select(kind="listing")]


def breaks(lab: Lab, *keys: int) -> None:
    lab.switch(unreadable=frozenset(keys))


def test_a_page_that_plex_fails_to_give_is_asked_for_in_half_the_size(lab: Lab) -> None:
    names = fill(lab, 600)
    lab.plex.faults.status(500, kind="listing", times=2)
    assert paths(Walk(lab.client.read, lab.ours)) == names
    assert sizes(lab) == ["1000", "500", "250", "251", "251"]


def test_a_page_that_comes_too_late_is_asked_for_in_half_the_size(lab: Lab) -> None:
    names = fill(lab, 3)
    lab.plex.faults.close(kind="listing", times=1)
    assert paths(Walk(lab.client.read, lab.ours)) == names
    assert sizes(lab) == ["1000", "500"]


@pytest.mark.parametrize(
    ("status", "retry_after", "error", "asked"),
    [
        (500, None, PlexTemporaryError, ["1000", "500", "250", "0"]),
        (503, None, PlexServerDown, ["1000"]),
        (401, None, PlexAuthError, ["1000", "1000"]),
        (429, 7, PlexTemporaryError, ["1000"]),
    ],
)
def test_no_size_helps_a_server_that_is_sick_or_away(
    lab: Lab, status: int, retry_after: int | None, error: type[PlexError], asked: list[str]
) -> None:
    lab.add("0.mp4")
    lab.plex.faults.status(status, retry_after=retry_after, kind="listing")
    with pytest.raises(error) as caught:
        list(Walk(lab.client.read, lab.ours))
    assert caught.value.retry_after == retry_after
    assert sizes(lab) == asked


def test_a_server_that_counts_its_rows_and_shows_none_is_sick(lab: Lab) -> None:
    fill(lab, 600)
    breaks(lab, *range(1, 601))
    with pytest.raises(PlexTemporaryError):
        list(Walk(lab.client.read, lab.ours))
    assert len(sizes(lab)) <= 16


@settings(max_examples=25)
@given(
    removed=st.lists(st.integers(0, 11), unique=True),
    added=st.integers(0, 4),
    when=st.integers(1, 4),
    ignores_sort=st.booleans(),
)
def test_what_stays_is_never_missed_while_others_come_and_go(
    removed: list[int], added: int, when: int, ignores_sort: bool
) -> None:
    with FakePlex() as plex, pytest.MonkeyPatch.context() as patch:
        patch.setattr(walk, "LISTING_PAGE", 3)
        lab = Lab(plex, Clock(), Path())
        names = fill(lab, 12)
        if ignores_sort:
            lab.switch(ignored_sorts=frozenset(("id",)))
            added = 0  # a row that comes in among those that were read is found by the next walk
        found = Walk(lab.client.read, lab.ours)
        pages = iter(found)
        seen = {part.path for _ in range(when) for part in next(pages, [])}
        for position in removed:
            plex.remove_item(position + 1)
        new = [lab.add(f"new{n}.mp4").files[0] for n in range(added)]
        seen.update(paths(pages))
        lab.close()
        stayed = {name for position, name in enumerate(names) if position not in removed}
        if not ignores_sort or len(removed) < 2:
            assert seen >= stayed | (set(new) if when < 4 else set())
        assert not (ignores_sort and found.place.last_key)


def test_a_listing_without_a_total_is_complete(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "LISTING_PAGE", 3)
    names = fill(lab, 7)
    ask = lab.client.read

    def without_total(path: str, doing: str, headers: dict[str, str]) -> object:
        answer = ask(path, doing, headers)
        answer.attrib.pop("totalSize")
        return answer

    assert paths(walk.Walk(without_total, lab.ours)) == names  # type: ignore[arg-type]


def test_a_walk_goes_on_behind_the_last_row_of_another_one(lab: Lab) -> None:
    fill(lab, 5)
    whole = Walk(lab.client.read, lab.ours)
    list(whole)
    assert whole.place == Place(5, 5)
    new = lab.add("new.mp4", added_at=1, updated_at=1)
    further = Walk(lab.client.read, lab.ours, whole.place)
    assert paths(further) == new.files
    assert further.place == Place(6, new.rating_key)
    assert lab.plex.log.count(kind="listing") == 2


@pytest.mark.parametrize("removed", [[5], [1, 2], [3, 4, 5], [1, 2, 3, 4, 5]])
def test_what_vanished_meanwhile_hides_nothing_new(lab: Lab, removed: list[int]) -> None:
    fill(lab, 5)
    for key in removed:
        lab.plex.remove_item(key)
    new = [lab.add(f"new{n}.mp4").files[0] for n in range(3)]
    assert paths(Walk(lab.client.read, lab.ours, Place(5, 5))) == new


def test_a_server_that_does_not_sort_cannot_tell_what_is_new(lab: Lab) -> None:
    fill(lab, 5)
    lab.switch(ignored_sorts=frozenset(("id",)))
    whole = Walk(lab.client.read, lab.ours)
    assert len(paths(whole)) == 5
    assert whole.place == Place(5, 0)
    lab.add("new.mp4", title="00002 and a half")
    with pytest.raises(OrderIgnored):
        list(Walk(lab.client.read, lab.ours, Place(5, 5)))


@pytest.mark.parametrize(
    ("count", "key"), [(5000, 2500), *((500, key) for key in (1, 2, 99, 100, 101, 250, 499, 500))]
)
def test_one_unreadable_item_of_thousands_costs_little_once_and_nothing_later(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, count: int, key: int
) -> None:
    monkeypatch.setattr(walk, "LISTING_PAGE", count // 5)
    monkeypatch.setattr(walk, "SMALLEST_PAGE", count // 20)
    names = fill(lab, count)
    breaks(lab, key)
    others = [*names[: key - 1], *names[key:]]

    first = Walk(lab.client.read, lab.ours)
    assert paths(first) == others
    behind = key + 1 if key < count else 0
    assert first.holes == [Hole(key - 1, key - 1, behind)]
    assert first.gaps == [(key - 1, behind or 2**63 - 1)]
    assert len(sizes(lab)) <= 5 + 19

    lab.plex.log.clear()
    again = Walk(lab.client.read, lab.ours, holes=first.holes)
    assert paths(again) == others
    assert again.holes == first.holes
    assert len(sizes(lab)) <= 5

    lab.plex.log.clear()
    new = lab.add("new.mp4")
    further = Walk(lab.client.read, lab.ours, again.place, again.holes)
    assert paths(further) == new.files
    assert len(sizes(lab)) <= (1 if behind else 9)


def test_several_unreadable_items_are_left_out(lab: Lab) -> None:
    names = fill(lab, 1500)
    broken = {1, 2, 3, 700, 900, 901, 1499, 1500}
    breaks(lab, *broken)
    first = Walk(lab.client.read, lab.ours)
    wanted = [name for key, name in enumerate(names, 1) if key not in broken]
    assert paths(first) == wanted
    assert {hole.row + 1 for hole in first.holes} == broken
    lab.plex.log.clear()
    assert paths(Walk(lab.client.read, lab.ours, holes=first.holes)) == wanted
    assert len(sizes(lab)) <= 6


@pytest.mark.parametrize("removed", [1, 9, 10, 11, 20])
@pytest.mark.parametrize("stays_broken", [True, False])
def test_a_known_hole_hides_no_other_item(lab: Lab, removed: int, stays_broken: bool) -> None:
    fill(lab, 20)
    breaks(lab, 10)
    first = Walk(lab.client.read, lab.ours)
    list(first)
    lab.plex.remove_item(removed)
    lab.add("new.mp4")
    if not stays_broken:
        breaks(lab)
    left = [item.files[0] for item in lab.plex.items(lab.section) if item.rating_key != 10]
    seen = set(paths(Walk(lab.client.read, lab.ours, holes=first.holes)))
    assert seen >= set(left)

"""A walk through a library: nothing is missed, whatever moves, and one broken item ends nothing."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plex import walk
from plex.client import PlexClient
from plex.exceptions import PlexAuthError, PlexError, PlexServerDown, PlexTemporaryError
from plex.items import LibraryPart, Place
from plex.items import Section as OurSection
from plex.listing import OrderIgnored
from plex.walk import Hole
from simulators.plex import FakePlex, Section
from tests.plex.support import client_of

FOLDER = "/plex/scenes"


def ours(section: Section) -> OurSection:
    return OurSection(section.key, section.title)


def fill(plex: FakePlex, section: Section, count: int) -> list[str]:
    """Items 1 to count, all of the same second; their titles sort the other way round."""
    names = [f"{FOLDER}/{n}.mp4" for n in range(1, count + 1)]
    for n, name in enumerate(names):
        plex.add_item(section, name, title=f"{count - n:05}", added_at=7, updated_at=7)
    return names


def paths(pages: Iterable[list[LibraryPart]]) -> list[str]:
    return [part.path for page in pages for part in page]


def sizes(plex: FakePlex) -> list[str]:
    return [one.headers["x-plex-container-size"] for one in plex.log.select(kind="listing")]


def breaks(plex: FakePlex, *keys: int) -> None:
    plex.switches = replace(plex.switches, unreadable=frozenset(keys))


def test_a_page_that_plex_fails_to_give_is_asked_for_in_half_the_size(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    names = fill(plex, section, 600)
    plex.faults.status(500, kind="listing", times=2)
    assert paths(client.list_parts(ours(section))) == names
    assert sizes(plex) == ["1000", "500", "250", "251", "251"]


def test_a_page_that_comes_too_late_is_asked_for_in_half_the_size(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    names = fill(plex, section, 3)
    plex.faults.close(kind="listing", times=1)
    assert paths(client.list_parts(ours(section))) == names
    assert sizes(plex) == ["1000", "500"]


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
    plex: FakePlex,
    section: Section,
    client: PlexClient,
    status: int,
    retry_after: int | None,
    error: type[PlexError],
    asked: list[str],
) -> None:
    plex.add_item(section, f"{FOLDER}/0.mp4")
    plex.faults.status(status, retry_after=retry_after, kind="listing")
    with pytest.raises(error) as caught:
        list(client.list_parts(ours(section)))
    assert caught.value.retry_after == retry_after
    assert sizes(plex) == asked


def test_a_server_that_counts_its_rows_and_shows_none_is_sick(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    fill(plex, section, 600)
    breaks(plex, *range(1, 601))
    with pytest.raises(PlexTemporaryError):
        list(client.list_parts(ours(section)))
    assert len(sizes(plex)) <= 16


@settings(max_examples=25, deadline=None)
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
        section = plex.add_section("Scenes", [FOLDER])
        names = fill(plex, section, 12)
        if ignores_sort:
            plex.switches = replace(plex.switches, ignored_sorts=frozenset(("id",)))
            added = 0  # a row that comes in among those that were read is found by the next walk
        client = client_of(plex)
        found = client.list_parts(ours(section))
        pages = iter(found)
        seen = {part.path for _ in range(when) for part in next(pages, [])}
        for position in removed:
            plex.remove_item(position + 1)
        new = [plex.add_item(section, f"{FOLDER}/new{n}.mp4").files[0] for n in range(added)]
        seen.update(paths(pages))
        client.close()
        stayed = {name for position, name in enumerate(names) if position not in removed}
        if not ignores_sort or len(removed) < 2:
            assert seen >= stayed | (set(new) if when < 4 else set())
        assert not (ignores_sort and found.place.last_key)


def test_a_server_that_tells_no_total_is_listed_to_its_end(
    plex: FakePlex, section: Section, client: PlexClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "LISTING_PAGE", 3)
    names = fill(plex, section, 7)
    ask = client._get

    def without_total(path: str, doing: str, headers: dict[str, str]) -> object:
        answer = ask(path, doing, headers)
        answer.attrib.pop("totalSize")
        return answer

    assert paths(walk.Walk(without_total, ours(section))) == names  # type: ignore[arg-type]


def test_a_walk_goes_on_behind_the_last_row_of_another_one(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    fill(plex, section, 5)
    whole = client.list_parts(ours(section))
    list(whole)
    assert whole.place == Place(5, 5)
    new = plex.add_item(section, f"{FOLDER}/new.mp4", added_at=1, updated_at=1)
    further = client.list_parts(ours(section), whole.place)
    assert paths(further) == new.files
    assert further.place == Place(6, new.rating_key)
    assert plex.log.count(kind="listing") == 2


@pytest.mark.parametrize("removed", [[5], [1, 2], [3, 4, 5], [1, 2, 3, 4, 5]])
def test_what_vanished_meanwhile_hides_nothing_new(
    plex: FakePlex, section: Section, client: PlexClient, removed: list[int]
) -> None:
    fill(plex, section, 5)
    for key in removed:
        plex.remove_item(key)
    new = [plex.add_item(section, f"{FOLDER}/new{n}.mp4").files[0] for n in range(3)]
    assert paths(client.list_parts(ours(section), Place(5, 5))) == new


def test_a_server_that_does_not_sort_cannot_tell_what_is_new(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    fill(plex, section, 5)
    plex.switches = replace(plex.switches, ignored_sorts=frozenset(("id",)))
    whole = client.list_parts(ours(section))
    assert len(paths(whole)) == 5
    assert whole.place == Place(5, 0)
    plex.add_item(section, f"{FOLDER}/new.mp4", title="00002 and a half")
    with pytest.raises(OrderIgnored):
        list(client.list_parts(ours(section), Place(5, 5)))


@pytest.mark.parametrize(
    ("count", "key"),
    [(5000, 2500), *((500, key) for key in (1, 2, 99, 100, 101, 250, 499, 500))],
)
def test_one_unreadable_item_of_thousands_costs_little_once_and_nothing_later(
    plex: FakePlex,
    section: Section,
    client: PlexClient,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    key: int,
) -> None:
    monkeypatch.setattr(walk, "LISTING_PAGE", count // 5)
    monkeypatch.setattr(walk, "SMALLEST_PAGE", count // 20)
    names = fill(plex, section, count)
    breaks(plex, key)
    others = [*names[: key - 1], *names[key:]]

    first = client.list_parts(ours(section))
    assert paths(first) == others
    behind = key + 1 if key < count else 0
    assert first.holes == [Hole(key - 1, key - 1, behind)]
    assert first.gaps == [(key - 1, behind or 2**63 - 1)]
    assert len(sizes(plex)) <= 5 + 19

    plex.log.clear()
    again = client.list_parts(ours(section), holes=first.holes)
    assert paths(again) == others
    assert again.holes == first.holes
    assert len(sizes(plex)) <= 5

    plex.log.clear()
    new = plex.add_item(section, f"{FOLDER}/new.mp4")
    further = client.list_parts(ours(section), again.place, again.holes)
    assert paths(further) == new.files
    assert len(sizes(plex)) <= (1 if behind else 9)


def test_several_unreadable_items_are_left_out(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    names = fill(plex, section, 1500)
    broken = {1, 2, 3, 700, 900, 901, 1499, 1500}
    breaks(plex, *broken)
    first = client.list_parts(ours(section))
    wanted = [name for key, name in enumerate(names, 1) if key not in broken]
    assert paths(first) == wanted
    assert {hole.row + 1 for hole in first.holes} == broken
    plex.log.clear()
    assert paths(client.list_parts(ours(section), holes=first.holes)) == wanted
    assert len(sizes(plex)) <= 6


@pytest.mark.parametrize("removed", [1, 9, 10, 11, 20])
@pytest.mark.parametrize("stays_broken", [True, False])
def test_what_is_known_of_a_hole_hides_no_other_item(
    plex: FakePlex, section: Section, client: PlexClient, removed: int, stays_broken: bool
) -> None:
    fill(plex, section, 20)
    breaks(plex, 10)
    first = client.list_parts(ours(section))
    list(first)
    plex.remove_item(removed)
    plex.add_item(section, f"{FOLDER}/new.mp4")
    if not stays_broken:
        breaks(plex)
    left = [item.files[0] for item in plex.items(section) if item.rating_key != 10]
    seen = set(paths(client.list_parts(ours(section), holes=first.holes)))
    assert seen >= set(left)

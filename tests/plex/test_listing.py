"""What a library is asked for, and which answers are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from plex import listing
from plex.client import PlexClient
from plex.exceptions import (
    PlexAuthError,
    PlexError,
    PlexServerDown,
    PlexTemporaryError,
)
from plex.items import LibraryPart
from plex.items import Section as OurSection
from plex.listing import LOOK_UP_ROWS, FilterIgnored
from simulators.plex import FakePlex, Media, Part, Section

FOLDER = "/plex/scenes"


def ours(section: Section) -> OurSection:
    return OurSection(section.key, section.title)


def paths(pages: Iterator[list[LibraryPart]]) -> list[str]:
    return [part.path for page in pages for part in page]


def fill(plex: FakePlex, section: Section, count: int) -> list[str]:
    """Items named 0 to count, of which item n was added and changed at the second 100 n."""
    names = [f"{FOLDER}/{n}.mp4" for n in range(count)]
    for n, name in enumerate(names):
        plex.add_item(section, name, added_at=n * 100, updated_at=n * 100)
    return names


def sizes(plex: FakePlex) -> list[str]:
    return [one.headers["x-plex-container-size"] for one in plex.log.select(kind="listing")]


# pages


def test_a_page_that_plex_fails_to_give_is_asked_for_in_half_the_size(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    names = fill(plex, section, 600)
    plex.faults.status(500, kind="listing", times=2)
    assert paths(client.list_parts(ours(section))) == names
    assert sizes(plex) == ["1000", "500", "250", "250", "250"]


def test_a_page_that_comes_too_late_is_asked_for_in_half_the_size(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    names = fill(plex, section, 3)
    plex.faults.close(kind="listing", times=1)
    assert paths(client.list_parts(ours(section))) == names
    assert sizes(plex) == ["1000", "500"]


@pytest.mark.parametrize(
    ("status", "error", "asked"),
    [
        (500, PlexTemporaryError, ["1000", "500", "250"]),
        (503, PlexServerDown, ["1000"]),
        (401, PlexAuthError, ["1000", "1000"]),
    ],
)
def test_no_size_helps_a_server_that_is_sick_or_away(
    plex: FakePlex,
    section: Section,
    client: PlexClient,
    status: int,
    error: type[PlexError],
    asked: list[str],
) -> None:
    plex.add_item(section, f"{FOLDER}/0.mp4")
    plex.faults.status(status, kind="listing")
    with pytest.raises(error):
        list(client.list_parts(ours(section)))
    assert sizes(plex) == asked


def test_a_server_that_says_when_to_ask_again_is_not_asked_before(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    plex.faults.status(429, retry_after=7, kind="listing")
    with pytest.raises(PlexTemporaryError) as caught:
        list(client.list_parts(ours(section)))
    assert caught.value.retry_after == 7
    assert sizes(plex) == ["1000"]


@pytest.mark.parametrize("removed", [1, 2, 3, 4])
def test_rows_that_move_up_while_a_listing_runs_are_not_missed(
    plex: FakePlex,
    section: Section,
    client: PlexClient,
    monkeypatch: pytest.MonkeyPatch,
    removed: int,
) -> None:
    monkeypatch.setattr(listing, "LISTING_PAGE", 3)
    names = fill(plex, section, 8)
    pages = client.list_parts(ours(section))
    seen = {part.path for part in next(pages)}
    for item in plex.items(section)[:removed]:
        plex.remove_item(item.rating_key)
    seen.update(paths(pages))
    assert seen >= set(names[removed:])


# what changed


def test_what_changed_is_what_was_added_or_edited_after_a_moment(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    names = fill(plex, section, 9)
    plex.edit(1, title="edited just now")
    pages = list(client.list_changed(ours(section), 700, 5))
    assert [[part.path for part in page] for page in pages] == [[names[8]], [names[0], names[8]]]
    assert [pages[0][0].changed_at, pages[1][0].changed_at > 1_000_000] == [800, True]
    assert plex.log.count(kind="listing") == 2


def test_a_server_that_ignores_the_filter_is_told_by_its_old_rows(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    plex.switches = replace(plex.switches, ignores_time_filters=True)
    fill(plex, section, 9)
    with pytest.raises(FilterIgnored):
        list(client.list_changed(ours(section), 700, 100))
    assert plex.log.count(kind="listing") == 1


def test_more_changes_than_there_can_be_are_no_answer(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    fill(plex, section, 9)
    assert len(paths(client.list_changed(ours(section), 300, 5))) == 10
    with pytest.raises(FilterIgnored):
        list(client.list_changed(ours(section), 200, 5))


def test_when_nothing_changed_nothing_is_listed(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    fill(plex, section, 3)
    assert paths(client.list_changed(ours(section), 10_000_000_000, 5)) == []


# one name


def test_a_file_is_found_by_a_piece_of_its_name_with_one_request(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    plex.add_item(section, f"{FOLDER}/a/Tom & Jerry 100% #1+2.mp4")
    plex.add_item(section, f"{FOLDER}/b/other.mp4")
    found = client.find_parts(ours(section), "Tom & Jerry 100% #1+2.mp4")
    assert found == [LibraryPart(f"{FOLDER}/a/Tom & Jerry 100% #1+2.mp4", 1, 1_000_000)]
    assert client.find_parts(ours(section), "nothing.mp4") == []
    requests = plex.log.select(kind="file_filter")
    assert len(requests) == len(plex.log) - 1 == 2
    assert {one.param("type") for one in requests} == {"1"}
    assert {one.headers["x-plex-container-size"] for one in requests} == {str(LOOK_UP_ROWS)}


def test_all_files_of_what_is_found_are_told_but_those_that_plex_made(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    own = Media((Part(f"{FOLDER}/Plex Versions/x/wanted.mp4"),), proxy_type=42)
    plex.add_item(section, [f"{FOLDER}/cd1.mp4", f"{FOLDER}/cd2.mp4"], own)
    found = client.find_parts(ours(section), "wanted.mp4")
    assert found is not None
    assert [part.path for part in found] == [f"{FOLDER}/cd1.mp4", f"{FOLDER}/cd2.mp4"]


@pytest.mark.parametrize("count", [1, LOOK_UP_ROWS, LOOK_UP_ROWS + 1])
def test_an_ignored_filter_is_no_answer_however_large_the_library(
    plex: FakePlex, section: Section, client: PlexClient, count: int
) -> None:
    plex.switches = replace(plex.switches, ignores_file_filter=True)
    fill(plex, section, count)
    assert client.find_parts(ours(section), "missing.mp4") is None


def test_a_name_that_many_have_in_common_is_no_answer(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    fill(plex, section, LOOK_UP_ROWS + 1)
    assert client.find_parts(ours(section), ".mp4") is None
    plex.remove_item(1)
    assert len(client.find_parts(ours(section), ".mp4") or []) == LOOK_UP_ROWS


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_filter_that_plex_refuses_is_no_answer(
    plex: FakePlex, section: Section, client: PlexClient, status: int
) -> None:
    plex.faults.status(status, kind="file_filter")
    assert client.find_parts(ours(section), "a.mp4") is None


@pytest.mark.parametrize(("status", "retry_after"), [(401, None), (503, 5), (429, 5)])
def test_a_server_that_is_away_or_refuses_the_token_is_an_error(
    plex: FakePlex, section: Section, client: PlexClient, status: int, retry_after: int | None
) -> None:
    plex.faults.status(status, retry_after=retry_after, kind="file_filter")
    with pytest.raises(PlexError):
        client.find_parts(ours(section), "a.mp4")


@pytest.mark.parametrize("closes", [True, False])
def test_a_file_name_that_a_proxy_blocks_is_looked_for_in_the_listing(
    plex: FakePlex, section: Section, client: PlexClient, closes: bool
) -> None:
    plex.switches = replace(plex.switches, blocked_query="union", proxy_closes=closes)
    assert client.find_parts(ours(section), "reunion.mp4") is None

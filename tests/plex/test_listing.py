"""What a library is asked for, and which answers are none."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from plex import listing
from plex.client import PlexClient
from plex.exceptions import PlexError
from plex.items import LibraryPart
from plex.items import Section as OurSection
from plex.listing import LOOK_UP_ROWS, CannotTell, OrderIgnored
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


def test_what_was_updated_since_a_moment_comes_newest_first(
    plex: FakePlex, section: Section, client: PlexClient
) -> None:
    names = fill(plex, section, 9)
    plex.edit(1, title="edited just now")
    assert paths(client.list_updated(ours(section), 700, 5)) == [names[0], names[8], names[7]]
    assert plex.log.count(kind="listing") == 1


def test_no_update_is_missed_where_many_share_a_second_and_more_come_meanwhile(
    plex: FakePlex, section: Section, client: PlexClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "NEWEST_PAGE", 4)
    monkeypatch.setattr(listing, "LISTING_PAGE", 4)
    names = fill(plex, section, 28)
    for item in plex.items(section):
        item.updated_at = 5000
    pages = client.list_updated(ours(section), 5000, 100)
    seen = {part.path for part in next(pages)}
    plex.edit(1, title="now the newest")
    seen.update(paths(pages))
    assert seen == set(names)


@pytest.mark.parametrize(
    ("since", "at_most", "ignored", "error"),
    [
        (700, 1, "", CannotTell),  # there are more
        (900, 9, "", CannotTell),  # the item of that moment is gone
        (300, 9, "updatedAt", OrderIgnored),
    ],
)
def test_an_answer_that_says_too_little_is_none(
    plex: FakePlex,
    section: Section,
    client: PlexClient,
    since: int,
    at_most: int,
    ignored: str,
    error: type[Exception],
) -> None:
    plex.switches = replace(plex.switches, ignored_sorts=frozenset((ignored,)))
    fill(plex, section, 9)
    plex.items(section)[4].updated_at = 0
    with pytest.raises(error):
        list(client.list_updated(ours(section), since, at_most))


def test_rows_that_vanish_meanwhile_make_it_uncertain(
    plex: FakePlex, section: Section, client: PlexClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "NEWEST_PAGE", 3)
    fill(plex, section, 9)
    pages = client.list_updated(ours(section), 100, 9)
    next(pages)
    for item in plex.items(section)[-3:]:
        plex.remove_item(item.rating_key)
    with pytest.raises(CannotTell):
        list(pages)


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

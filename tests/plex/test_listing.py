import pytest

from plex import listing
from plex.exceptions import PlexError
from plex.items import LibraryPart
from plex.listing import LOOK_UP_ROWS, CannotTell, OrderIgnored, find_named, list_updated
from simulators.plex import Media, Part
from tests.plex.support import FOLDER, Lab, paths


def fill(lab: Lab, count: int) -> list[str]:
    return [
        lab.add(f"{n}.mp4", added_at=n * 100, updated_at=n * 100).files[0] for n in range(count)
    ]


def test_what_was_updated_since_a_moment_comes_newest_first(lab: Lab) -> None:
    names = fill(lab, 9)
    lab.plex.edit(1, title="edited just now")
    assert paths(list_updated(lab.client.read, lab.ours, 700, 5)) == [names[0], names[8], names[7]]
    assert lab.plex.log.count(kind="listing") == 1


def test_updates_of_one_second_are_all_found(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "NEWEST_PAGE", 4)
    monkeypatch.setattr(listing, "LISTING_PAGE", 4)
    names = fill(lab, 28)
    for item in lab.plex.items(lab.section):
        item.updated_at = 5000
    pages = list_updated(lab.client.read, lab.ours, 5000, 100)
    seen = {part.path for part in next(pages)}
    lab.plex.edit(1, title="now the newest")
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
    lab: Lab, since: int, at_most: int, ignored: str, error: type[Exception]
) -> None:
    lab.switch(ignored_sorts=frozenset((ignored,)))
    fill(lab, 9)
    lab.plex.items(lab.section)[4].updated_at = 0
    with pytest.raises(error):
        list(list_updated(lab.client.read, lab.ours, since, at_most))


def test_rows_that_vanish_make_it_uncertain(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "NEWEST_PAGE", 3)
    fill(lab, 9)
    pages = list_updated(lab.client.read, lab.ours, 100, 9)
    next(pages)
    for item in lab.plex.items(lab.section)[-3:]:
        lab.plex.remove_item(item.rating_key)
    with pytest.raises(CannotTell):
        list(pages)


def test_a_file_is_found_by_a_piece_of_its_name_with_one_request(lab: Lab) -> None:
    lab.add("a/Tom & Jerry 100% #1+2.mp4")
    lab.add("b/other.mp4")
    found = find_named(lab.client.read, lab.ours, "Tom & Jerry 100% #1+2.mp4")
    assert found == [LibraryPart(f"{FOLDER}/a/Tom & Jerry 100% #1+2.mp4", 1, 1_000_000)]
    assert find_named(lab.client.read, lab.ours, "nothing.mp4") == []
    requests = lab.plex.log.select(kind="file_filter")
    assert len(requests) == len(lab.plex.log) - 1 == 2
    assert {one.param("type") for one in requests} == {"1"}
    assert {one.headers["x-plex-container-size"] for one in requests} == {str(LOOK_UP_ROWS)}


def test_all_files_of_what_is_found_are_told_but_those_that_plex_made(lab: Lab) -> None:
    own = Media((Part(f"{FOLDER}/Plex Versions/x/wanted.mp4"),), proxy_type=42)
    lab.plex.add_item(lab.section, [f"{FOLDER}/cd1.mp4", f"{FOLDER}/cd2.mp4"], own)
    found = find_named(lab.client.read, lab.ours, "wanted.mp4")
    assert found is not None
    assert [part.path for part in found] == [f"{FOLDER}/cd1.mp4", f"{FOLDER}/cd2.mp4"]


@pytest.mark.parametrize("count", [1, LOOK_UP_ROWS, LOOK_UP_ROWS + 1])
def test_an_ignored_filter_is_no_answer_however_large_the_library(lab: Lab, count: int) -> None:
    lab.switch(ignores_file_filter=True)
    fill(lab, count)
    assert find_named(lab.client.read, lab.ours, "missing.mp4") is None


def test_a_name_that_many_have_in_common_is_no_answer(lab: Lab) -> None:
    fill(lab, LOOK_UP_ROWS + 1)
    assert find_named(lab.client.read, lab.ours, ".mp4") is None
    lab.plex.remove_item(1)
    assert len(find_named(lab.client.read, lab.ours, ".mp4") or []) == LOOK_UP_ROWS


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_filter_that_plex_refuses_is_no_answer(lab: Lab, status: int) -> None:
    lab.plex.faults.status(status, kind="file_filter")
    assert find_named(lab.client.read, lab.ours, "a.mp4") is None


@pytest.mark.parametrize(("status", "retry_after"), [(401, None), (503, 5), (429, 5)])
def test_an_outage_or_bad_token_is_an_error(lab: Lab, status: int, retry_after: int | None) -> None:
    lab.plex.faults.status(status, retry_after=retry_after, kind="file_filter")
    with pytest.raises(PlexError):
        find_named(lab.client.read, lab.ours, "a.mp4")


@pytest.mark.parametrize("closes", [True, False])
def test_a_blocked_file_name_is_searched_in_the_listing(lab: Lab, closes: bool) -> None:
    lab.switch(blocked_query="union", proxy_closes=closes)
    assert find_named(lab.client.read, lab.ours, "reunion.mp4") is None

"""Edits of which Plex does not take every part: the others arrive, and which it was is told."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plex.client import PlexClient
from plex.diff import edit_for
from plex.exceptions import (
    PlexAuthError,
    PlexNotFound,
    PlexPermanentError,
    PlexPermissionError,
    PlexReadOnly,
    PlexServerDown,
    PlexTemporaryError,
)
from plex.items import PlexItem
from plex.name_search import MemoryStore, RefusedNames
from simulators.plex import FakePlex, Section
from simulators.plex.request_log import Request
from tests.plex.support import client_of
from validation.config import Config
from validation.metadata import project
from validation.scene_extractor import Entity, StashScene

FIELDS = {
    "title": {"title.value": "T", "title.locked": "1"},
    "studio": {"studio.value": "S", "studio.locked": "1"},
    "tags": {"genre[0].tag.tag": "t", "genre.locked": "1"},
}
LONG = {"summary": {"summary.value": "word " * 2000, "summary.locked": "1"}}


@pytest.fixture
def item(plex: FakePlex, section: Section) -> PlexItem:
    return PlexItem(plex.add_item(section, "/plex/scenes/a.mp4").rating_key, section.key)


def naming(field: str) -> object:
    """Requests that carry this field of Plex's."""

    def predicate(request: Request) -> bool:
        return any(name.startswith(field) for name, _ in request.query)

    return predicate


def test_a_field_that_plex_refuses_does_not_fail_the_others(
    plex: FakePlex, client: PlexClient, item: PlexItem
) -> None:
    plex.faults.status(400, kind="edit", predicate=naming("studio"))  # type: ignore[arg-type]
    outcome = client.edit(item, FIELDS)
    stored = plex.item(item.rating_key)
    assert (stored.title, stored.studio, stored.genres) == ("T", "", ("t",))
    assert list(outcome.refused) == ["studio"]
    assert "400" in str(outcome.refused["studio"])
    assert outcome.requests == plex.log.count(kind="edit") == 5  # together, each alone, once more


def test_a_refusal_that_passes_is_none(plex: FakePlex, client: PlexClient, item: PlexItem) -> None:
    plex.faults.status(400, kind="edit", times=2)
    outcome = client.edit(item, FIELDS)
    stored = plex.item(item.rating_key)
    assert (stored.title, stored.studio, stored.genres) == ("T", "S", ("t",))
    assert not outcome.refused


def test_an_edit_of_which_nothing_is_taken_is_an_error(
    plex: FakePlex, client: PlexClient, item: PlexItem
) -> None:
    plex.faults.status(400, kind="edit")
    with pytest.raises(PlexPermanentError):
        client.edit(item, FIELDS)


@pytest.mark.parametrize(
    ("status", "error", "requests"),
    [
        (498, PlexAuthError, 1),
        (404, PlexNotFound, 1),
        (503, PlexServerDown, 1),
        (403, PlexPermissionError, 2),
        (500, PlexReadOnly, 2),
    ],
)
def test_what_is_no_fault_of_a_field_starts_no_search_for_one(
    plex: FakePlex, client: PlexClient, item: PlexItem, status: int, error: type[Exception],
    requests: int,
) -> None:  # fmt: skip
    plex.faults.status(status, kind="edit")
    with pytest.raises(error):
        client.edit(item, FIELDS)
    assert plex.log.count(kind="edit") == requests


def test_a_plex_that_asks_to_wait_is_sent_nothing_more(
    plex: FakePlex, client: PlexClient, item: PlexItem
) -> None:
    plex.faults.status(429, kind="edit", retry_after=60)
    with pytest.raises(PlexTemporaryError):
        client.edit(item, FIELDS)
    assert plex.log.count(kind="edit") == 1


@pytest.mark.parametrize("locks", [[], ["title"], ["contentRating"]])
def test_the_edit_that_changes_nothing_changes_nothing(
    plex: FakePlex, client: PlexClient, item: PlexItem, locks: list[str]
) -> None:
    plex.set_locks(item.rating_key, locks)
    (read,) = client.read_items([item.rating_key]).values()
    # What the plugin locked after it read the item stays locked as well.
    client.edit(read, {"studio": FIELDS["studio"]})
    before = plex.snapshot()
    for error in (PlexPermissionError("no"), PlexTemporaryError("no")):
        client.judge(read, error)
    assert plex.snapshot() == before
    assert plex.log.count(kind="edit") == 3


@pytest.mark.parametrize("status", [403, 500])
def test_a_field_that_fails_alone_while_others_are_taken_is_refused_at_the_second_try(
    plex: FakePlex, client: PlexClient, item: PlexItem, status: int
) -> None:
    plex.faults.status(status, kind="edit", predicate=naming("studio"))  # type: ignore[arg-type]
    if status == 500:  # it may pass: the first try only finds the field
        with pytest.raises(PlexTemporaryError):
            client.edit(item, FIELDS)
    outcome = client.edit(item, FIELDS, alone=status == 500)
    stored = plex.item(item.rating_key)
    assert (stored.title, stored.studio, stored.genres) == ("T", "", ("t",))
    assert list(outcome.refused) == ["studio"]


@pytest.mark.parametrize("alone", [False, True])
def test_a_time_out_refuses_no_field_and_is_not_searched_for(
    plex: FakePlex, client: PlexClient, item: PlexItem, alone: bool
) -> None:
    plex.faults.status(408, kind="edit", predicate=naming("studio"))  # type: ignore[arg-type]
    with pytest.raises(PlexTemporaryError):
        client.edit(item, FIELDS, alone=alone)
    assert plex.log.count(kind="edit") <= 3


def test_a_field_that_fails_while_plex_stops_saving_is_not_refused(
    plex: FakePlex, client: PlexClient, item: PlexItem
) -> None:
    plex.faults.status(500, kind="edit", after=1)
    with pytest.raises(PlexReadOnly):
        client.edit(item, FIELDS, alone=True)


# names of lists

NAMES = [f"n{number}" for number in range(20)]


@pytest.mark.parametrize("appends", [True, False])
@given(refused=st.sets(st.sampled_from(NAMES), max_size=2))
@settings(max_examples=15, deadline=None)
def test_a_list_is_sent_without_the_names_that_are_refused(
    refused: set[str], appends: bool
) -> None:
    with FakePlex(token="a-token-of-the-test") as plex:
        section = plex.add_section("S", ["/plex"])
        item = PlexItem(plex.add_item(section, "/plex/a.mp4").rating_key, section.key)
        plex.switches = replace(plex.switches, tags_append=appends)
        client = client_of(plex)
        plex.faults.status(
            403, kind="edit", predicate=lambda one: any(value in refused for _, value in one.query)
        )
        fields = {"tags": {f"genre[{n}].tag.tag": name for n, name in enumerate(NAMES)}}

        outcome = client.edit(item, fields)

        assert set(plex.item(item.rating_key).genres) == set(NAMES) - refused
        assert set(outcome.left_out.get("tags", ())) == set(outcome.first_refused) == refused
        assert not outcome.refused
        mark = plex.log.mark()
        again = client.edit(item, fields)
        assert (len(plex.log.since(mark)), again.first_refused) == (1, {})
        assert set(again.left_out.get("tags", ())) == refused
        client.close()


def test_a_list_that_is_refused_whatever_names_it_has_is_refused_whole(
    plex: FakePlex, client: PlexClient, item: PlexItem
) -> None:
    plex.faults.status(400, kind="edit", predicate=naming("genre"))  # type: ignore[arg-type]
    outcome = client.edit(item, FIELDS)
    assert list(outcome.refused) == ["tags"]
    assert not outcome.left_out


def test_a_removal_that_is_refused_keeps_no_other_name_from_the_list(
    plex: FakePlex, client: PlexClient, item: PlexItem
) -> None:
    plex.edit(item.rating_key, genres=["cocaine", "old", "older"])
    plex.switches = replace(plex.switches, blocked_query="cocaine")
    removal = {"genre[0].tag.tag": "new", "genre[].tag.tag-": "old,cocaine,older"}

    outcome = client.edit(item, {**FIELDS, "tags": removal})

    assert plex.item(item.rating_key).genres == ("cocaine", "new")
    assert plex.item(item.rating_key).title == "T"
    assert list(outcome.refused) == ["tags"]


def test_a_refused_name_is_tried_again_after_a_day_and_told_once() -> None:
    seconds, section = [0.0], 1
    names = RefusedNames(lambda: seconds[0], MemoryStore())
    assert names.add(section, "genre", ["Word"]) == ["Word"]
    fields = {"tags": {"genre[0].tag.tag": "word", "genre[1].tag.tag": "b", "genre.locked": "1"}}
    left = {"genre[0].tag.tag": "b", "genre.locked": "1"}
    assert names.without(section, fields) == ({"tags": left}, {"tags": ("word",)})
    seconds[0] = 86_401.0
    assert names.without(section, fields) == (fields, {})
    assert names.add(section, "genre", ["word"]) == []


def test_a_collection_is_refused_in_its_own_library_only() -> None:
    names = RefusedNames(lambda: 0.0, MemoryStore())
    names.add(1, "collection", ["Smart"])
    fields = {"collections": {"collection[0].tag.tag": "Smart", "collection.locked": "1"}}
    assert names.without(1, fields)[1] == {"collections": ("Smart",)}
    assert names.without(2, fields) == (fields, {})


def test_a_long_field_is_sent_whole_where_plex_takes_it(plex: FakePlex, item: PlexItem) -> None:
    plex.switches = replace(plex.switches, max_request_line=100_000)
    client = client_of(plex)
    outcome = client.edit(item, {**FIELDS, **LONG})
    assert (outcome.requests, outcome.shortened) == (2, {})
    assert plex.item(item.rating_key).summary == LONG["summary"]["summary.value"]
    client.close()


@pytest.mark.parametrize("status", [400, 413, 414])
def test_a_text_that_is_refused_for_its_length_is_cut_and_told(
    plex: FakePlex, client: PlexClient, item: PlexItem, status: int
) -> None:
    too_long = lambda one: sum(len(value) for _, value in one.query) > 7000  # noqa: E731
    plex.switches = replace(plex.switches, max_request_line=100_000)
    plex.faults.status(status, kind="edit", predicate=too_long)
    outcome = client.edit(item, LONG)
    assert outcome.refused == {}
    assert plex.item(item.rating_key).summary == outcome.shortened["summary"]
    assert outcome.shortened["summary"].endswith("word…")
    assert "summary" in plex.item(item.rating_key).locks


def test_once_a_long_request_was_refused_none_is_tried_in_vain_again(
    client: PlexClient, item: PlexItem
) -> None:
    assert client.edit(item, LONG).requests == 2
    assert client.edit(item, LONG).requests == 1


def test_a_field_that_is_refused_in_every_length_does_not_count_as_too_long(
    plex: FakePlex, item: PlexItem
) -> None:
    plex.switches = replace(plex.switches, max_request_line=100_000)
    client = client_of(plex)
    fault = plex.faults.status(400, kind="edit", predicate=naming("summary"))  # type: ignore[arg-type]
    assert list(client.edit(item, {**FIELDS, **LONG}).refused) == ["summary"]
    fault.clear()
    assert client.edit(item, LONG).shortened == {}
    client.close()


@pytest.mark.parametrize("removes_first", [True, False])
@pytest.mark.parametrize(("appends", "longest"), [(True, 8192), (True, 99_999), (False, 99_999)])
def test_fifty_performers_and_the_most_tags_replace_fifty_and_five_hundred_others(
    plex: FakePlex,
    section: Section,
    client: PlexClient,
    appends: bool,
    longest: int,
    removes_first: bool,
) -> None:
    """On every server but one that replaces and takes 8 KiB; with commas, brackets and cases."""
    plex.switches = replace(
        plex.switches,
        tags_append=appends,
        max_request_line=longest,
        remove_before_add=removes_first,
    )
    key = plex.add_item(
        section,
        "/plex/scenes/many.mp4",
        genres=[f"Old, [{n}]" for n in range(498)] + ["TAG, [001]", "kept"],
        actors=[(f"Old, {n}", "a role") for n in range(50)],
    ).rating_key
    scene = StashScene(
        1,
        "T",
        performers=tuple(Entity(n, f"Performer, [{n:02}] Ünï") for n in range(50)),
        tags=(*(Entity(n, f"Tag, [{n:03}]") for n in range(499)), Entity(500, "Kept")),
    )
    wanted = project(scene, Config(max_tags=500))
    before = client.read_items([key])[key]
    outcome = client.edit(before, edit_for(wanted, before, {}, {}).fields)
    after = client.read_items([key])[key]
    assert (outcome.refused, outcome.shortened) == ({}, {})
    assert {name.casefold() for name in after.tags} == {n.casefold() for n in wanted.tags or ()}
    assert set(after.performers) == set(wanted.performers or ())
    assert not edit_for(wanted, after, {}, {}), "a second sync sends something"


def test_a_server_that_limits_and_replaces_keeps_the_last_piece_and_a_look_finds_that(
    plex: FakePlex, client: PlexClient, item: PlexItem
) -> None:
    plex.switches = replace(plex.switches, tags_append=False)
    scene = StashScene(1, "T", tags=tuple(Entity(n, f"A tag, number {n:03}") for n in range(500)))
    wanted = project(scene, Config(max_tags=500))
    client.edit(item, edit_for(wanted, item, {}, {}).fields)
    after = client.read_items([item.rating_key])[item.rating_key]
    assert 0 < len(after.tags) < 500
    assert list(edit_for(wanted, after, {}, {}).fields) == ["tags"]

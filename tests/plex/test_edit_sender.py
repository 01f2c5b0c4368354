"""Edits of which Plex does not take every part: the others arrive, and which it was is told."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

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
from simulators.plex import FakePlex
from simulators.plex.request_log import Request
from tests.plex.support import Lab, client_of, edit_for
from validation.config import Config
from validation.metadata import project
from validation.scene_extractor import Entity, StashScene

FIELDS = {
    "title": {"title.value": "T", "title.locked": "1"},
    "studio": {"studio.value": "S", "studio.locked": "1"},
    "tags": {"genre[0].tag.tag": "t", "genre.locked": "1"},
}
LONG = {"summary": {"summary.value": "word " * 2000, "summary.locked": "1"}}


def naming(field: str) -> Callable[[Request], bool]:
    return lambda request: any(name.startswith(field) for name, _ in request.query)


def test_a_field_that_plex_refuses_does_not_fail_the_others(lab: Lab, item: PlexItem) -> None:
    lab.plex.faults.status(400, kind="edit", predicate=naming("studio"))
    outcome = lab.client.edit(item, FIELDS)
    stored = lab.plex.item(item.rating_key)
    assert (stored.title, stored.studio, stored.genres) == ("T", "", ("t",))
    assert list(outcome.refused) == ["studio"]
    assert "400" in str(outcome.refused["studio"])
    # Together, each alone, once more.
    assert outcome.requests == lab.plex.log.count(kind="edit") == 5


def test_a_refusal_that_passes_is_none(lab: Lab, item: PlexItem) -> None:
    lab.plex.faults.status(400, kind="edit", times=2)
    outcome = lab.client.edit(item, FIELDS)
    stored = lab.plex.item(item.rating_key)
    assert (stored.title, stored.studio, stored.genres) == ("T", "S", ("t",))
    assert not outcome.refused


def test_an_edit_of_which_nothing_is_taken_is_an_error(lab: Lab, item: PlexItem) -> None:
    lab.plex.faults.status(400, kind="edit")
    with pytest.raises(PlexPermanentError):
        lab.client.edit(item, FIELDS)


@pytest.mark.parametrize(
    ("status", "error", "requests"),
    [
        (498, PlexAuthError, 1),
        (404, PlexNotFound, 1),
        (503, PlexServerDown, 1),
        (403, PlexPermissionError, 2),
        (500, PlexReadOnly, 2),
        (429, PlexTemporaryError, 1),
    ],
)
def test_what_is_no_fault_of_a_field_starts_no_search_for_one(
    lab: Lab, item: PlexItem, status: int, error: type[Exception], requests: int
) -> None:
    lab.plex.faults.status(status, kind="edit")
    with pytest.raises(error):
        lab.client.edit(item, FIELDS)
    assert lab.plex.log.count(kind="edit") == requests


@pytest.mark.parametrize("locks", [[], ["title"], ["originalTitle"]])
def test_an_edit_without_a_change_changes_none(lab: Lab, item: PlexItem, locks: list[str]) -> None:
    lab.plex.set_locks(item.rating_key, locks)
    (read,) = lab.client.read_items([item.rating_key]).values()
    # What the plugin locked after it read the item stays locked as well.
    lab.client.edit(read, {"studio": FIELDS["studio"]})
    before = lab.plex.snapshot()
    for error in (PlexPermissionError("no"), PlexTemporaryError("no")):
        lab.client.judge(read, error)
    assert lab.plex.snapshot() == before
    assert lab.plex.log.count(kind="edit") == 3


def test_an_edit_without_a_change_keeps_a_lock_that_the_edit_set(lab: Lab, item: PlexItem) -> None:
    lab.plex.faults.status(500, kind="edit", predicate=naming("genre"))
    rating = {"contentRating.value": "XXX", "contentRating.locked": "1"}
    outcome = lab.client.edit(item, {"tags": FIELDS["tags"], "rating": rating}, alone=True)
    assert list(outcome.refused) == ["tags"]
    assert "contentRating" in lab.plex.item(item.rating_key).locks


@pytest.mark.parametrize("status", [403, 500])
def test_a_field_that_fails_alone_twice_is_refused(lab: Lab, item: PlexItem, status: int) -> None:
    lab.plex.faults.status(status, kind="edit", predicate=naming("studio"))
    if status == 500:  # it may pass: the first try only finds the field
        with pytest.raises(PlexTemporaryError):
            lab.client.edit(item, FIELDS)
    outcome = lab.client.edit(item, FIELDS, alone=status == 500)
    stored = lab.plex.item(item.rating_key)
    assert (stored.title, stored.studio, stored.genres) == ("T", "", ("t",))
    assert list(outcome.refused) == ["studio"]


@pytest.mark.parametrize("alone", [False, True])
def test_a_time_out_refuses_no_field(lab: Lab, item: PlexItem, alone: bool) -> None:
    lab.plex.faults.status(408, kind="edit", predicate=naming("studio"))
    with pytest.raises(PlexTemporaryError):
        lab.client.edit(item, FIELDS, alone=alone)
    assert lab.plex.log.count(kind="edit") <= 3


def test_no_field_is_refused_while_plex_saves_nothing(lab: Lab, item: PlexItem) -> None:
    lab.plex.faults.status(500, kind="edit", after=1)
    with pytest.raises(PlexReadOnly):
        lab.client.edit(item, FIELDS, alone=True)


# names of lists

NAMES = [f"n{number}" for number in range(20)]


@pytest.mark.parametrize("appends", [True, False])
@given(refused=st.sets(st.sampled_from(NAMES), max_size=2))
@settings(max_examples=15)
def test_a_list_is_sent_without_its_refused_names(refused: set[str], appends: bool) -> None:
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


def test_a_list_that_is_always_refused_is_refused_whole(lab: Lab, item: PlexItem) -> None:
    lab.plex.faults.status(400, kind="edit", predicate=naming("genre"))
    outcome = lab.client.edit(item, FIELDS)
    assert list(outcome.refused) == ["tags"]
    assert not outcome.left_out


def test_a_refused_removal_keeps_no_other_name_out(lab: Lab, item: PlexItem) -> None:
    lab.plex.edit(item.rating_key, genres=["cocaine", "old", "older"])
    lab.switch(blocked_query="cocaine")
    removal = {"genre[0].tag.tag": "new", "genre[].tag.tag-": "old,cocaine,older"}

    outcome = lab.client.edit(item, {**FIELDS, "tags": removal})

    assert lab.plex.item(item.rating_key).genres == ("cocaine", "new")
    assert lab.plex.item(item.rating_key).title == "T"
    assert list(outcome.refused) == ["tags"]


def test_a_long_field_is_sent_whole_where_plex_takes_it(lab: Lab, item: PlexItem) -> None:
    lab.switch(max_request_line=100_000)
    client = client_of(lab.plex)
    outcome = client.edit(item, {**FIELDS, **LONG})
    assert (outcome.requests, outcome.shortened) == (2, {})
    assert lab.plex.item(item.rating_key).summary == LONG["summary"]["summary.value"]
    client.close()


@pytest.mark.parametrize("status", [400, 413, 414])
def test_a_text_that_is_too_long_is_shortened(lab: Lab, item: PlexItem, status: int) -> None:
    too_long = lambda one: sum(len(value) for _, value in one.query) > 7000  # noqa: E731
    lab.switch(max_request_line=100_000)
    lab.plex.faults.status(status, kind="edit", predicate=too_long)
    outcome = lab.client.edit(item, LONG)
    assert outcome.refused == {}
    assert lab.plex.item(item.rating_key).summary == outcome.shortened["summary"]
    assert outcome.shortened["summary"].endswith("word…")
    assert "summary" in lab.plex.item(item.rating_key).locks


def test_after_a_refusal_no_long_request_is_tried_again(lab: Lab, item: PlexItem) -> None:
    assert lab.client.edit(item, LONG).requests == 2
    assert lab.client.edit(item, LONG).requests == 1


def test_a_field_refused_at_any_length_is_not_too_long(lab: Lab, item: PlexItem) -> None:
    lab.switch(max_request_line=100_000)
    client = client_of(lab.plex)
    fault = lab.plex.faults.status(400, kind="edit", predicate=naming("summary"))
    assert list(client.edit(item, {**FIELDS, **LONG}).refused) == ["summary"]
    fault.clear()
    assert client.edit(item, LONG).shortened == {}
    client.close()


@pytest.mark.parametrize("removes_first", [True, False])
@pytest.mark.parametrize(("appends", "longest"), [(True, 8192), (True, 99_999), (False, 99_999)])
def test_fifty_performers_and_the_most_tags_replace_fifty_and_five_hundred_others(
    lab: Lab, appends: bool, longest: int, removes_first: bool
) -> None:
    """On every server but one that replaces and takes 8 KiB; with commas, brackets and cases."""
    lab.plex.switches = replace(
        lab.plex.switches,
        tags_append=appends,
        max_request_line=longest,
        remove_before_add=removes_first,
    )
    key = lab.add(
        "many.mp4",
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
    before = lab.client.read_items([key])[key]
    outcome = lab.client.edit(before, edit_for(wanted, before, {}, {}).fields)
    after = lab.client.read_items([key])[key]
    assert (outcome.refused, outcome.shortened) == ({}, {})
    assert {name.casefold() for name in after.tags} == {n.casefold() for n in wanted.tags or ()}
    assert set(after.performers) == set(wanted.performers or ())
    assert not edit_for(wanted, after, {}, {}), "a second sync sends something"


def test_a_list_in_pieces_on_a_replacing_server_is_incomplete(lab: Lab, item: PlexItem) -> None:
    lab.switch(tags_append=False)
    scene = StashScene(1, "T", tags=tuple(Entity(n, f"A tag, number {n:03}") for n in range(500)))
    wanted = project(scene, Config(max_tags=500))
    lab.client.edit(item, edit_for(wanted, item, {}, {}).fields)
    after = lab.client.read_items([item.rating_key])[item.rating_key]
    assert 0 < len(after.tags) < 500
    assert list(edit_for(wanted, after, {}, {}).fields) == ["tags"]

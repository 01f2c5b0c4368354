"""Edits of which Plex does not take every part: the others arrive, and which it was is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plex.client import PlexClient
from plex.diff import edit_for
from plex.exceptions import (
    PlexAuthError,
    PlexNotFound,
    PlexPermanentError,
    PlexServerDown,
    PlexTemporaryError,
)
from plex.items import PlexItem
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
    ("status", "error"),
    [(498, PlexAuthError), (404, PlexNotFound), (500, PlexTemporaryError), (503, PlexServerDown)],
)
def test_what_is_no_fault_of_a_field_costs_no_second_request(
    plex: FakePlex, client: PlexClient, item: PlexItem, status: int, error: type[Exception]
) -> None:
    plex.faults.status(status, kind="edit")
    with pytest.raises(error):
        client.edit(item, FIELDS)
    assert plex.log.count(kind="edit") == 1


def test_sent_alone_a_field_that_plex_fails_at_keeps_no_other_from_arriving(
    plex: FakePlex, client: PlexClient, item: PlexItem
) -> None:
    plex.faults.status(500, kind="edit", predicate=naming("title"))  # type: ignore[arg-type]
    with pytest.raises(PlexTemporaryError):
        client.edit(item, FIELDS, alone=True)
    stored = plex.item(item.rating_key)
    assert (stored.title, stored.studio, stored.genres) == ("a", "S", ("t",))


# length


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

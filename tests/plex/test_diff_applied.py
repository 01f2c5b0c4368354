"""Edits carried out by a Plex, whichever way it reads them."""

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import example, given, settings, strategies as st

from plex.client import PlexClient
from plex.items import PlexItem
from simulators.plex import FakePlex, Section, Switches
from tests.plex.support import Lab, client_of, edit_for
from validation.config import Config
from validation.metadata import SceneMetadata, project
from validation.paths import folded
from validation.sanitizers import sanitize_name
from validation.scene_extractor import Entity, StashScene

READINGS = {
    f"{'append' if appends else 'replace'}, {'remove' if removes_first else 'add'} first": Switches(
        tags_append=appends, remove_before_add=removes_first
    )
    for appends in (True, False)
    for removes_first in (True, False)
}
SPECIAL = st.sampled_from(
    ["a, b", ",", "a,b", "100%", "%2C", "[x]", "[0].tag", "a&b=c", "a+b c", "É", "é", "straße"]
)
NAME = (SPECIAL | st.text(min_size=1, max_size=12)).map(sanitize_name).filter(bool)
NAMES = st.lists(NAME, max_size=5)
TEXT = st.text(max_size=40)
DATE = st.sampled_from(["", "2024", "2024-05", "1999-12-31", "soon"])
SCENES = st.builds(
    StashScene,
    id=st.just(1),
    title=TEXT,
    details=TEXT,
    date=DATE,
    studio=st.none() | NAME.map(lambda name: Entity(1, name)),
    performers=NAMES.map(lambda names: tuple(Entity(1, name) for name in names)),
    tags=NAMES.map(lambda names: tuple(Entity(1, name) for name in names)),
    rating=st.integers(0, 100),
    director=TEXT,
    code=TEXT,
)
SWITCHED = st.builds(
    Config,
    sync_rating=st.booleans(),
    sync_director=st.booleans(),
    edition_from=st.sampled_from(["none", "code"]),
    tagline_from=st.sampled_from(["none", "code"]),
    content_rating=st.sampled_from(["", "XXX"]),
    fixed_label=st.just("") | NAME,
    tags_as_labels=st.just("") | NAME,
    sync_studio=st.booleans(),
    sync_tags=st.booleans(),
    sync_performers=st.booleans(),
    sync_collection=st.booleans(),
)


Library = tuple[FakePlex, Section, PlexClient]


@contextmanager
def serving(switches: Switches) -> Iterator[Library]:
    with FakePlex(switches=switches) as server:
        section = server.add_section("Scenes", ["/plex"])
        client = client_of(server)
        yield server, section, client
        client.close()


@pytest.fixture(scope="module", params=READINGS)
def shared(request: pytest.FixtureRequest) -> Iterator[Library]:
    """One for many examples, each with an item of its own. Spellings of tags are shared by all."""
    with serving(READINGS[request.param]) as library:
        yield library


@pytest.fixture(params=READINGS)
def library(request: pytest.FixtureRequest) -> Iterator[Library]:
    with serving(READINGS[request.param]) as library:
        yield library


def read(client: PlexClient, rating_key: int) -> PlexItem:
    return client.read_items([rating_key])[rating_key]


def keys(names: Sequence[str]) -> set[str]:
    return {folded(name) for name in names}


def sync(
    client: PlexClient,
    rating_key: int,
    wanted: SceneMetadata,
    sent: dict[str, str | list[str]],
    original: dict[str, str | list[str]],
) -> dict[str, str | list[str]]:
    before = read(client, rating_key)
    edit = edit_for(wanted, before, sent, original)
    if edit:
        client.edit(before, edit.fields)
    after = read(client, rating_key)
    assert not edit_for(wanted, after, edit.sent, original), "a second sync sends something"
    left_alone = replace(wanted, date=None if "date" not in sent else wanted.date)
    _assert_shows(after, left_alone if wanted.date == "" else wanted, before)
    return dict(edit.sent)


def _assert_shows(item: PlexItem, wanted: SceneMetadata, before: PlexItem) -> None:
    assert item.title == (wanted.title or before.title)
    for name in ("studio", "summary", "date"):
        value = getattr(wanted, name)
        assert getattr(item, name) == (getattr(before, name) if value is None else value)
    for name in ("performers", "tags"):
        value = getattr(wanted, name)
        assert keys(getattr(item, name)) == keys(getattr(before, name) if value is None else value)
    assert keys(wanted.collections or ()) <= keys(item.collections)


# The items' own tags come from elsewhere: not sanitized, perhaps decomposed or with a blank.
FOREIGN = st.lists(
    NAME | NAME.map(lambda name: unicodedata.normalize("NFD", name)) | NAME.map(lambda n: f"{n} "),
    max_size=4,
)


@settings(max_examples=25)
@given(
    scenes=st.lists(SCENES, min_size=1, max_size=3),
    config=SWITCHED,
    tags=FOREIGN,
    actors=FOREIGN,
    collections=st.lists(NAME, max_size=3),
)
@example(
    scenes=[
        StashScene(1, "T", tags=(Entity(1, "a, b"), Entity(2, "c"))),
        StashScene(1, tags=(Entity(1, "a"), Entity(2, "b"))),
    ],
    config=Config(),
    tags=["A, B", "a"],
    actors=["Jo"],
    collections=["Mine"],
)
def test_after_an_edit_plex_shows_the_scene_and_a_second_sync_sends_nothing(
    shared: Library,
    scenes: list[StashScene],
    config: Config,
    tags: list[str],
    actors: list[str],
    collections: list[str],
) -> None:
    server, section, client = shared
    item = server.add_item(
        section, "/plex/a.mp4", genres=tags, actors=actors, collections=collections, title="Old"
    )
    mine = keys(item.collections)
    original: dict[str, str | list[str]] = {"collections": list(item.collections)}
    sent: dict[str, str | list[str]] = {}
    for scene in scenes:
        wanted = project(scene, config)
        sent = sync(client, item.rating_key, wanted, sent, original)
        if wanted.collections is not None:
            assert keys(item.collections) == mine | keys(wanted.collections)
        assert mine <= keys(item.collections)
    server.remove_item(item.rating_key)


def test_the_users_values_survive_in_every_field_that_is_off(library: Library) -> None:
    server, section, client = library
    item = server.add_item(
        section,
        "/plex/b.mp4",
        title="Mine",
        studio="Mine",
        genres=["mine"],
        actors=[("Ada", "Herself")],
        collections=["Mine"],
    )
    off = Config(
        sync_studio=False,
        sync_summary=False,
        sync_date=False,
        sync_performers=False,
        sync_tags=False,
        sync_collection=False,
    )
    scene = StashScene(1, "Theirs", studio=Entity(1, "Theirs"), tags=(Entity(1, "theirs"),))
    sync(client, item.rating_key, project(scene, off), {}, {})
    assert (item.title, item.studio, item.genres) == ("Theirs", "Mine", ("mine",))
    assert item.collections == ("Mine",)
    assert item.locks == {"title"}


def test_an_edit_survives_the_agents_refresh(library: Library) -> None:
    server, section, client = library
    item = server.add_item(section, "/plex/c.mp4", studio="Old", summary="Old", genres=["old"])
    scene = StashScene(
        1, "T", details="D", date="2024", studio=Entity(1, "S"), tags=(Entity(1, "t"),)
    )
    sync(client, item.rating_key, project(scene, Config()), {}, {})
    server.agent[item.rating_key] = {
        "title": "Agent's",
        "studio": "Agent's",
        "summary": "Agent's",
        "originally_available_at": "1900-01-01",
        "genres": ["agents"],
        "actors": ["Agent"],
        "collections": ["Agents"],
    }
    server.refresh_item(item.rating_key)
    assert (item.title, item.studio, item.summary) == ("T", "S", "D")
    assert (item.originally_available_at, item.genres, item.actors) == ("2024-01-01", ("t",), ())
    assert item.collections == ("S",)


def test_a_performers_role_survives_a_sync_of_the_same_performers(library: Library) -> None:
    server, section, client = library
    item = server.add_item(section, "/plex/d.mp4", actors=[("Ada", "Herself")], locks=["actor"])
    scene = StashScene(1, "T", performers=(Entity(1, "ada"),))
    sync(client, item.rating_key, project(scene, Config()), {}, {})
    assert [(actor.name, actor.role) for actor in item.actors] == [("Ada", "Herself")]


def test_an_item_without_a_date_needs_no_clearing(lab: Lab, item: PlexItem) -> None:
    lab.switch(empty_date="refused")
    scene = StashScene(1, "T", tags=(Entity(1, "t"),))
    sync(lab.client, item.rating_key, project(scene, Config()), {}, {})

"""What an item held comes back, whatever was written to it since, and however Plex reads it."""

from dataclasses import replace
from itertools import chain

import pytest
from hypothesis import given, settings, strategies as st

from plex.diff import LOCKED, PLEX_NAMES
from plex.items import PlexImage, PlexItem
from plex.originals import (
    is_ours,
    original_values,
    other_image,
    recaptured,
    restoring_edit,
    shares_a_file,
)
from tests.plex.support import edit_for
from tests.plex.test_diff_applied import (  # noqa: F401 - `shared` is a fixture
    FOREIGN,
    NAME,
    SCENES,
    SWITCHED,
    Library,
    keys,
    read,
    shared,
)
from validation.config import Config
from validation.metadata import OPTIONAL, project
from validation.scene_extractor import StashScene

ITEM = PlexItem(
    rating_key=7,
    section_key=1,
    title="Mine",
    summary="Words",
    tags=("A", "B"),
    collections=("Old",),
    locked=frozenset({"genre", "thumb"}),
    files=("/plex/a.mp4",),
)
ORIGINALS = st.fixed_dictionaries(
    {
        "title": NAME,
        "studio": st.just("") | NAME,
        "summary": st.just("") | NAME,
        "originally_available_at": st.sampled_from(["", "1999-12-31"]),
        "genres": FOREIGN,
        "actors": FOREIGN,
        "collections": st.lists(NAME, max_size=3),
        "directors": FOREIGN,
        "labels": st.lists(NAME, max_size=3),
        "user_rating": st.sampled_from([None, 3.0, 8.5]),
        "content_rating": st.sampled_from(["", "XXX", "PG"]),
        "tagline": st.just("") | NAME,
    }
)
# Edits of the title also change the sort title.
SWITCHES = {name: OPTIONAL[name].switches for name in OPTIONAL.keys() - {"sort_title"}}
LOCKS = st.sets(st.sampled_from([*PLEX_NAMES.values(), "thumb", "contentRating"]))


@settings(max_examples=25)
@given(
    fields=ORIGINALS, locks=LOCKS, scenes=st.lists(SCENES, min_size=1, max_size=3), config=SWITCHED
)
def test_after_any_syncs_the_values_and_locks_are_what_they_were(
    shared: Library,  # noqa: F811
    fields: dict[str, object],
    locks: set[str],
    scenes: list[StashScene],
    config: Config,
) -> None:
    plex, section, client = shared
    key = plex.add_item(section, "/plex/a.mp4", locks=locks, **fields).rating_key  # type: ignore[arg-type]
    before = read(client, key)
    held = original_values(before)
    sent: dict[str, str | list[str]] = {}
    for scene in scenes:
        item = read(client, key)
        edit = edit_for(project(scene, config), item, sent, held)
        client.edit(item, edit.fields)
        sent = dict(edit.sent)

    item = read(client, key)
    off = replace(config, **{name: getattr(Config(), name) for name in chain(*SWITCHES.values())})
    edit = edit_for(project(scenes[-1], off), item, sent, held)
    client.edit(item, edit.fields)
    without = read(client, key)
    for name in SWITCHES:
        assert keys(getattr(without, name)) == keys(getattr(before, name)), name
        assert (PLEX_NAMES[name] in without.locked) is (PLEX_NAMES[name] in before.locked), name
    assert not edit_for(project(scenes[-1], off), without, edit.sent, held)

    client.edit(item, edit_for(project(scenes[-1], config), without, edit.sent, held).fields)
    item = read(client, key)
    client.edit(item, restoring_edit(held, item, sent, sent))

    after = read(client, key)
    assert (after.title, after.studio, after.summary, after.date, after.locked) == (
        before.title,
        before.studio,
        before.summary,
        before.date,
        before.locked,
    )
    for name in ("performers", "tags", "collections", *SWITCHES):
        assert keys(getattr(after, name)) == keys(getattr(before, name)), name
    assert restoring_edit(held, after, sent, sent) == {}


def test_an_item_that_is_as_it_was_needs_no_edit() -> None:
    assert restoring_edit(original_values(ITEM), ITEM, PLEX_NAMES, {}) == {}


def test_a_lock_that_somebody_took_off_comes_back_alone() -> None:
    unlocked = replace(ITEM, locked=frozenset())

    edit = restoring_edit(original_values(ITEM), unlocked, PLEX_NAMES, {})

    assert edit == {"tags": {"genre.locked": "1"}}


def test_only_collections_that_were_sent_and_not_held_are_taken_away() -> None:
    item = replace(ITEM, collections=("Old", "Sent", "Theirs"))

    edit = restoring_edit(original_values(ITEM), item, PLEX_NAMES, {"collections": ["old", "SENT"]})

    assert edit["collections"]["collection[].tag.tag-"] == "Sent"


def test_what_was_not_kept_is_left_alone() -> None:
    values = original_values(ITEM)
    held = {name: values[name] for name in ("title", "locked")}

    item = replace(ITEM, title="Sent", summary="Sent", tags=("Sent",))
    edit = restoring_edit(held, item, PLEX_NAMES, {})

    assert edit == {"title": {"title.value": "Mine", "title.locked": "0"}}


def test_what_was_never_written_is_left_alone() -> None:
    item = replace(ITEM, title="Sent", summary="A person's", locked=frozenset({"title", "summary"}))

    edit = restoring_edit(original_values(ITEM), item, {"title"}, {})

    assert edit == {"title": {"title.value": "Mine", "title.locked": "0"}}


def test_what_is_kept_anew_of_a_field_is_its_value_and_its_lock_and_of_no_other() -> None:
    item = replace(
        ITEM,
        title="Sent",
        summary="A person's",
        tags=("A person's",),
        locked=frozenset({"title", "summary"}),
    )

    held = recaptured(original_values(ITEM), item, {"summary", "tags"})

    assert held == {
        **original_values(ITEM),
        "summary": "A person's",
        "tags": ["A person's"],
        LOCKED: ["summary", "thumb"],
    }


@pytest.mark.parametrize(
    ("files", "same"),
    [
        (("/plex/a.mp4",), True),
        (("/PLEX/A.mp4", "/plex/b.mp4"), True),
        (("/plex/b.mp4",), False),
        ((), False),
    ],
)
def test_an_item_with_a_known_file_is_the_same(files: tuple[str, ...], same: bool) -> None:
    assert shares_a_file(original_values(ITEM), replace(ITEM, files=files)) is same


def test_the_first_image_that_is_none_of_our_uploads_is_chosen() -> None:
    images = [
        PlexImage("upload://posters/aa11", selected=True),
        PlexImage("upload://posters/bb22", selected=False),
        PlexImage("metadata://posters/agent_aa11", selected=False),
    ]

    assert other_image(images, {"aa11"}) == images[1]
    assert other_image(images, {"aa11", "bb22"}) == images[2]
    assert other_image(images[:1], {"aa11"}) is None
    assert not is_ours(images[0], set())

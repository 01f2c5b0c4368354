"""For any scenes and settings: a second sync writes nothing, and each change can be undone.

Each example takes one reading of all switches of the fake Plex. `SOAK=1` runs more examples.
"""

import os
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings, strategies as st

from simulators.plex import Switches
from simulators.rig import FOLDER, PLUGIN, png
from simulators.stash.library import Library
from tasks.sync.restore_and_unlock import restore_values
from tests.e2e.test_mapping import MAPPINGS
from tests.soak.household import PATIENT
from tests.soak.test_server_readings import READINGS, World
from tests.soak.values import (
    DATES,
    OWN_COLLECTIONS,
    OWN_LABELS,
    PEOPLE,
    STUDIOS,
    TAGS,
    TEXTS,
    TITLES,
)  # fmt: skip
from validation.metadata import MAPPING

EXAMPLES = 300 if "SOAK" in os.environ else 12
OFF = (False,)
# Setting → values besides the default. A setting without a line here has its value in MAPPINGS.
VALUES: Mapping[str, tuple[Any, ...]] = {name: (value,) for name, value, _ in MAPPINGS} | {
    "sync_master": OFF,
    "sync_studio": OFF,
    "sync_summary": OFF,
    "sync_date": OFF,
    "sync_performers": OFF,
    "sync_tags": OFF,
    "sync_poster": OFF,
    "sync_background": OFF,
    "sync_collection": OFF,
    "preserve_plex_edits": (True,),
    "title_template": ("{studio} - {title} ({date})", "{code}", "Film, {performers}"),
    "leave_out_tags": ("archive; Slow [motion]", "; ".join(TAGS)),
    "rename_tags": ("Outdoor=>Archive", "night, rain=>Été, %41; archive=>Outdoor"),
    "max_tags": (10,),
    "tags_as_labels": ("archive; Night, rain", "; ".join(TAGS)),
    "performer_disambiguation": ("never", "always"),
    "leave_out_performer_genders": ("female", "male; unknown"),
    "collections_from": ("", "groups; performers", "studio; parent studio; tags"),
    "collection_tags": ("Outdoor; Archive",),
    "sync_tagline": OFF,
    "edition_from": ("code", "groups"),
    "tagline_from": ("code", "groups"),
    "only_tags_below": ("Extra",),
    "only_organized": (True,),
    "only_with_tags": ("Outdoor",),
    "never_with_tags": ("Archive",),
    "only_below_folders": (f"{FOLDER}/a",),
    "when_not_selected": ("restore",),
}
HTML = "<p>Hello &amp; <b>bye</b></p><p>One<br>two</p>"


def some(pool: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(pool), max_size=4, unique=True)


SCENE = st.fixed_dictionaries(
    {
        "title": st.sampled_from(TITLES),
        "details": st.sampled_from((*TEXTS, HTML)),
        "date": st.sampled_from(DATES),
        "studio": st.sampled_from(STUDIOS),
        "performers": some(PEOPLE),
        "tags": some(TAGS) | st.just([*TAGS, *(f"Tag {number}" for number in range(9))]),
        "code": st.sampled_from(("", "AB-1")),
        "rating100": st.sampled_from((None, 5, 85, 100)),
        "groups": some(("Group, one", "Northlight")),
        "director": st.sampled_from(("", "Own director", "Dee,  Lee")),
        "organized": st.booleans(),
        "cover": st.none() | st.integers(1, 3).map(png),
    }
)
ITEM = st.fixed_dictionaries(
    {},
    optional={
        "title": st.just("Own title"),
        "summary": st.sampled_from(("Own summary", "Plain")),
        "studio": st.sampled_from(("Own studio", "Northlight")),
        "originally_available_at": st.just("1999-12-31"),
        "genres": some((*TAGS, "Own genre")),
        "actors": some((*PEOPLE, "Own actor")),
        "collections": some((*OWN_COLLECTIONS, "Northlight")),
        "user_rating": st.sampled_from((3.0, 8.5)),
        "content_rating": st.sampled_from(("PG", "XXX")),
        "tagline": st.just("Own tagline"),
        "edition_title": st.just("Own edition"),
        "directors": some(("Own director", "Dee")),
        "labels": some((*OWN_LABELS, "Stash", "Archive")),
        "poster": st.just(png(8)),
        "art": st.just(png(9)),
    },
)
SCENES = st.lists(
    st.tuples(st.sampled_from("ab"), SCENE, ITEM, st.booleans()), min_size=1, max_size=3
)
READING = st.fixed_dictionaries({name: st.sampled_from(them) for name, them in READINGS.items()})
SETTINGS = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from(values) for name, values in VALUES.items()}
)
CHANGE = st.sampled_from([(name, value) for name, values in VALUES.items() for value in values])


# A reading and a scene for which restoring and switching off left values in Plex.
ODD = {"removal_decodings": 1, "date_shift_days": -1}
UNTITLED: tuple[Any, ...] = (
    "a",
    {"title": "", "date": "2024-02-29", "performers": ["Jo, Lindqvist"], "tags": ["Night, rain"]},
    {},
    False,
)
LABELED: tuple[Any, ...] = (
    "a",
    {"title": "A", "tags": ["Night, rain", "Archive"]},
    {"labels": []},
    True,
)
STAYING = {"title_sort_follows": False}
CAST: tuple[Any, ...] = (
    "a",
    {"title": "", "performers": [], "tags": ["Night, rain"]},
    {"actors": ["Jo, Lindqvist"]},
    True,
)
CODED: tuple[Any, ...] = ("a", {"title": "", "code": "AB-1", "tags": ["Outdoor"]}, {}, False)


def add_traits(stash: Library) -> None:
    """Give a studio and a tag a parent, and each performer other traits."""
    parent = stash.studios.ensure("The Old Mill")
    stash.studios.update(stash.studios.ensure("Northlight"), parent_id=parent)
    stash.tags.update(stash.tags.ensure("Outdoor"), parent_ids=(stash.tags.ensure("Extra"),))
    extra, genders = stash.tags.ensure("Extra"), (None, "MALE", "FEMALE")
    for number, name in enumerate(PEOPLE):
        stash.performers.update(
            stash.performers.ensure(name), gender=genders[number % 3],
            disambiguation="x" * number, tag_ids=(extra,) * (number % 2),
        )  # fmt: skip


class Try:
    """Both servers and the worker, with the scenes and items of an example."""

    def __init__(self, world: World, library: list[Any], chosen: Mapping[str, Any]) -> None:
        self.world, self.home = world, world.home
        self.chosen = chosen
        self.known = world.stash.plugin_settings(PLUGIN)
        add_traits(world.stash.library)
        for number, (folder, scene, item, locked) in enumerate(library):
            path = f"{FOLDER}/{folder}/s{number}.mp4"
            key = world.plex.add_item(world.section, path).rating_key
            if item:
                world.plex.edit(key, lock=locked, **item)
            world.stash.add_scene(files=[path], **scene)

    def sync(self, change: Mapping[str, Any] | None = None, *, force: bool = False) -> list[str]:
        """Sync all scenes with the chosen settings and a change of them; return the writes."""
        self.world.stash.set_plugin_settings(
            PLUGIN, {**self.known, **self.chosen, **(change or {})}
        )
        self.home.time.pass_on(120)
        mark = self.world.plex.log.mark()
        self.home.sync_all(force=force)
        assert self.home.drain()
        assert self.home.letters() == []
        return [str(request) for request in self.world.plex.log.writes(mark)]

    def shown(self) -> dict[str, dict[str, Any]]:
        """Return the state of Plex without the order of actors, and without hidden locks."""
        items = self.world.plex.snapshot()
        for item in items.values():
            item["locks"] = set(item["locks"]).difference(self.world.plex.switches.lock_names)
            item["actors"].sort(key=lambda actor: actor["name"])
            for shelf in ("posters", "arts"):  # Plex keeps each uploaded image.
                del item[shelf]
        return items

    def restore(self) -> None:
        services = self.home._build(PATIENT)
        with closing(services):
            for _ in range(2):
                restore_values(services, scene_id=None)
                self.home.time.pass_on(60)


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that differ, before and after, by item and field."""
    return {
        f"{key} {name}": (value, after[key][name])
        for key, item in before.items()
        for name, value in item.items()
        if value != after[key][name]
    }


def test_each_setting_of_the_mapping_is_tried() -> None:
    assert VALUES.keys() >= MAPPING


@settings(max_examples=EXAMPLES)
@given(READING, SCENES, SETTINGS, CHANGE)
@example(ODD, [UNTITLED], {}, ("title_template", "{date}"))
@example(ODD, [UNTITLED], {}, ("collections_from", "performers"))
@example(ODD, [UNTITLED], {"sync_tags": False}, ("tags_as_labels", "Night, rain"))
@example(ODD, [LABELED], {"sync_tags": False}, ("tags_as_labels", "archive; Night, rain"))
@example(STAYING, [LABELED, CODED], {}, ("sort_title_template", "{code}"))
@example(ODD, [CAST], {"preserve_plex_edits": True}, ("leave_out_tags", "Night, rain"))
@example(ODD, [UNTITLED], {"preserve_plex_edits": True}, ("rename_tags", "night, rain=>Été, %41"))
def test_a_second_sync_writes_nothing_and_a_change_of_settings_or_the_sync_can_be_undone(
    reading: dict[str, Any], library: list[Any], chosen: dict[str, Any], change: tuple[str, Any]
) -> None:
    name, value = change
    chosen.pop(name, None)
    if reading.get("lock_names"):
        # The first sync does not know that locks are hidden, so it overwrites a user's values.
        chosen.pop("preserve_plex_edits", None)
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(World(Path(folder), Switches(**reading), scenes=0)) as world,
    ):
        tried = Try(world, library, chosen)
        before = tried.shown()
        tried.sync()
        synced = tried.shown()
        assert tried.sync(force=True) == [], "a second sync wrote"
        tried.sync({name: value})
        assert tried.sync({name: value}, force=True) == [], f"a second sync with {name} wrote"
        tried.sync()
        undone = tried.shown()
        for key, item in undone.items():
            item["locks"] &= synced[key]["locks"]  # a title that is not sent any more stays locked
        assert difference(synced, undone) == {}, f"{name} on and off again"
        assert tried.sync(force=True) == [], f"a second sync after {name} wrote"
        tried.restore()
        assert difference(before, tried.shown()) == {}, "Restore Plex Values"

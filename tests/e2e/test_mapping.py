"""Settings that choose what reaches Plex, judged by the oracle."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulators.oracle import IMAGE_LOCKS, LOCKS, judge
from simulators.plex import Item, ItemFields
from simulators.rig import Rig
from simulators.stash import SceneFields
from tests.conftest import MakeRig
from validation.metadata import OPTIONAL

SCENE: SceneFields = {
    "title": "Title",
    "details": "<p>Hello &amp; <b>bye</b>.</p><p>One<br>two</p>",
    "date": "2024-05-06",
    "studio": "Studio",
    "performers": ["Ada", "Zoe"],
    "tags": ["Outdoor", "Archive"],
    "rating100": 85,
    "groups": ["Group", "Mine"],
    "director": "Dee,  Lee",
    "code": "S-1",
}
# Setting, its value, and what it changes in the scene above.
MAPPINGS: list[tuple[str, Any, dict[str, Any]]] = [
    (
        "title_template",
        "{studio} - {code} - {title} ({date}) {performers}",
        {"title": "Studio - S-1 - Title (2024-05-06) Ada, Zoe"},
    ),
    ("leave_out_tags", "Imported; ARCHIVE", {"tags": ["Outdoor"]}),
    ("leave_out_tags", "upper", {"tags": ["Outdoor"]}),
    ("only_tags_below", "None; root", {"tags": ["Archive"]}),
    ("rename_tags", "outdoor => In, the open; x=>y", {"tags": ["Archive", "In, the open"]}),
    ("leave_out_performer_genders", "non binary", {"performers": ["Ada"]}),
    ("leave_out_performer_tags", "EXTRA", {"performers": ["Ada"]}),
    ("performer_disambiguation", "always", {"performers": ["Ada", "Zoe (singer)"]}),
    (
        "collections_from",
        "studio; parent studio; groups; performers; tags",
        {"collections": ["Mine", "Studio", "Parent", "Group", "Ada", "Zoe"]},
    ),
    ("collection_tags", "OUTDOOR; x", {"collections": ["Mine", "Studio", "Outdoor"]}),
    ("collection_prefix", "S: ", {"collections": ["Mine", "S: Studio"]}),
    ("plain_summary", True, {"details": "Hello & bye.\n\nOne\ntwo"}),
    ("sort_title_template", "{code}", {"optional": {"title_sort": "S-1"}}),
    ("sync_rating", True, {"optional": {"user_rating": 8.5}}),
    ("sync_director", True, {"optional": {"directors": ["Dee", "Lee"]}}),
    ("edition_from", "code", {"optional": {"edition_title": "S-1"}}),
    ("tagline_from", "groups", {"optional": {"tagline": "Group, Mine"}}),
    ("content_rating", " XXX ", {"optional": {"content_rating": "XXX"}}),
    ("content_rating", "PG", {"optional": {"content_rating": "PG"}}),
    ("fixed_label", "stash", {"optional": {"labels": ["Own", "Stash"]}}),
    (
        "tags_as_labels",
        "archive",
        {"tags": ["Outdoor"], "optional": {"labels": ["Archive", "Own"]}},
    ),
]
REQUIRED = {"title", "studio", "summary", "originally_available_at", "year", "actors", "genres"}
REQUIRED |= {"collections", "poster", "art", "posters", "arts"}
# Plex's own values of the optional fields.
OWN: ItemFields = {
    "user_rating": 3.0,
    "content_rating": "PG",
    "tagline": "Own",
    "edition_title": "Own",
    "directors": ["Own"],
    "labels": ["Own"],
}
# Setting → its value, a change that selects the scene of the test, and the change back.
SELECTIONS: dict[str, tuple[Any, SceneFields, SceneFields]] = {
    "only_organized": (True, {"organized": True}, {"organized": False}),
    "only_with_tags": ("For Plex; other", {"tags": ["for plex"]}, {"tags": ["Outdoor"]}),
    "never_with_tags": ("Private; Outdoor", {"tags": ["Archive"]}, {"tags": ["OUTDOOR"]}),
    "only_below_folders": (
        "/elsewhere; /media/scenes/selected/",
        {"files": ["/media/scenes/selected/a.mp4"]},
        {"files": ["/media/scenes/a.mp4"]},
    ),
}


def sync(rig: Rig) -> int:
    mark = rig.plex.log.mark()
    rig.task("all")
    assert rig.wait_until(lambda: rig.queued() == 0)
    if rig.plex.log.count("edit", since=mark):
        # The task waits until the worker has read back the sent values.
        rig.task("process_queue")
    rig.stop_worker()
    return rig.plex.log.count("edit", since=mark)


def optional_state(rig: Rig, item: Item) -> dict[str, Any]:
    """Return the values of an item, and its locks, without those of the required fields."""
    state = rig.plex.snapshot()[str(item.rating_key)]
    locks = {*state["locks"]} - LOCKS - IMAGE_LOCKS
    return {name: state[name] for name in state if name not in REQUIRED} | {"locks": locks}


def add_traits(rig: Rig) -> None:
    """Give the studio of the scene a parent, and a performer of the scene each trait."""
    library = rig.stash.library
    library.studios.update("Studio", parent_id=library.studios.ensure("Parent"))
    for parent, child in [("Root", "Upper"), ("Upper", "Middle"), ("Middle", "Archive")]:
        rig.stash.set_children(library.tags.ensure(parent), child)
    rig.stash.set_children("Root", "Upper", "Other")
    traits = {"disambiguation": "singer", "gender": "NON_BINARY"}
    library.performers.update("Zoe", **traits, tag_ids=(library.tags.ensure("Extra"),))


def groups() -> list[list[tuple[str, Any, dict[str, Any]]]]:
    """Group the mappings, because a rig per mapping is slow. A group changes each field once."""
    found: list[tuple[set[str], list[tuple[str, Any, dict[str, Any]]]]] = []
    for setting, value, changes in MAPPINGS:
        touched = {setting, *changes, *changes.get("optional", ())} - {"optional"}
        if setting in ("title_template", "collections_from"):
            touched.add("performers")
        group = next((group for seen, group in found if not seen & touched), [])
        if not group:
            found.append((set(), group))
        group.append((setting, value, changes))
        next(seen for seen, members in found if members is group).update(touched)
    return [group for _, group in found]


@pytest.mark.parametrize("group", groups())
def test_the_settings_change_what_plex_shows_and_off_again_restore_it(
    make_rig: MakeRig, group: list[tuple[str, Any, dict[str, Any]]]
) -> None:
    settings = {setting: value for setting, value, _ in group}
    changes = {name: value for *_, one in group for name, value in one.items()}
    optional = [one.get("optional", {}) for *_, one in group]
    changes["optional"] = {name: value for one in optional for name, value in one.items()}
    rig = make_rig(settings={"collections_from": "studio; tags", **settings})
    scene_id, item = rig.add_pair("a", **SCENE)
    add_traits(rig)
    item.collections = ("Mine",)
    rig.plex.edit(item.rating_key, lock=False, **OWN)
    before = optional_state(rig, item)
    rig.add_pair("other", title="Other", tags=["Other"])

    def mapped(scene: dict[str, Any]) -> dict[str, Any]:
        if scene["id"] != scene_id:
            return scene
        listed = changes.get("performers", scene["performers"])
        scene |= {"collections": ["Mine", "Studio"], "disambiguations": [""] * len(listed)}
        return scene | changes

    assert "2 would change" in rig.task("preview_sync").output
    assert sync(rig) == 2
    assert judge(rig.stash, rig.plex, mapped=mapped).differences == ()
    assert set(item.collections) == set(changes.get("collections", ["Mine", "Studio"]))
    assert sync(rig) == 0

    rig.configure(**dict.fromkeys(settings, ""))
    both = 2 if {"content_rating", "fixed_label"} & settings.keys() else 1
    answer = rig.task("preview_sync").output
    assert f"{both} would change" in answer
    report = Path(answer.partition("Report: ")[2].strip()).read_text(encoding="utf-8")
    assert ("fields that would only be unlocked: content_rating" in report) is (
        settings.get("content_rating") == "PG"
    )
    # Another edit unlocks the restored sort title.
    assert sync(rig) == both + ("sort_title_template" in settings)
    assert rig.verdict().differences == ()
    assert optional_state(rig, item) == before
    assert set(item.collections) == {"Mine", "Studio"}
    assert sync(rig) == 0

    rig.configure(**settings)
    assert sync(rig) == both
    assert judge(rig.stash, rig.plex, mapped=mapped).differences == ()
    rig.task("restore_values", scene_id=str(scene_id))
    assert optional_state(rig, item) == before


@pytest.mark.parametrize("appends", [True, False])
def test_only_collections_of_the_plugin_are_removed(make_rig: MakeRig, appends: bool) -> None:
    rig = make_rig(settings={"collections_from": "studio; groups"})
    rig.plex.switches = replace(rig.plex.switches, tags_append=appends)
    scene_id, item = rig.add_pair("a", **SCENE)
    users = ["Mine", "Kept"]
    rig.plex.edit(item.rating_key, lock=False, collections=users)
    steps: list[tuple[dict[str, Any], set[str], int]] = [
        ({}, {"Studio", "Group"}, 1),
        ({"collection_prefix": "S: "}, {"S: Studio", "S: Group", "S: Mine"}, 1),
        ({"collections_from": "groups", "collection_prefix": ""}, {"Group"}, 1),
        ({"sync_collection": False}, {"Group"}, 0),
        ({"sync_collection": True, "collections_from": ";"}, set(), 1),
        ({"collections_from": "studio"}, {"Studio"}, 1),
    ]
    for settings, own, edits in steps:
        rig.configure(**settings)
        assert (sync(rig), {*item.collections}) == (edits, {*users, *own})
        if "collection_prefix" in settings and "Theirs" not in users:
            users.append("Theirs")
            rig.plex.edit(item.rating_key, collections=[*item.collections, "Theirs"])
    assert sync(rig) == 0

    rig.configure(enabled=False)
    users += ["Smart"] * appends
    rig.plex.edit(item.rating_key, collections=[*users, "Studio"])
    rig.plex.switches = replace(rig.plex.switches, smart_collections=frozenset({"Smart"}))
    assert "1 item restored" in rig.task("restore_values", scene_id=str(scene_id)).output
    assert {*item.collections} == set(users)


@pytest.mark.parametrize("setting", SELECTIONS)
def test_a_scene_that_is_not_selected_is_never_sent(make_rig: MakeRig, setting: str) -> None:
    value, selecting, back = SELECTIONS[setting]
    rig = make_rig(settings={setting: value})
    scene_id, _ = rig.add_pair("a", **SCENE)
    rig.plex.add_item(rig.section, "/media/scenes/selected/a.mp4")
    mark = rig.plex.log.mark()

    assert "1 not selected by the settings" in rig.task("all").output
    rig.stash.edit_scene(scene_id, title="Edited")
    assert rig.happened("scene_skipped", scene=scene_id)
    assert setting in rig.events("scene_skipped", scene=scene_id)[0]["message"]
    assert "1 not selected by the settings" in rig.task("preview_sync").output
    assert "is excluded by your settings" in rig.task("inspect", scene_id=scene_id).output
    assert "1 not selected by the settings" in rig.task("reconcile_all").output
    rig.stop_worker()
    assert (rig.plex.log.count("edit", since=mark), rig.queued()) == (0, 0)

    rig.stash.update_scene(scene_id, **selecting)
    assert sync(rig) == 1
    assert rig.verdict().differences == ()
    rig.stash.update_scene(scene_id, **back)
    rig.stash.update_scene(scene_id, title="Not sent")
    assert sync(rig) == 0
    assert rig.item_of(scene_id).title != "Not sent"
    rig.configure(**{setting: ""})
    assert sync(rig) == 1
    assert rig.verdict().differences == ()


def test_a_changed_hierarchy_of_tags_changes_the_genres(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"leave_out_tags": "Root"})
    scene_id, item = rig.add_pair("a", tags=["Leaf", "Kept"])
    root, middle = map(rig.stash.library.tags.ensure, ("Root", "Middle"))
    rig.stash.edit_scene(scene_id, title="Title")
    assert rig.wait_until(lambda: item.genres == ("Kept", "Leaf"))

    rig.stash.update_tag("Leaf", parent_ids=(middle,))
    rig.stash.update_tag("Middle", parent_ids=(root,))
    assert rig.wait_until(lambda: item.genres == ("Kept",))
    rig.stash.set_children("Root")
    assert rig.wait_until(lambda: set(item.genres) == {"Kept", "Leaf"})


def test_an_item_of_an_earlier_version_gets_its_own_values_back(make_rig: MakeRig) -> None:
    """Its original values lack the optional fields."""
    rig = make_rig()
    _, item = rig.add_pair("a", **SCENE)
    sync(rig)
    with rig.database() as database:
        paths = ", ".join(f"'$.{name}'" for name in OPTIONAL)
        database.execute(f"UPDATE originals SET held = json_remove(held, {paths})")
        database.commit()
    own: ItemFields = {**OWN, "labels": ["Stash"]}
    rig.plex.edit(item.rating_key, **own)
    before = optional_state(rig, item)

    settings = {"sync_rating": True, "sync_director": True, "content_rating": "XXX"}
    rig.configure(**settings, edition_from="code", tagline_from="groups", fixed_label="stash")
    assert sync(rig) == 1
    assert (item.user_rating, item.content_rating, item.labels) == (8.5, "XXX", ("Stash",))
    rig.configure(**dict.fromkeys(settings), edition_from="", tagline_from="", fixed_label="")
    assert sync(rig) == 1
    assert optional_state(rig, item) == before


def test_a_sort_title_is_unlocked_by_the_sync_after_a_kill(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"sort_title_template": "{code}"})
    scene_id, item = rig.add_pair("a", **SCENE)
    sync(rig)
    rig.configure(sort_title_template="")
    # The killed worker does not send the second request, which removes the lock.
    fault = rig.plex.faults.hang(kind="edit", times=1, applied=True)
    rig.stash.edit_scene(scene_id, organized=True)
    assert fault.wait_for_hit(timeout=30)
    rig.stop_worker()
    fault.clear()
    sync(rig)
    assert (item.title_sort, "titleSort" in item.locks) == ("", False)
    assert sync(rig) == 0


@pytest.mark.parametrize("follows", [True, False])
def test_the_sort_title_follows_its_template(make_rig: MakeRig, follows: bool) -> None:
    rig = make_rig()
    rig.plex.switches = replace(rig.plex.switches, title_sort_follows=follows)
    scene_id, item = rig.add_pair("a", **SCENE)
    rig.plex.edit(item.rating_key, lock=False, title_sort="Own")
    first = optional_state(rig, item)
    sync(rig)
    before = optional_state(rig, item)

    rig.configure(sort_title_template="{title}", title_template="{title}")
    for title, template in [("Title", "{title}"), ("B", "{title}"), ("B", "{code} {title}")]:
        rig.stash.update_scene(scene_id, title=title)
        rig.configure(sort_title_template=template)
        assert sync(rig) == 1
        wanted = "" if template == "{title}" else "S-1 B"
        assert (item.title, item.title_sort, "titleSort" in item.locks) == (title, wanted, True)
        assert sync(rig) == 0

    rig.stash.update_scene(scene_id, title="Title", code="")
    rig.configure(sort_title_template="{code}")
    sync(rig)
    assert optional_state(rig, item) == before
    assert sync(rig) == 0
    rig.task("restore_values", scene_id=str(scene_id))
    assert optional_state(rig, item) == first

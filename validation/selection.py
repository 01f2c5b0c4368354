from collections.abc import Iterator
from dataclasses import dataclass

from validation.paths import Folders, components, folded
from validation.sanitizers import clean_name
from validation.scene_extractor import Entity, StashScene
from validation.values import boolean, choice, declare_setting, entries, is_rename, list_of, renames

LEAVE, RESTORE = "leave", "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionSettings:
    """The settings that select scenes. An empty setting excludes no scene."""

    only_organized: bool = declare_setting(boolean, False)
    only_with_tags: str = declare_setting(list_of("names of tags"), "")
    never_with_tags: str = declare_setting(list_of("names of tags"), "")
    only_below_folders: str = declare_setting(list_of("folders in Stash", components), "")
    when_not_selected: str = declare_setting(choice(LEAVE, RESTORE), LEAVE)


def why_not_selected(scene: StashScene, settings: SelectionSettings) -> str:
    tags = {folded(tag.name.strip()): tag.name for tag in scene.tags}
    needed = entries(settings.only_with_tags)
    forbidden = [tag for tag in entries(settings.never_with_tags) if folded(tag) in tags]
    folders = Folders.of(entries(settings.only_below_folders))
    if settings.only_organized and not scene.organized:
        return "the scene is not organized (only_organized)"
    if forbidden:
        return f"the scene has the tag '{forbidden[0]}' (never_with_tags)"
    if needed and not any(folded(tag) in tags for tag in needed):
        return "the scene has none of the needed tags (only_with_tags)"
    if folders.roots and not any(folders.hold(file.path) for file in scene.files):
        return "the scene's file is in none of the folders (only_below_folders)"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSettings(SelectionSettings):
    leave_out_tags: str = declare_setting(list_of("names of tags"), "")
    rename_tags: str = declare_setting(list_of("pairs of tags old=>new", is_rename), "")
    only_tags_below: str = declare_setting(list_of("names of tags"), "")
    tags_as_labels: str = declare_setting(list_of("names of tags"), "")


def kept_tags(scene: StashScene, settings: TagSettings, *, as_labels: bool) -> Iterator[str]:
    """Yield the names of the tags that become genres or, if `as_labels` is set, labels."""
    left_out, labels = _keys(settings.leave_out_tags), _keys(settings.tags_as_labels)
    renamed = {folded(old): new for old, new in renames(settings.rename_tags).items()}
    parents = _keys(settings.only_tags_below)
    for tag in scene.tags:
        key = _key(tag)
        above = set(map(_key, tag.ancestors))
        if left_out & {key, *above} or (parents and not parents & above):
            continue
        if (key in labels) is as_labels:
            yield renamed.get(key, tag.name)


def _key(tag: Entity) -> str:
    return folded(clean_name(tag.name))


def _keys(names: str) -> set[str]:
    return set(map(folded, entries(names)))

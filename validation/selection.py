"""Decides which scenes, tags and performers the settings select, and how actors are named."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from validation.paths import components, folded, is_below
from validation.sanitizers import MAX_NAME, clean_name, cut
from validation.scene_extractor import Entity, StashScene
from validation.values import boolean, choice, declare_setting, entries, list_of, sides_of

LEAVE, RESTORE = "leave", "restore"
GENDERS = ("male", "female", "transgender_male", "transgender_female", "intersex", "non_binary")
# SHARED adds the disambiguation to an actor's name only if several performers of the scene have the
# same name.
NEVER, SHARED, ALWAYS = "never", "shared", "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionSettings:
    """The settings that select scenes. An empty setting excludes no scene."""

    only_organized: bool = declare_setting(boolean, False)
    only_with_tags: str = declare_setting(list_of("names of tags"), "")
    never_with_tags: str = declare_setting(list_of("names of tags"), "")
    only_below_folders: str = declare_setting(list_of("folders in Stash", components), "")
    when_not_selected: str = declare_setting(choice(LEAVE, RESTORE), LEAVE)


def why_not_selected(scene: StashScene, settings: SelectionSettings) -> str:
    tags = {folded(tag.name.strip()) for tag in scene.tags}
    needed = entries(settings.only_with_tags)
    forbidden = [tag for tag in entries(settings.never_with_tags) if folded(tag) in tags]
    folders = [components(folder) for folder in entries(settings.only_below_folders)]
    if settings.only_organized and not scene.organized:
        return "the scene is not organized (only_organized)"
    if forbidden:
        return f"the scene has the tag '{forbidden[0]}' (never_with_tags)"
    if needed and not any(folded(tag) in tags for tag in needed):
        return "the scene has none of the needed tags (only_with_tags)"
    if folders and not any(is_below(file.path, folders) for file in scene.files):
        return "the scene's file is in none of the folders (only_below_folders)"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSettings(SelectionSettings):
    leave_out_tags: str = declare_setting(list_of("names of tags"), "")
    rename_tags: str = declare_setting(
        list_of("pairs of tags old=>new", lambda pair: all(sides_of(pair))), ""
    )
    only_tags_below: str = declare_setting(list_of("names of tags"), "")
    tags_as_labels: str = declare_setting(list_of("names of tags"), "")


def kept_tags(scene: StashScene, settings: TagSettings, *, as_labels: bool) -> Iterator[str]:
    """Yield the names of the tags that become genres, or of the tags that become labels."""
    left_out, labels = _keys(settings.leave_out_tags), _keys(settings.tags_as_labels)
    renamed = {folded(old): new for old, new in map(sides_of, entries(settings.rename_tags))}
    parents = _keys(settings.only_tags_below)
    for tag in scene.tags:
        key = _key(tag)
        above = set(map(_key, tag.ancestors))
        if left_out & {key, *above} or (parents and not parents & above):
            continue
        if (key in labels) is as_labels:
            yield renamed.get(key, tag.name)


def kept_performers(performers: Sequence[Entity], genders: str, tags: str) -> list[Entity]:
    left_out_genders, left_out_tags = entries(genders), _keys(tags)
    return [
        performer
        for performer in performers
        if performer.gender.lower() not in left_out_genders
        and left_out_tags.isdisjoint(map(_key, performer.tags))
    ]


def actor_names(performers: Sequence[Entity], when: str) -> list[str]:
    """Return the actors' names. `when` tells which names get the performer's disambiguation.

    With the value NEVER, the second of two performers with the same name gets a number, as in
    "Ada (2)".
    """
    names = [clean_name(performer.name) for performer in performers]
    shared = Counter(map(folded, names))
    if when != ALWAYS and len(shared) == len(names):
        return names
    names.clear()
    numbers: Counter[str] = Counter()
    for performer in sorted(performers, key=attrgetter("id")):
        name, detail = clean_name(performer.name), clean_name(performer.disambiguation)
        key = folded(name)
        numbers[key] += 1
        if when == NEVER:
            detail = str(numbers[key]) if numbers[key] > 1 else ""
        if detail and (when == ALWAYS or shared[key] > 1):
            suffix = f" ({cut(detail, MAX_NAME // 2)})"
            name = cut(name, MAX_NAME - len(suffix)) + suffix
        names.append(name)
    return names


def _key(tag: Entity) -> str:
    return folded(clean_name(tag.name))


def _keys(names: str) -> set[str]:
    return set(map(folded, entries(names)))

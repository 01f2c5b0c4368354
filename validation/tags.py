from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from validation.paths import folded
from validation.sanitizers import clean_name, distinct_names
from validation.scene_extractor import Entity, StashScene
from validation.selection import SelectionSettings
from validation.values import declare_setting, entries, line, list_of, number, sides_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSettings(SelectionSettings):
    leave_out_tags: str = declare_setting(list_of("names of tags"), "")
    rename_tags: str = declare_setting(
        list_of("pairs of tags old=>new", lambda pair: all(sides_of(pair))), ""
    )
    only_tags_below: str = declare_setting(list_of("names of tags"), "")
    tags_as_labels: str = declare_setting(list_of("names of tags"), "")
    fixed_label: str = declare_setting(line, "")
    max_tags: int = declare_setting(number(10, 500, int), 100)


def genre_names(scene: StashScene, settings: TagSettings) -> tuple[str, ...]:
    return distinct_names(kept_tags(scene, settings, as_labels=False), settings.max_tags)


def label_names(scene: StashScene, settings: TagSettings) -> tuple[str, ...]:
    names = [settings.fixed_label, *kept_tags(scene, settings, as_labels=True)]
    return distinct_names(names, settings.max_tags)


def kept_tags(scene: StashScene, settings: TagSettings, *, as_labels: bool) -> Iterator[str]:
    left_out, labels = tag_keys(settings.leave_out_tags), tag_keys(settings.tags_as_labels)
    renamed = {folded(old): new for old, new in map(sides_of, entries(settings.rename_tags))}
    parents = tag_keys(settings.only_tags_below)
    for tag in scene.tags:
        key = tag_key(tag)
        above = set(map(tag_key, tag.ancestors))
        if left_out & {key, *above} or (parents and not parents & above):
            continue
        if (key in labels) is as_labels:
            yield renamed.get(key, tag.name)


def tag_key(tag: Entity) -> str:
    return folded(clean_name(tag.name))


@lru_cache(maxsize=64)
def tag_keys(names: str) -> frozenset[str]:
    return frozenset(map(folded, entries(names)))

from collections.abc import Iterator
from dataclasses import dataclass

from validation.paths import folded
from validation.sanitizers import clean_name
from validation.scene_extractor import Entity, StashScene
from validation.selection import SelectionSettings
from validation.values import declare_setting, entries, is_rename, list_of, renames


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSettings(SelectionSettings):
    leave_out_tags: str = declare_setting(list_of("names of tags"), "")
    rename_tags: str = declare_setting(list_of("pairs of tags old=>new", is_rename), "")
    only_tags_below: str = declare_setting(list_of("names of tags"), "")
    tags_as_labels: str = declare_setting(list_of("names of tags"), "")


def needs_ancestors(settings: TagSettings) -> bool:
    return bool(settings.leave_out_tags or settings.only_tags_below)


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

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from validation.paths import folded
from validation.sanitizers import MAX_NAME, clean_name, cut, distinct_names
from validation.scene_extractor import Entity, StashScene
from validation.tags import TagSettings, tag_key, tag_keys
from validation.values import choice, declare_setting, entries, list_of, words_of

MAX_PERFORMERS = 50
_GENDERS = ("male", "female", "transgender_male", "transgender_female", "intersex", "non_binary")
_NEVER, _SHARED, _ALWAYS = "never", "shared", "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformerSettings(TagSettings):
    performer_disambiguation: str = declare_setting(choice(_SHARED, _NEVER, _ALWAYS), _SHARED)
    leave_out_performer_genders: str = declare_setting(words_of(*_GENDERS), "")
    leave_out_performer_tags: str = declare_setting(list_of("names of tags"), "")


def actor_names(scene: StashScene, settings: PerformerSettings) -> tuple[str, ...]:
    genders = entries(settings.leave_out_performer_genders)
    tags = tag_keys(settings.leave_out_performer_tags)
    performers = [
        performer
        for performer in scene.performers
        if performer.gender.lower() not in genders and tags.isdisjoint(map(tag_key, performer.tags))
    ]
    names = _names_of(performers, settings.performer_disambiguation)
    return distinct_names(sorted(names, key=folded), MAX_PERFORMERS)


def _names_of(performers: Sequence[Entity], disambiguation: str) -> list[str]:
    names = [clean_name(performer.name) for performer in performers]
    shared = Counter(map(folded, names))
    if disambiguation != _ALWAYS and len(shared) == len(names):
        return names
    names.clear()
    numbers: Counter[str] = Counter()
    for performer in sorted(performers, key=attrgetter("id")):
        name, detail = clean_name(performer.name), clean_name(performer.disambiguation)
        key = folded(name)
        numbers[key] += 1
        if disambiguation == _NEVER:
            detail = str(numbers[key]) if numbers[key] > 1 else ""
        if detail and (disambiguation == _ALWAYS or shared[key] > 1):
            suffix = f" ({cut(detail, MAX_NAME // 2)})"
            name = cut(name, MAX_NAME - len(suffix)) + suffix
        names.append(name)
    return names

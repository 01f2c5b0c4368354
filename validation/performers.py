"""Decides which performers of a scene become actors in Plex, and how the actors are named."""

from collections import Counter
from collections.abc import Iterable, Iterator
from operator import attrgetter

from validation.paths import folded
from validation.sanitizers import MAX_NAME, clean_name, cut
from validation.scene_extractor import Entity

GENDERS = ("male", "female", "transgender_male", "transgender_female", "intersex", "non_binary")
# The disambiguation is never a part of an actor's name, or only if performers share the name, or
# always.
NEVER, SHARED, ALWAYS = "never", "shared", "always"


def kept_performers(
    performers: Iterable[Entity], genders: Iterable[str], tags: Iterable[str]
) -> list[Entity]:
    """Return the performers that have none of these genders and none of these tags."""
    names = set(map(folded, tags))
    return [
        performer
        for performer in performers
        if performer.gender.lower() not in genders
        and names.isdisjoint(folded(clean_name(tag.name)) for tag in performer.tags)
    ]


def actor_names(performers: Iterable[Entity], when: str) -> Iterator[str]:
    """Yield the name of each performer, followed by the disambiguation as `when` requires.

    Plex identifies an actor by name and would merge two performers with equal names. If the names
    never get the disambiguation, the second performer of a name therefore gets the number 2.
    """
    in_order = sorted(performers, key=attrgetter("id"))
    shared = Counter(folded(clean_name(performer.name)) for performer in in_order)
    numbers: Counter[str] = Counter()
    for performer in in_order:
        name, detail = clean_name(performer.name), clean_name(performer.disambiguation)
        key = folded(name)
        numbers[key] += 1
        if when == NEVER:
            detail = str(numbers[key]) if numbers[key] > 1 else ""
        if detail and (when == ALWAYS or shared[key] > 1):
            suffix = f" ({cut(detail, MAX_NAME // 2)})"
            name = cut(name, MAX_NAME - len(suffix)) + suffix
        yield name

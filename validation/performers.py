from collections import Counter
from collections.abc import Collection, Sequence
from operator import attrgetter

from validation.paths import folded
from validation.sanitizers import MAX_NAME, clean_name, cut
from validation.scene_extractor import Entity

GENDERS = ("male", "female", "transgender_male", "transgender_female", "intersex", "non_binary")
# With SHARED, an actor's name contains the disambiguation if several performers have the name.
NEVER, SHARED, ALWAYS = "never", "shared", "always"


def kept_performers(
    performers: Sequence[Entity], genders: Collection[str], tags: Collection[str]
) -> Sequence[Entity]:
    if not genders and not tags:
        return performers
    names = set(map(folded, tags))
    return [
        performer
        for performer in performers
        if performer.gender.lower() not in genders
        and names.isdisjoint(folded(clean_name(tag.name)) for tag in performer.tags)
    ]


def actor_names(performers: Sequence[Entity], when: str) -> list[str]:
    """Return the names of actors.

    Plex identifies an actor by name and would merge two performers with equal names. With NEVER,
    the second performer of a name therefore gets the number 2.
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

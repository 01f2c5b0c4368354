"""Restores the original values of an item, which are the values from before the first sync."""

from collections.abc import Collection, Mapping

from plex.diff import (
    LOCKED,
    PLEX_NAMES,
    SORT_TITLE,
    SORTED_AS,
    TITLE,
    Values,
    current_values,
    restoring_parameters,
    without_smart_collections,
)
from plex.items import IMAGE_LOCKS, PlexImage, PlexItem
from plex.server_facts import UNKNOWN, Behaviour
from validation.paths import folded_path

FILES = "files"
RESTORED, UPLOADED = "returning", "uploaded"
Original = Mapping[str, str | list[str]]
_Fields = dict[str, dict[str, str]]


def original_values(item: PlexItem) -> Values:
    return {**current_values(item), FILES: list(item.files)}


def recaptured(original: Original, item: PlexItem, names: Collection[str]) -> Values:
    now = current_values(item)
    locked = _recaptured_locks(original, item, {PLEX_NAMES[name] for name in names})
    return {**original, **{name: now[name] for name in names}, LOCKED: locked}


def with_original_sort_title(original: Original, item: PlexItem) -> Values:
    return dict(original) if SORTED_AS in original else recaptured(original, item, {SORTED_AS})


def with_original_lock(original: Original, item: PlexItem, kind: str) -> Values:
    uploaded = original.get(UPLOADED, [])
    if kind in uploaded:
        return dict(original)
    locked = _recaptured_locks(original, item, {IMAGE_LOCKS[kind]})
    return {**original, LOCKED: locked, UPLOADED: [*uploaded, kind]}


def _recaptured_locks(original: Original, item: PlexItem, plex_names: set[str]) -> list[str]:
    return sorted({*original.get(LOCKED, [])} - plex_names | (item.locked & plex_names))


def shares_a_file(original: Original, item: PlexItem) -> bool:
    files = {folded_path(path) for path in original.get(FILES, [])}
    return any(folded_path(path) in files for path in item.files)


def restoring_edit(
    original: Original,
    item: PlexItem,
    written: Collection[str],
    sent: Mapping[str, Collection[str]],
    behaviour: Behaviour = UNKNOWN,
) -> _Fields:
    item = without_smart_collections(item, behaviour)
    names = [name for name in PLEX_NAMES if name in written and name != SORTED_AS]
    found = {
        name: restoring_parameters(name, item, original, sent.get(name, ()), behaviour)
        for name in names
    }
    fields = {name: parameters for name, parameters in found.items() if parameters}
    if _sort_title_differs(original, item, written, fields):
        # Plex ignores a sort title if the field is not locked.
        value = str(original[SORTED_AS] or original.get(TITLE, ""))
        fields[SORTED_AS] = {f"{SORT_TITLE}.value": value, f"{SORT_TITLE}.locked": "1"}
    return fields


def unlocking_edit(original: Original, fields: Collection[str]) -> _Fields:
    if SORTED_AS not in fields or is_locked_in(original, SORT_TITLE):
        return {}
    return {SORTED_AS: {f"{SORT_TITLE}.locked": "0"}}


def removed_locks(original: Original, written: Collection[str]) -> _Fields:
    locks = {name: plex_name for name, plex_name in PLEX_NAMES.items() if name in written}
    locks |= {kind: IMAGE_LOCKS[kind] for kind in original.get(UPLOADED, [])}
    if TITLE in written and SORTED_AS in original:
        locks[SORTED_AS] = SORT_TITLE
    return {
        name: {f"{plex_name}.locked": "0"}
        for name, plex_name in locks.items()
        if not is_locked_in(original, plex_name)
    }


def _sort_title_differs(
    original: Original, item: PlexItem, written: Collection[str], fields: _Fields
) -> bool:
    if SORTED_AS not in original:
        return False
    was_locked, is_locked = is_locked_in(original, SORT_TITLE), SORT_TITLE in item.locked
    differs = item.sort_title != original[SORTED_AS]
    if SORTED_AS in written and (differs or was_locked != is_locked):
        return True
    if TITLE not in written:
        return False
    if was_locked != is_locked:
        return was_locked or item.sort_title in ("", original[SORTED_AS])
    title_changes = f"{PLEX_NAMES[TITLE]}.value" in fields.get(TITLE, {})
    return differs or (title_changes and bool(original[SORTED_AS]))


def is_locked_in(original: Original, plex_name: str) -> bool:
    return plex_name in original.get(LOCKED, [])


def other_image(images: Collection[PlexImage], sent: Collection[str]) -> PlexImage | None:
    return next((image for image in images if image.key and not is_ours(image, sent)), None)


def is_ours(image: PlexImage, sent: Collection[str]) -> bool:
    return image.key.startswith("upload://") and image.key.endswith(tuple(sent))

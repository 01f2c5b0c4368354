"""The original values of an item, before the plugin's first write, and their restoration."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from plex.diff import (
    COLLECTIONS,
    DATE,
    PLEX_NAMES,
    SORT_TITLE,
    SORTED_AS,
    TITLE,
    Values,
    current_values,
    edit_for,
)
from plex.items import PlexImage, PlexItem
from plex.server_facts import UNKNOWN, Behaviour
from validation.metadata import SceneMetadata
from validation.paths import folded_path

LOCKED, FILES = "locked", "files"
# Keys inside the original values: the kinds of images that are being restored, and the kinds that
# were uploaded.
RETURNING, UPLOADED = "returning", "uploaded"
Original = Mapping[str, str | list[str]]


def original_values(item: PlexItem) -> Values:
    """Return the values, locks and files of an item, to be stored before the first write."""
    return {**current_values(item), FILES: list(item.files)}


def recaptured(held: Original, item: PlexItem, names: Collection[str]) -> Values:
    """Return the original values with the current values and locks of some fields (our names).

    A user may have edited them between the first write to the item and the first write to them.
    """
    now = current_values(item)
    locked = _locked_anew(held, item, {PLEX_NAMES[name] for name in names})
    return {**held, **{name: now[name] for name in names}, LOCKED: locked}


def with_original_sort_title(held: Original, item: PlexItem) -> Values:
    """Return the original values with the sort title before its first write."""
    if SORTED_AS in held:
        return dict(held)
    locked = _locked_anew(held, item, {SORT_TITLE})
    return {**held, SORTED_AS: item.sort_title, LOCKED: locked}


def with_original_lock(held: Original, item: PlexItem, kind: str, lock: str) -> Values:
    """Return the original values with an image's lock before its first upload."""
    uploaded = held.get(UPLOADED, [])
    if kind in uploaded:
        return dict(held)
    return {**held, LOCKED: _locked_anew(held, item, {lock}), UPLOADED: [*uploaded, kind]}


def _locked_anew(held: Original, item: PlexItem, plex_names: Collection[str]) -> list[str]:
    return sorted({*held.get(LOCKED, [])} - {*plex_names} | (item.locked & {*plex_names}))


def shares_a_file(held: Original, item: PlexItem) -> bool:
    """Tell whether the item still has an original file; a key may now mean another video."""
    then = {folded_path(path) for path in held.get(FILES, [])}
    return any(folded_path(path) in then for path in item.files)


def restoring_edit(
    held: Original,
    item: PlexItem,
    written: Collection[str],
    sent_collections: Collection[str],
    behaviour: Behaviour = UNKNOWN,
) -> dict[str, dict[str, str]]:
    """Return the parameters, by field, that restore an item's original values and locks.

    Only fields in `written`, which the plugin sent or may have sent, are restored. Of collections,
    only those added by the plugin are removed. A lock that never shows is always set.
    """
    wanted = SceneMetadata(**{name: _value(held, name) for name in PLEX_NAMES} | {COLLECTIONS: ()})
    # With all locks set, only different values need an edit.
    as_locked = replace(item, locked=frozenset(PLEX_NAMES.values()))
    sent: Values = {COLLECTIONS: list(sent_collections), DATE: item.date}
    spelling = Behaviour(removal_encoding=behaviour.removal_encoding)
    values = edit_for(wanted, as_locked, sent, held, behaviour=spelling).fields
    fields: dict[str, dict[str, str]] = {}
    for name in (name for name in PLEX_NAMES if name in held and name in written):
        plex_name = PLEX_NAMES[name]
        lock = f"{plex_name}.locked"
        parameters = {key: value for key, value in values.get(name, {}).items() if key != lock}
        was_locked = was_locked_then(held, plex_name)
        is_hidden = plex_name in behaviour.hidden_locks
        if parameters or is_hidden or was_locked != (plex_name in item.locked):
            fields[name] = {**parameters, lock: "1" if was_locked else "0"}
    if TITLE in written and SORTED_AS in held and _sort_title_differs(held, item, fields):
        # Plex ignores a sort title without a lock; `unlocking_edit` removes the lock afterwards.
        value = str(held[SORTED_AS] or held.get(TITLE, ""))
        fields[SORTED_AS] = {f"{SORT_TITLE}.value": value, f"{SORT_TITLE}.locked": "1"}
    return fields


def unlocking_edit(
    held: Original, fields: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """Return the edit to send after `restoring_edit`, which returned `fields`; empty for none."""
    if SORTED_AS not in fields or was_locked_then(held, SORT_TITLE):
        return {}
    return {SORTED_AS: {f"{SORT_TITLE}.locked": "0"}}


def _sort_title_differs(
    held: Original, item: PlexItem, fields: Mapping[str, Mapping[str, str]]
) -> bool:
    """Tell whether the sort title differs from the original, or will after restoring the title."""
    was_locked = was_locked_then(held, SORT_TITLE)
    if SORT_TITLE in item.locked and not was_locked:
        return item.sort_title in ("", held[SORTED_AS])
    if was_locked and SORT_TITLE not in item.locked:
        return True
    title_changes = f"{PLEX_NAMES[TITLE]}.value" in fields.get(TITLE, {})
    return item.sort_title != held[SORTED_AS] or (title_changes and bool(held[SORTED_AS]))


def was_locked_then(held: Original, plex_name: str) -> bool:
    """Tell whether a field (Plex's name) was locked originally."""
    return plex_name in held.get(LOCKED, [])


def other_image(images: Collection[PlexImage], sent: Collection[str]) -> PlexImage | None:
    """Return the first image that the plugin did not upload, given the SHA-1 of its uploads."""
    return next((image for image in images if image.key and not is_ours(image, sent)), None)


def is_ours(image: PlexImage, sent: Collection[str]) -> bool:
    """Tell whether the plugin uploaded this image; Plex names an upload by its SHA-1."""
    return image.key.startswith("upload://") and image.key.endswith(tuple(sent))


def _value(held: Original, name: str) -> Any:
    value = held.get(name)
    return tuple(value) if isinstance(value, list) else value

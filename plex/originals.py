"""What an item held before our first write, and the edit that puts it back. Pure functions."""

from collections.abc import Collection, Mapping
from dataclasses import replace

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
# Among what was kept stand under these names the kinds of images that are being put back, and those
# that were sent since.
RETURNING, UPLOADED = "returning", "uploaded"
Held = Mapping[str, str | list[str]]


def held_values(item: PlexItem) -> Values:
    """Return what is kept of an item before our first write: values, locks, and whose it was."""
    return {**current_values(item), FILES: list(item.files)}


def held_anew(held: Held, item: PlexItem, names: Collection[str]) -> Values:
    """Return what is kept of an item, with some fields (our names) and their locks as they are now.

    A field that is written for the first time long after the item was first seen may have been
    set by a person in between.
    """
    now = current_values(item)
    locked = _locked_anew(held, item, {PLEX_NAMES[name] for name in names})
    return {**held, **{name: now[name] for name in names}, LOCKED: locked}


def held_with_sort_title(held: Held, item: PlexItem) -> Values:
    """Return what is kept of an item before its sort title is first sent: as it is now."""
    if SORTED_AS in held:
        return dict(held)
    locked = _locked_anew(held, item, {SORT_TITLE})
    return {**held, SORTED_AS: item.sort_title, LOCKED: locked}


def held_before_upload(held: Held, item: PlexItem, kind: str, lock: str) -> Values:
    """Return what is kept of an item before it is first sent an image of a kind: its lock now.

    Args:
        held: what was kept of the item.
        item: as Plex has it now.
        kind: `poster` or `art`.
        lock: Plex's name of its lock.
    """
    uploaded = held.get(UPLOADED, [])
    if kind in uploaded:
        return dict(held)
    return {**held, LOCKED: _locked_anew(held, item, {lock}), UPLOADED: [*uploaded, kind]}


def _locked_anew(held: Held, item: PlexItem, plex_names: Collection[str]) -> list[str]:
    return sorted({*held.get(LOCKED, [])} - {*plex_names} | (item.locked & {*plex_names}))


def shares_a_file(held: Held, item: PlexItem) -> bool:
    """Tell whether the item has a file that it had then: a key may mean another video by now."""
    then = {folded_path(path) for path in held.get(FILES, [])}
    return any(folded_path(path) in then for path in item.files)


def restoring_edit(
    held: Held,
    item: PlexItem,
    written: Collection[str],
    sent_collections: Collection[str],
    behaviour: Behaviour = UNKNOWN,
) -> dict[str, dict[str, str]]:
    """Return the parameters, by field, that make an item show again what it held; none if it does.

    An empty value clears, except for the title, which Plex never shows empty; what was not kept, or
    never written by us, is left alone. Each lock becomes what it was. Collections are not put back
    but taken away: only those that we added.

    Args:
        held: what was kept of the item.
        item: as Plex has it now.
        written: the fields (our names) that we have sent, or may have.
        sent_collections: the collections that we last sent or may have, for whichever scene.
        behaviour: what is known about the server: a lock that never shows is set in any case.
    """
    values = _returning_values(held, item, sent_collections, behaviour)
    fields: dict[str, dict[str, str]] = {}
    for name, plex_name in PLEX_NAMES.items():
        lock = f"{plex_name}.locked"
        parameters = {key: value for key, value in values.get(name, {}).items() if key != lock}
        was_locked = was_locked_then(held, plex_name)
        ours = name in held and name in written
        is_hidden = plex_name in behaviour.hidden_locks
        if ours and (parameters or is_hidden or was_locked != (plex_name in item.locked)):
            fields[name] = {**parameters, lock: "1" if was_locked else "0"}
    if TITLE in written and SORTED_AS in held and _sort_title_differs(held, item, fields):
        # Without its lock Plex ignores a sort title: `unlocking_edit` takes the lock off again.
        value = str(held[SORTED_AS] or held.get(TITLE, ""))
        fields[SORTED_AS] = {f"{SORT_TITLE}.value": value, f"{SORT_TITLE}.locked": "1"}
    return fields


def _returning_values(
    held: Held, item: PlexItem, sent_collections: Collection[str], behaviour: Behaviour
) -> Mapping[str, Mapping[str, str]]:
    """Return the parameters, by field, that give an item the values that it held."""
    wanted = SceneMetadata(
        title=_text(held, "title"),
        studio=_text(held, "studio"),
        summary=_text(held, "summary"),
        date=_text(held, "date"),
        performers=_names(held, "performers"),
        tags=_names(held, "tags"),
        collections=(),
    )
    # Taken as locked everywhere, an item needs an edit only where its values differ.
    as_locked = replace(item, locked=frozenset(PLEX_NAMES.values()))
    sent: Values = {COLLECTIONS: list(sent_collections), DATE: item.date}
    spelling = Behaviour(removal_encoding=behaviour.removal_encoding)
    return edit_for(wanted, as_locked, sent, held, behaviour=spelling).fields


def unlocking_edit(
    held: Held, fields: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """Return the edit that has to follow `restoring_edit`; empty for none.

    Args:
        held: what was kept of the item.
        fields: what `restoring_edit` returned.
    """
    if SORTED_AS not in fields or was_locked_then(held, SORT_TITLE):
        return {}
    return {SORTED_AS: {f"{SORT_TITLE}.locked": "0"}}


def _sort_title_differs(
    held: Held, item: PlexItem, fields: Mapping[str, Mapping[str, str]]
) -> bool:
    """Tell whether the item sorts, or will sort once its title is back, by something else.

    What was sent as sort title is the title: another one that is locked is a person's.
    """
    was_locked = was_locked_then(held, SORT_TITLE)
    if SORT_TITLE in item.locked and not was_locked:
        return item.sort_title in ("", held[SORTED_AS])
    if was_locked and SORT_TITLE not in item.locked:
        return True
    title_changes = f"{PLEX_NAMES[TITLE]}.value" in fields.get(TITLE, {})
    return item.sort_title != held[SORTED_AS] or (title_changes and bool(held[SORTED_AS]))


def was_locked_then(held: Held, plex_name: str) -> bool:
    """Tell whether a field (Plex's name) was locked before our first write."""
    return plex_name in held.get(LOCKED, [])


def other_image(images: Collection[PlexImage], sent: Collection[str]) -> PlexImage | None:
    """Return the first image that is not one of ours.

    Args:
        images: those that the item has.
        sent: SHA-1 of the bytes that we uploaded.
    """
    return next((image for image in images if image.key and not is_ours(image, sent)), None)


def is_ours(image: PlexImage, sent: Collection[str]) -> bool:
    """Tell whether we uploaded this image; Plex names an upload by its content."""
    return image.key.startswith("upload://") and image.key.endswith(tuple(sent))


def _text(held: Held, name: str) -> str | None:
    value = held.get(name)
    return value if isinstance(value, str) else None


def _names(held: Held, name: str) -> tuple[str, ...] | None:
    value = held.get(name)
    return tuple(value) if isinstance(value, list) else None

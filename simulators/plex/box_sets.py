"""Collections as things of their own: made, renamed, filled and deleted explicitly.

Which collections an item is in is the item's tags; `Library.set_tags` keeps both in step.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from simulators.plex.answers import RefusedError
from simulators.plex.edits import Edit, changed_locks
from simulators.plex.library import Library
from simulators.plex.state import Collection, Item, Section

_URI = re.compile(r"server://[^/]+/com\.plexapp\.plugins\.library/library/metadata/([\d,]+)")
_EDITABLE = {
    "title": "title",
    "titleSort": "title_sort",
    "summary": "summary",
    "contentRating": "content_rating",
}


def items_of_uri(library: Library, uri: str) -> list[Item]:
    """Items that a `server://` address names.

    Raises:
        RefusedError: 400 if it is no such address, 404 if no item is known.
    """
    match = _URI.fullmatch(uri)
    if match is None:
        raise RefusedError(400)
    keys = [int(key) for key in match[1].split(",") if key]
    found = [library.items[key] for key in keys if key in library.items]
    if not found:
        raise RefusedError(404)
    return found


def create(library: Library, section: Section, title: str, items: Iterable[Item]) -> Collection:
    """Put the items into the collection of that title, which need not exist."""
    if not title:
        raise RefusedError(400)
    add(library, title, items)
    name = library.tags.tag("collection", title).name
    return section.collections[library.tags.fold(name)]


def add(library: Library, title: str, items: Iterable[Item]) -> None:
    """Add items to a collection."""
    for item in items:
        library.set_tags(item, "collection", (*item.collections, title))
        library.touch(item)


def remove(library: Library, collection: Collection, keys: Iterable[int]) -> None:
    """Take items out; the last one takes the collection with it."""
    for key in [key for key in keys if key in collection.children]:
        item = library.items[key]
        kept = [name for name in item.collections if name != collection.title]
        library.set_tags(item, "collection", kept)
        library.touch(item)


def delete(library: Library, collection: Collection) -> None:
    """Delete a collection; its items stay."""
    remove(library, collection, list(collection.children))


def edit_collection(library: Library, collection: Collection, edit: Edit) -> None:
    """The edit PUT for `type=18`.

    Raises:
        RefusedError: 409 if the title is another collection's; 400 for a field it does not have.
    """
    if edit.tags or not edit.values.keys() <= _EDITABLE.keys():
        raise RefusedError(400)
    values = {name: str(value) for name, value in edit.values.items()}
    if "title" in values:
        _rename(library, collection, values.pop("title"))
    for name, value in values.items():
        setattr(collection, _EDITABLE[name], value)
    collection.locks = changed_locks(collection.locks, edit.locks)
    library.touch(collection)


def _rename(library: Library, collection: Collection, title: str) -> None:
    known = collection.section.collections
    old = collection.title
    if known.get(library.tags.fold(title), collection) is not collection:
        raise RefusedError(409)
    if not title:
        raise RefusedError(400)
    tag = library.tags.tag("collection", old)
    library.tags.rename(tag, title)
    del known[library.tags.fold(old)]
    known[library.tags.fold(title)] = collection
    collection.title = title
    for key in collection.children:
        item = library.items[key]
        item.collections = tuple(title if name == old else name for name in item.collections)

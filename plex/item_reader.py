"""Reads many items with few requests, and isolates the items at which Plex fails."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from plex.exceptions import PlexTemporaryError
from plex.items import PlexItem

READ_BATCH = 50  # items per request; larger answers are heavy for a NAS

# Reads items by their rating keys with one request; missing items are left out.
Read = Callable[[Sequence[int]], Sequence[PlexItem]]


class ItemsRead(NamedTuple):
    """The result of reading items; an item in neither mapping does not exist."""

    found: dict[int, PlexItem]  # rating key → item
    # Rating key → error; Plex fails at this item but shows others.
    failed: dict[int, PlexTemporaryError]


def read_each(read: Read, rating_keys: Sequence[int], batch: int) -> ItemsRead:
    """Read items in batches; raise a `PlexError` if Plex fails at all of them.

    A batch at which Plex fails is halved until the failing item is alone. If Plex shows none of the
    items, Plex is at fault. Batches above `READ_BATCH` are also halved for a slow Plex.
    """
    result = ItemsRead({}, {})
    start, size = 0, batch
    while start < len(rating_keys):
        keys = rating_keys[start : start + size]
        try:
            _keep(result, read(keys))
        except PlexTemporaryError as error:
            if size > READ_BATCH and error.retry_after is None:
                size //= 2
                continue
            if not error.may_be_one_item:
                raise
            start += _read_around(read, keys, error, result)
            size = batch
        else:
            start += len(keys)
    return result


def _read_around(
    read: Read, keys: Sequence[int], error: PlexTemporaryError, result: ItemsRead
) -> int:
    """Read a batch up to the failing item; return how many items are done."""
    failing: int | None = 0
    if len(keys) > 1:
        if not _shows_any(read, (keys[-1], keys[0], keys[len(keys) // 2])):
            raise error
        failing = find_failing(lambda low, high: _keep(result, read(keys[low:high])), 0, len(keys))
    if failing is None:
        return len(keys)
    result.failed[keys[failing]] = error
    return failing + 1


def _shows_any(read: Read, keys: Sequence[int]) -> bool:
    for key in keys:
        try:
            read((key,))
        except PlexTemporaryError as error:
            if not error.may_be_one_item:
                raise
        else:
            return True
    return False


def _keep(result: ItemsRead, items: Sequence[PlexItem]) -> None:
    result.found.update((item.rating_key, item) for item in items)


def find_failing(read: Callable[[int, int], None], low: int, high: int) -> int | None:
    """Read a range, which failed as a whole, in halves; return the position of the failing item.

    All items before it have been read. None when every piece could be read. `read` reads and stores
    the items from a position up to, but without, another.
    """
    while low < high:
        middle = low + max(1, (high - low) // 2)
        try:
            read(low, middle)
        except PlexTemporaryError as error:
            if not error.may_be_one_item:
                raise
            if middle - low == 1:
                return low
            high = middle
        else:
            low = middle
    return None

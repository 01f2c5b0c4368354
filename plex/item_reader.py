"""Reads many items with few requests, and all the others when Plex fails at one of them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from plex.culprit import find_culprit
from plex.exceptions import PlexTemporaryError
from plex.items import PlexItem

READ_BATCH = 50  # items in one request: a heavy answer on a NAS, yet 1/50 request per scene

Read = Callable[[Sequence[int]], Sequence[PlexItem]]
"""Reads items by their rating keys with one request; those that do not exist are left out."""


class ItemsRead(NamedTuple):
    """What reading items came to; an item in neither mapping does not exist.

    Attributes:
        found: rating key → item.
        failed: rating key → why Plex could not show the item, although it showed others.
    """

    found: dict[int, PlexItem]
    failed: dict[int, PlexTemporaryError]


def read_each(read: Read, rating_keys: Sequence[int], batch: int) -> ItemsRead:
    """Read items in batches.

    A batch at which Plex fails is read in halves until the item at fault is alone. While Plex
    shows none of its items, Plex itself is at fault. Batches above `READ_BATCH` are halved for a
    Plex that is too slow for them.

    Raises:
        PlexError: Plex could not be asked, or failed at all of them.
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
    """Read a batch up to the item at which Plex fails; return how many items are done with."""
    culprit: int | None = 0
    if len(keys) > 1:
        if not _shows_any(read, (keys[-1], keys[0], keys[len(keys) // 2])):
            raise error
        culprit = find_culprit(lambda low, high: _keep(result, read(keys[low:high])), 0, len(keys))
    if culprit is None:
        return len(keys)
    result.failed[keys[culprit]] = error
    return culprit + 1


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

"""The search for the one item at which Plex fails whenever an answer contains it."""

from collections.abc import Callable

from plex.exceptions import PlexTemporaryError


def find_culprit(read: Callable[[int, int], None], low: int, high: int) -> int | None:
    """Read a range that could not be read at once in halves, up to the item that cannot be read.

    Args:
        read: reads the items from one position up to, and without, another one; it stores them.
        low: the first position.
        high: the position behind the last.

    Returns:
        The position of the first item that cannot be read: what lies before has been read, what
        lies behind has not. None when every piece could be read.

    Raises:
        PlexError: Plex failed for a reason that lies in no item.
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

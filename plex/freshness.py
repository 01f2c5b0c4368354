"""When the index of a library is fresh, and what it takes to make it so."""

from enum import Enum

from plex.listing import LISTING_PAGE
from plex.path_index import Listing

# Nobody knows all that raises Plex's change counters, so an unchanged one is believed for this long
# only.
TRUST_CHANGE_MARK = 600.0
# What was removed shows in a complete listing only, and so does a file that was moved without a new
# time stamp of its item: a library that changes is listed whole this often.
LISTING_AGE = 3600.0
LONGEST_LISTING_AGE = 86_400.0
SMALL = 2 * LISTING_PAGE  # items; what has changed takes two requests, as such a listing does


class Look(Enum):
    """What to ask of a library: nothing, what changed, or all of it."""

    NOTHING = "nothing"
    CHANGES = "changes"
    WHOLE = "whole"


def next_look(last: Listing | None, change_mark: str, now: float, *, whole: bool) -> Look:
    """Decide what to ask of a library that may have changed.

    Args:
        last: how it was known last; None when it never was listed.
        change_mark: what it says of itself now.
        now: seconds since the epoch; a clock that was set back makes everything old.
        whole: what was removed counts as well.
    """
    if last is None:
        return Look.WHOLE
    listing_age = now - last.listed_at
    if whole:
        fresh = change_mark == last.change_mark and 0 <= listing_age < TRUST_CHANGE_MARK
        return Look.NOTHING if fresh else Look.WHOLE
    if change_mark == last.looked_mark and 0 <= now - last.looked_at < TRUST_CHANGE_MARK:
        return Look.NOTHING
    allowed = LONGEST_LISTING_AGE if change_mark == last.change_mark else LISTING_AGE
    if last.items <= SMALL or not last.last_key or not 0 <= listing_age < allowed:
        return Look.WHOLE
    return Look.CHANGES

"""Stash's clock: time stamps as RFC 3339 text in the server's local offset."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

Seconds = Callable[[], float]
"""A source of the time of day in seconds since 1970."""


class StashClock:
    """Writes time stamps as Stash stores and prints them, in whole seconds of its local offset."""

    def __init__(self, now: Seconds = time.time, utc_offset: timedelta = timedelta()) -> None:
        self.now = now
        self.utc_offset = utc_offset

    def stamp(self) -> str:
        """Now, in whole seconds, as Stash stores `created_at` and `updated_at`."""
        return self.stamp_of(int(self.now()))

    def stamp_of(self, seconds: float) -> str:
        """The given time: `2026-01-31T12:00:00+02:00`, or `…Z` in UTC."""
        text = datetime.fromtimestamp(int(seconds), timezone(self.utc_offset)).isoformat()
        return text.removesuffix("+00:00") + "Z" * text.endswith("+00:00")


def unix_time(stamp: str) -> int:
    """Seconds since 1970 of a time stamp of Stash's."""
    return int(datetime.fromisoformat(stamp).timestamp())

"""Stash's clock: time stamps as RFC 3339 text in the server's local offset."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

Seconds = Callable[[], float]
"""A source of the time of day in seconds since 1970."""


class StashClock:
    """Writes time stamps as Stash stores and prints them.

    Args:
        now: seconds since 1970.
        utc_offset: the server's local offset; assign to `utc_offset` to move the server or to
            let daylight saving begin. Stamps already written keep the offset they have.
    """

    def __init__(self, now: Seconds = time.time, utc_offset: timedelta = timedelta()) -> None:
        self.now = now
        self.utc_offset = utc_offset

    def stamp(self) -> str:
        """Now, in whole seconds, as Stash stores `created_at` and `updated_at`."""
        return self.stamp_of(int(self.now()))

    def stamp_of(self, seconds: float) -> str:
        """The given time, in whole seconds: `2026-01-31T12:00:00+02:00`, or `…Z` in UTC."""
        return _rfc3339(self._local(int(seconds)).isoformat())

    def fine_stamp(self) -> str:
        """Now, with fractions of a second, as jobs carry it."""
        return _rfc3339(self._local(self.now()).isoformat(timespec="microseconds"))

    def _local(self, seconds: float) -> datetime:
        zone = timezone(self.utc_offset) if self.utc_offset else UTC
        return datetime.fromtimestamp(seconds, zone)


def unix_time(stamp: str) -> int:
    """Seconds since 1970 of a time stamp of Stash's."""
    return int(datetime.fromisoformat(stamp).timestamp())


def _rfc3339(text: str) -> str:
    return text[:-6] + "Z" if text.endswith("+00:00") else text

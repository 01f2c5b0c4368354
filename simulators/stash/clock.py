import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

Seconds = Callable[[], float]


class StashClock:
    def __init__(self, now: Seconds = time.time, utc_offset: timedelta = timedelta()) -> None:
        self.now = now
        self.utc_offset = utc_offset

    def stamp(self) -> str:
        return self.stamp_of(int(self.now()))

    def stamp_of(self, seconds: float) -> str:
        text = datetime.fromtimestamp(int(seconds), timezone(self.utc_offset)).isoformat()
        return text.removesuffix("+00:00") + "Z" * text.endswith("+00:00")


def unix_time(stamp: str) -> int:
    return int(datetime.fromisoformat(stamp).timestamp())

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

from validation.values import ValueProblem, entries

_DAY = 24 * 60
_TIME = r"([01]?\d|2[0-3]):([0-5]\d)"
_PERIOD = re.compile(rf"{_TIME}\s*-\s*{_TIME}", re.ASCII)


class QuietHours(NamedTuple):
    end: str
    seconds: float


def parse_quiet_hours(value: Any) -> str:
    usable = isinstance(value, str) and all(map(_PERIOD.fullmatch, entries(value)))
    periods = _periods(value) if usable else []
    if not usable or any(not 0 < _minutes_left(periods, begin) < _DAY for begin, _ in periods):
        raise ValueProblem(
            "times of the day as 19:00-23:30, separated by semicolons, but not the whole day"
        )
    return "; ".join(entries(value))


def quiet_hours(setting: str, now: float) -> QuietHours | None:
    if not setting:
        return None
    local = datetime.fromtimestamp(now, UTC).astimezone()
    minute = local.hour * 60 + local.minute
    minutes = _minutes_left(_periods(setting), minute)
    hour, end = divmod((minute + minutes) % _DAY, 60)
    return QuietHours(f"{hour:02}:{end:02}", minutes * 60.0 - local.second) if minutes else None


def _periods(text: str) -> list[tuple[int, int]]:
    times = (map(int, groups) for groups in _PERIOD.findall(text))
    return [(hour * 60 + minute, end * 60 + last) for hour, minute, end, last in times]


def _minutes_left(periods: list[tuple[int, int]], minute: int) -> int:
    """Return the minutes until quiet hours end, or 0 outside of quiet hours.

    If the periods cover the whole day, return at least 1440.
    """
    left = 0
    while left < _DAY:
        at = (minute + left) % _DAY
        ends = [
            (end - at) % _DAY
            for begin, end in periods
            if (at - begin) % _DAY < (end - begin) % _DAY
        ]
        if not ends:
            break
        left += max(ends)
    return left

"""Quiet hours in local time, also past midnight and while the clock changes."""

import time
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from validation.quiet_hours import quiet_hours

ZONE = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def _local_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", ZONE.key)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("setting", "now", "expected"),
    [
        ("", "12:00:00", None),
        ("19:00-23:30", "18:59:59", None),
        ("19:00-23:30", "19:00:00", ("23:30", 16_200.0)),
        ("19:00-23:30", "23:29:59", ("23:30", 1.0)),
        ("19:00-23:30", "23:30:00", None),
        ("22:00 - 6:00", "23:00:00", ("06:00", 25_200.0)),
        ("22:00-6:00", "05:00:00", ("06:00", 3_600.0)),
        ("7:00-8:00; 7:30-9:00; 9:00-9:15", "07:10:00", ("09:15", 7_500.0)),
        ("23:00-0:00", "23:59:00", ("00:00", 60.0)),
    ],
)
def test_the_end_is_that_of_all_periods_that_follow_each_other(
    setting: str, now: str, expected: tuple[str, float] | None
) -> None:
    moment = datetime.fromisoformat(f"2026-11-30 {now}").replace(tzinfo=ZONE)
    assert quiet_hours(setting, moment.timestamp()) == expected


def test_when_the_clock_is_put_back_an_hour_the_end_comes_an_hour_later() -> None:
    before = datetime(2026, 10, 25, 2, 30, tzinfo=ZONE)  # 02:30 comes twice

    ends = [quiet_hours("2:00-3:00", before.timestamp() + hour * 3600) for hour in range(3)]

    assert ends == [("03:00", 1800.0), ("03:00", 1800.0), None]

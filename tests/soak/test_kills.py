"""R2 with a small count; `make soak` runs the full one."""

import random

from simulators.rig import Rig
from tests.soak.kills import KillSoak


def test_no_kill_loses_reorders_or_doubles_an_edit(rig: Rig) -> None:
    report = KillSoak(rig, random.Random(7)).run(40)

    assert report.problems == []
    assert report.kills == 40
    assert report.worst <= 1
    assert report.fell["between claim and finish"] >= 0.6 * report.kills, str(report)

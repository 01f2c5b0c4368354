"""Acts 3 and 4: the whole library, and a burst of edits."""

import time
from collections import Counter

from simulators.plex import Kind
from tools.demo.goals import Arrivals
from tools.demo.layout import (
    INDENT,
    Line,
    Span,
    bar,
    bold,
    counted,
    cut,
    dim,
    dots,
    good,
    line,
    waits,
)
from tools.demo.script import BURST, BURST_EDIT
from tools.demo.stage import SYNC_ALL, Stage

_NOUNS: dict[Kind, str] = {
    "edit": "edit",
    "poster_upload": "poster",
    "art_upload": "background",
    "metadata": "read",
}


def whole_library(stage: Stage) -> None:
    """Run the task that syncs all scenes, and show them arrive.

    Raises:
        StuckError: a scene does not arrive.
    """
    screen, width, total = stage.screen, stage.screen.width, len(stage.ids)
    screen.heading(f"3  The task “{SYNC_ALL}”")
    goal = Arrivals(stage.rig, stage.ids, "The arrival of the whole library")
    begun, mark = time.monotonic(), stage.rig.plex.log.mark()
    task = stage.start_task(SYNC_ALL)

    def draw() -> list[Line]:
        done, seconds = len(goal.arrived), time.monotonic() - begun
        under_way = f", {len(goal.begun)} without their cover yet" if goal.begun else ""
        latest = "   ".join(stage.title(each) for each in goal.begun[-4:])
        return [
            line(INDENT, *bar(width - 4, done, len(goal.begun), total)),
            line(
                INDENT,
                bold(f"{done} of {total}"),
                f" in Plex{under_way} · {done / seconds:.0f} scenes/s · {seconds:.1f} s",
            ),
            line(INDENT, dim(cut(latest, width - 4))),
        ]

    stage.watch(goal, draw)
    screen.draw(draw()[:-1])
    result = stage.task_result(task)
    stage.settle()
    requests = stage.rig.plex.log.kinds(since=mark)
    screen.write(
        line(INDENT, f"The task took {result.seconds:.1f} s: {result.output}"),
        *_requests(requests, total),
    )
    screen.pause(1.0)


def burst(stage: Stage) -> None:
    """Edit many scenes at once, and show each on its way.

    Raises:
        StuckError: a scene does not arrive.
    """
    screen, ids = stage.screen, stage.ids[-BURST:]
    screen.heading(f"4  A burst: {len(ids)} scenes in one bulk edit")
    screen.write(
        line(INDENT, "All get another studio and other tags; Stash runs one hook for each.")
    )
    goal = Arrivals(stage.rig, ids, "The arrival of the bulk edit", edited=True)
    begun, saved_before, mark = time.monotonic(), len(stage.rig.stash.host.runs), _mark(stage)
    saving = stage.start_bulk_save(ids, BURST_EDIT)

    def draw() -> list[Line]:
        saved = len(stage.rig.stash.host.runs) - saved_before
        arrived = set(goal.arrived)
        return [
            *dots([_dot(each in arrived, n < saved) for n, each in enumerate(ids)], screen.width),
            line(
                INDENT,
                bold(f"{saved} saved, {len(arrived)} in Plex"),
                f" · {time.monotonic() - begun:.1f} s  ",
                *(dim("· before "), waits("○"), dim(" queued "), good("●"), dim(" synced")),
            ),
        ]

    stage.watch(goal, draw)
    seconds = stage.result(saving, "The bulk edit")
    screen.draw(draw())
    stage.settle()
    screen.write(
        line(
            INDENT,
            f"A save waited {_ms(sorted(seconds)[len(seconds) // 2])} (median), at most "
            f"{_ms(max(seconds))}; Plex got ",
            counted(len(stage.rig.plex.log.writes(since=mark)), "write") + ".",
        )
    )
    screen.pause(1.0)


def _dot(arrived: bool, saved: bool) -> Span:
    if arrived:
        return good("●")
    return waits("○") if saved else dim("·")


def _requests(requests: Counter[Kind], scenes: int) -> list[Line]:
    known = [counted(requests[kind], noun) for kind, noun in _NOUNS.items()]
    others = requests.total() - sum(requests[kind] for kind in _NOUNS)
    each = requests.total() / scenes
    return [
        line(
            INDENT,
            bold(f"{each:.2f} requests per scene"),
            dim(f": {', '.join([*known, counted(others, 'other')])}"),
        ),
    ]


def _mark(stage: Stage) -> int:
    return stage.rig.plex.log.mark()


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"

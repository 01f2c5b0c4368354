"""Acts 7 and 8: a second sync of everything, and the comparison of both libraries."""

from collections.abc import Sequence

from tools.demo.fields import FIELDS, OTHER, differing
from tools.demo.layout import INDENT, Line, bad, bar, bold, counted, dim, good, line
from tools.demo.stage import SYNC_ALL, Stage

AGREE = "Both libraries agree"
DIFFER = "The libraries differ"
_MOST_DIFFERENCES = 10


def second_sync(stage: Stage) -> None:
    """Run the task that syncs all scenes once more: nothing is to be sent.

    Raises:
        StuckError: the task fails, or its jobs do not end.
    """
    screen, log = stage.screen, stage.rig.plex.log
    screen.heading(f"7  “{SYNC_ALL}” once more")
    mark = log.mark()
    result = stage.task_result(stage.start_task(SYNC_ALL))
    stage.settle()
    writes, requests = len(log.writes(since=mark)), len(log.since(mark))
    told = good("✓ 0 writes") if not writes else bad(f"✗ {counted(writes, 'write')}")
    screen.write(
        line(INDENT, told, f" to Plex, {counted(requests, 'request')}, {result.seconds:.1f} s"),
        line(INDENT, dim(str(result.output))),
    )
    if writes:
        stage.faults.append(f"the second “{SYNC_ALL}” sent {writes} writes for nothing")
    screen.pause(1.0)


def comparison(stage: Stage) -> bool:
    """Compare both libraries, and tell whether they agree and every claim was true."""
    screen = stage.screen
    screen.heading("8  Both libraries, compared by simulators/oracle.py")
    verdict = stage.rig.verdict()
    by_field = differing(verdict)
    names = [*FIELDS, *([OTHER] if by_field[OTHER] else [])]
    screen.write(
        *(_row(name, len(by_field[name]), verdict.compared, screen.width) for name in names)
    )
    faults = list(stage.faults)
    if verdict.compared != len(stage.ids):
        faults.append(f"{verdict.compared} of {counted(len(stage.ids), 'scene')} were compared")
    if verdict.agree and not faults:
        screen.write(
            (),
            line(
                INDENT,
                good("✓ "),
                bold(f"{AGREE}: {verdict.compared} scenes, {len(FIELDS)} fields each."),
            ),
            _figures(stage),
        )
        return True
    told = AGREE if verdict.agree else DIFFER
    screen.write((), line(INDENT, bad(f"✗ {told}:" if verdict.differences else f"✗ {told}, but:")))
    screen.write(*_first([*faults, *verdict.differences]))
    return False


def _row(name: str, differ: int, compared: int, width: int) -> Line:
    agree = compared - differ
    return line(
        INDENT,
        bad("✗ ") if differ else good("✓ "),
        f"{name:11}",
        *bar(width - 34, agree, 0, max(1, compared)),
        f"  {agree} of {compared}",
    )


def _first(sentences: Sequence[str]) -> list[Line]:
    lines = [line(INDENT * 2, sentence) for sentence in sentences[:_MOST_DIFFERENCES]]
    more = len(sentences) - len(lines)
    return [*lines, line(INDENT * 2, dim(f"… and {more} more"))] if more > 0 else lines


def _figures(stage: Stage) -> Line:
    log, saves = stage.rig.plex.log, stage.saves
    most = counted(log.max_writes_in_flight, "write")
    return line(
        INDENT,
        dim(
            f"{len(saves)} saves, the slowest {max(saves) * 1000:.0f} ms · {len(log)} requests, "
            f"{most} at a time at most · {stage.screen.seconds:.0f} s"
        ),
    )

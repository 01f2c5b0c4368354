"""Acts 1 and 2: the two libraries, and one edit on its way from one to the other."""

import time

from simulators.plex import ItemState
from tools.demo.fields import FIELDS, shown
from tools.demo.goals import Arrivals, item_of
from tools.demo.layout import INDENT, Line, bold, counted, dim, fit, good, line, waits
from tools.demo.script import ONE_EDIT, make_library
from tools.demo.stage import Stage

_SAMPLES = 4
_NAMES = ("before", "queued", "synced")
BEFORE, QUEUED, SYNCED = range(3)


def two_libraries(stage: Stage, count: int) -> None:
    """Make both libraries, and show them side by side."""
    screen, stash = stage.screen, stage.rig.stash
    screen.heading("1  Two libraries, one of which knows nothing")
    stage.ids = make_library(stage.rig, count)
    scenes = stash.scenes()
    covers = sum(scene.cover is not None for scene in scenes)
    studios = len({scene.studio_id for scene in scenes})
    performers = len({each for scene in scenes for each in scene.performer_ids})
    tags = len({each for scene in scenes for each in scene.tag_ids})
    screen.write(
        line(
            INDENT,
            bold("Stash  "),
            f"{counted(count, 'scene')} · {counted(covers, 'cover')} · {studios} studios · "
            f"{performers} performers · {tags} tags",
        ),
        line(
            INDENT,
            bold("Plex   "),
            f"{len(stage.rig.plex.items())} items that know their file's name and nothing else",
        ),
        (),
    )
    half = (screen.width - 4) // 2
    screen.write(line(INDENT, dim(fit("in Stash", half)), dim("in Plex")))
    for scene_id in stage.ids[1 : 1 + _SAMPLES]:
        item = stage.rig.item_of(scene_id)
        screen.write(line(INDENT, fit(stage.title(scene_id), half), dim(item.title)))
    screen.pause(1.2)


class _OneEdit:
    """The table of one item: each field before the save, now, and when it arrived.

    Attributes:
        goal: that the item shows the scene.
        saved_at: when the save was begun, on the monotonic clock; None before.
    """

    def __init__(self, stage: Stage, scene_id: int) -> None:
        self.goal = Arrivals(stage.rig, [scene_id], "The arrival of the edit", edited=True)
        self.saved_at: float | None = None
        self._stage = stage
        self._scene_id = scene_id
        self._before = item_of(stage.rig, scene_id)
        self._arrived: dict[str, float] = {}

    def draw(self) -> list[Line]:
        """Return the table as of the goal's last look."""
        step = BEFORE
        if self.saved_at is not None:
            missing = self.goal.differing(self._scene_id)
            step = QUEUED if missing else SYNCED
            after = time.monotonic() - self.saved_at
            self._arrived |= dict.fromkeys(set(FIELDS) - missing - set(self._arrived), after)
        now = item_of(self._stage.rig, self._scene_id)
        return [_steps(step), *(self._row(field, now) for field in FIELDS)]

    def _row(self, field: str, now: ItemState) -> Line:
        width = (self._stage.screen.width - 29) // 5
        after = self._arrived.get(field)
        mark = dim("·") if self.saved_at is None else waits("○") if after is None else good("✓")
        return line(
            INDENT,
            mark,
            f" {field:11}",
            dim(fit(shown(self._before, field), width * 2) + " "),
            fit(shown(now, field), width * 3) + " ",
            dim("" if after is None else f"{after:7.3f} s"),
        )


def _steps(reached: int) -> Line:
    """Return the way of an edit, with the step that it has reached."""
    done = [dim(f"✓ {name}  ") for name in _NAMES[:reached]]
    here = good if reached == SYNCED else waits
    to_come = [dim(f"○ {name}  ") for name in _NAMES[reached + 1 :]]
    return line(INDENT, *done, here(f"● {_NAMES[reached]}  "), *to_come)


def one_edit(stage: Stage) -> None:
    """Save one scene in Stash, and show its item in Plex until it shows the same.

    Raises:
        StuckError: a field does not arrive.
    """
    screen, scene_id = stage.screen, stage.ids[0]
    screen.heading("2  One edit, field by field")
    table = _OneEdit(stage, scene_id)
    screen.write(line(INDENT, f"“{stage.title(scene_id)}” is edited and saved in Stash."))
    screen.draw(table.draw())
    screen.pause(1.5)
    table.saved_at = time.monotonic()
    seconds = stage.save(scene_id, **ONE_EDIT)
    table.goal.left()
    screen.draw(table.draw())
    jobs = counted(sum(stage.waiting().values()), "job")
    worker = "".join(f"; worker {pid} is on its way" for pid in stage.rig.worker_pids())
    screen.write(
        line(
            INDENT,
            "The save waited ",
            bold(f"{seconds * 1000:.0f} ms"),
            f" for the plugin: {jobs} queued{worker}.",
        )
    )
    stage.watch(table.goal, table.draw, every_change=True)
    stage.settle()
    screen.pause(1.2)

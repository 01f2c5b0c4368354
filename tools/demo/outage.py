"""Acts 5 and 6: Plex goes away while people go on editing, and comes back."""

import time
from collections.abc import Callable, Sequence

from tools.demo.goals import Arrivals, WorkerSays
from tools.demo.layout import INDENT, Line, bad, bold, counted, dim, fit, good, line, waits
from tools.demo.script import EDITS_BEFORE_KILL, OUTAGE_EDITS, OUTAGE_SCENES, outage_ids
from tools.demo.stage import Stage, StuckError


def outage(stage: Stage) -> Arrivals:
    """Stop Plex, save edits, kill the worker among them; return what is to arrive later.

    Raises:
        StuckError: a job was lost, or no worker runs.
    """
    screen, ids = stage.screen, outage_ids(stage.ids)
    screen.heading("5  Plex goes away, the editing goes on")
    goal = Arrivals(stage.rig, ids, "The arrival of the outage's edits", edited=True)
    stage.rig.plex.stop()
    screen.write(
        line(INDENT, bad("✗ Plex has stopped: "), f"nothing answers at {stage.rig.plex.url}")
    )
    known = len(stage.rig.worker_log())
    _save(stage, 0, ids)
    notice = WorkerSays(stage.rig, "The worker's notice of the outage", "WARNING", known)
    stage.watch(notice)
    screen.write(line(INDENT, "The worker says: ", dim(notice.words.removeprefix("WARNING "))))
    for number in range(1, EDITS_BEFORE_KILL):
        _save(stage, number, ids)
    _replace_worker(stage, lambda: _save(stage, EDITS_BEFORE_KILL, ids))
    for number in range(EDITS_BEFORE_KILL + 1, len(OUTAGE_EDITS)):
        _save(stage, number, ids)
    _check_nothing_is_lost(stage, goal, ids)
    screen.pause(1.0)
    return goal


def recovery(stage: Stage, goal: Arrivals) -> None:
    """Start Plex again, and show the waiting edits arrive.

    Raises:
        StuckError: one does not.
    """
    screen, ids = stage.screen, outage_ids(stage.ids)
    screen.heading("6  Plex is back, and nobody does anything")
    begun = time.monotonic()
    stage.rig.plex.start()
    arrived: dict[int, float] = {}

    def draw() -> list[Line]:
        seconds = time.monotonic() - begun
        for scene_id in goal.arrived:
            arrived.setdefault(scene_id, seconds)
        rows = [_recovering(stage, each, place, arrived) for place, each in enumerate(ids)]
        state = good("● Plex answers") if arrived else waits("● the worker looks from time to time")
        return [line(INDENT, state, dim(f"   {seconds:.1f} s")), *rows]

    stage.watch(goal, draw, every_change=True)
    stage.settle()
    screen.write(
        line(
            INDENT,
            bold(f"{len(ids)} of {len(ids)} recovered {max(arrived.values()):.1f} s"),
            " after Plex came back, without a task or another edit.",
        )
    )
    screen.pause(1.0)


def _save(stage: Stage, number: int, ids: Sequence[int]) -> None:
    edit = OUTAGE_EDITS[number]
    scene_id = ids[edit.scene]
    title = stage.title(scene_id)
    seconds = stage.save(scene_id, **edit.changes)
    jobs = sum(stage.waiting().values())
    width = stage.screen.width - 50
    stage.screen.write(
        line(
            INDENT,
            dim(f"{number + 1:2} "),
            fit(title, width) + " ",
            fit(edit.what, 16),
            dim(f"{seconds * 1000:4.0f} ms  "),
            waits("●" * jobs),
            dim(f" {jobs} queued"),
        )
    )
    stage.screen.pause(0.2)


def _replace_worker(stage: Stage, save: Callable[[], None]) -> None:
    """Kill the worker; the next save is to start another one."""
    killed = stage.kill_worker()
    if not killed:
        raise StuckError("No worker was running in the outage")
    jobs = counted(sum(stage.waiting().values()), "job")
    stage.screen.write(
        line(INDENT, bad(f"✗ kill -9 {killed[0]}: "), f"the worker is dead, {jobs} on disk")
    )
    known = len(stage.rig.worker_log())
    save()
    started = stage.rig.worker_pids()
    if not started:
        raise StuckError("The save after the worker's death has started no other worker")
    stage.watch(WorkerSays(stage.rig, "The start of another worker", str(started[0]), known))
    stage.screen.write(line(INDENT, good(f"✓ that save has started worker {started[0]}")))


def _check_nothing_is_lost(stage: Stage, goal: Arrivals, ids: Sequence[int]) -> None:
    waiting, dead = stage.waiting(), stage.dead_letters()
    lost = sorted(set(ids) - set(waiting))
    if lost or dead:
        details = [f"scene {each} has no job" for each in lost]
        raise StuckError(f"Jobs were lost in the outage ({dead} dead letters)", details)
    goal.left()
    stage.screen.write(
        line(
            INDENT,
            bold(f"{len(OUTAGE_EDITS)} edits of {OUTAGE_SCENES} scenes: "),
            waits(f"{waiting.total()} jobs wait"),
            f", {len(goal.arrived)} in Plex, {len(lost)} lost, {counted(dead, 'dead letter')}",
        )
    )


def _recovering(stage: Stage, scene_id: int, place: int, arrived: dict[int, float]) -> Line:
    edits = [edit.what for edit in OUTAGE_EDITS if edit.scene == place]
    told = f" {len(edits)} edits: {', '.join(edits)}" if len(edits) > 1 else f" {edits[0]}"
    width = stage.screen.width - 14
    since = arrived.get(scene_id)
    return line(
        INDENT,
        waits("○") if since is None else good("✓"),
        " " + fit(stage.title(scene_id), width // 2),
        dim(fit(told, width - width // 2)),
        dim("" if since is None else f"{since:6.1f} s"),
    )

"""The acts of the demo in the order of the play, and the edits that they make."""

import time
from collections import Counter
from typing import Any

from simulators.plex.snapshot import item_state
from simulators.rig import png
from simulators.stash import SceneFields
from tools.demo.screen import bad, bar, bold, dim, fit, good, waits
from tools.demo.stage import PATIENCE, SYNC_ALL, Arrivals, Stage, StuckError

BURST = 50  # scenes in the bulk edit, if there are as many
ONE_EDIT: SceneFields = {
    "title": "The Lighthouse at 50% Speed",
    "studio": "Blue Hour Films",
    "details": "A keeper, a storm & a radio.\n\nNobody answers.",
    "date": "2024-02-29",
    "performers": ["Ada Berg", "Zoë O'Hara"],
    "tags": ["Archive", "Night, rain", "One take"],
}
BURST_EDIT: SceneFields = {
    "studio": "Lantern House",
    "tags": ["Festival 2026", "Night, rain", "東京"],
}
OUTAGE_SCENES = 8
# One save each while Plex is away: which of the scenes, in words, and the changes.
OUTAGE_EDITS: tuple[tuple[int, str, SceneFields], ...] = (
    (0, "title", {"title": "First Draft of a Title"}),
    (1, "a new performer", {"performers": ["Nora Vale", "Kim Park"]}),
    (2, "a new tag", {"tags": ["Aurora", "Handheld"]}),
    (3, "a new studio", {"studio": "Salt & Copper"}),
    (4, "date", {"date": "1999-12-31"}),
    (0, "summary", {"details": "Written while Plex was away."}),
    (5, "cover", {"cover": png(0xC0FFEE)}),
    (6, "all tags removed", {"tags": []}),
    (0, "title again", {"title": "Second Draft of a Title"}),
    (7, "studio removed", {"studio": None}),
    (1, "title", {"title": "Nora, in Passing"}),
    (0, "title once more", {"title": "Final Title, Really"}),
)
EDITS_BEFORE_KILL = 6  # the worker is killed after these
AGREE = "Both libraries agree"
# The fields that the tables show: the key of the item, and how the oracle's sentences begin.
FIELDS = {
    "title": ("title", "title is"),
    "studio": ("studio", "studio is"),
    "summary": ("summary", "summary is"),
    "date": ("originally_available_at", "originally_available_at is"),
    "actors": ("actors", "actors is"),
    "genres": ("genres", "genres is"),
    "collection": ("collections", "it is not in the collection"),
    "poster": ("poster", "the poster is"),
    "art": ("art", "the art is"),
    "locks": ("locks", "not locked"),
}
FEWEST_SCENES = 1 + OUTAGE_SCENES


def two_libraries(stage: Stage, count: int) -> None:
    """Make both libraries."""
    stage.screen.heading("1  Two libraries, one of which knows nothing")
    stage.ids = stage.rig.add_library(count)
    stage.screen.write(
        f"{bold('Stash')}  {count} scenes with studios, performers, tags and covers",
        f"{bold('Plex')}   {len(stage.rig.plex.items())} items that know only their file's name",
    )


def one_edit(stage: Stage) -> None:
    """Save one scene in Stash, and show each field of its item until it arrives."""
    screen, scene_id = stage.screen, stage.ids[0]
    screen.heading("2  One edit, field by field")
    before, goal = _shown(stage, scene_id), Arrivals(stage.rig, [scene_id])
    after: dict[str, float] = {}
    begun = time.monotonic()
    width = (screen.width - 30) // 5

    def draw() -> list[str]:
        now = _shown(stage, scene_id)
        for field in FIELDS.keys() - {_field_of(text) for text in goal.differences[scene_id]}:
            after.setdefault(field, time.monotonic() - begun)
        return [
            f"{good('✓') if field in after else waits('○')} {field:11}"
            f"{dim(fit(before[field], width * 2))} {fit(now[field], width * 3)} "
            f"{dim(f'{after[field]:6.1f} s') if field in after else ''}"
            for field in FIELDS
        ]

    seconds = stage.save(scene_id, **ONE_EDIT)
    screen.write(
        f"“{before['title']}” is edited in Stash. The save waited "
        f"{bold(f'{seconds * 1000:.0f} ms')} for the plugin."
    )
    stage.watch("The arrival of the edit", goal.look, draw)
    stage.settle()


def _shown(stage: Stage, scene_id: int) -> dict[str, str]:
    """Return the fields of a scene's item as text."""
    with stage.rig.plex.changed:
        item: dict[str, Any] = {**item_state(stage.rig.item_of(scene_id))}
    item["actors"] = [actor["name"] for actor in item["actors"]]
    values = {field: item[key] for field, (key, _) in FIELDS.items()}
    return {
        field: (value if isinstance(value, str) else ", ".join(value or ())) or "-"
        for field, value in values.items()
    }


def _field_of(difference: str) -> str:
    """Return the field that a sentence of the oracle is about."""
    return next((name for name, (_, start) in FIELDS.items() if difference.startswith(start)), "")


def whole_library(stage: Stage) -> None:
    """Run the task that syncs all scenes, and show them arrive."""
    screen, total = stage.screen, len(stage.ids)
    screen.heading(f"3  The task “{SYNC_ALL}”")
    goal = Arrivals(stage.rig, stage.ids, edited=False)
    begun, mark = time.monotonic(), stage.rig.plex.log.mark()
    task = stage.start_task()

    def draw() -> list[str]:
        done, seconds = len(goal.arrived), time.monotonic() - begun
        return [
            bar(screen.width - 4, done, total),
            f"{bold(f'{done} of {total}')} in Plex · {done / seconds:.0f}/s · {seconds:.1f} s",
        ]

    stage.watch("The arrival of the whole library", goal.look, draw)
    result = stage.task_result(task)
    requests = stage.rig.plex.log.kinds(since=mark)
    kinds = ", ".join(f"{count} {kind}" for kind, count in requests.most_common(4))
    screen.write(
        f"The task took {result.seconds:.1f} s: {result.output}",
        bold(f"{requests.total() / total:.2f} requests per scene") + dim(f": {kinds} …"),
    )


def burst(stage: Stage) -> None:
    """Edit many scenes at once, and show each on its way."""
    screen, ids = stage.screen, stage.ids[-BURST:]
    screen.heading(f"4  A burst: {len(ids)} scenes in one bulk edit, one hook for each")
    goal = Arrivals(stage.rig, ids)
    begun, saved_before = time.monotonic(), len(stage.rig.stash.host.runs)
    saving = stage.start_bulk_save(ids, BURST_EDIT)

    def draw() -> list[str]:
        saved, arrived = len(stage.rig.stash.host.runs) - saved_before, set(goal.arrived)
        dots = (
            good("●") if scene_id in arrived else waits("○") if number < saved else dim("·")
            for number, scene_id in enumerate(ids)
        )
        return [
            "".join(dots),
            f"{bold(f'{saved} saved, {len(arrived)} in Plex')} · {time.monotonic() - begun:.1f} s  "
            f"{dim('· before ')}{waits('○')}{dim(' queued ')}{good('●')}{dim(' synced')}",
        ]

    stage.watch("The arrival of the bulk edit", goal.look, draw)
    seconds = saving.result(PATIENCE)
    stage.settle()
    screen.write(f"A save waited at most {max(seconds) * 1000:.0f} ms.")


def outage(stage: Stage) -> Arrivals:
    """Stop Plex, save edits, kill the worker among them; return what is to arrive later."""
    screen, ids = stage.screen, stage.ids[1 : 1 + OUTAGE_SCENES]
    screen.heading("5  Plex goes away, the editing goes on")
    goal = Arrivals(stage.rig, ids)
    stage.rig.plex.stop()
    screen.write(f"{bad('✗ Plex has stopped:')} nothing answers at {stage.rig.plex.url}")
    for number, (place, what, changes) in enumerate(OUTAGE_EDITS):
        if number == EDITS_BEFORE_KILL:
            screen.write(bad(f"✗ kill -9 {stage.rig.worker_pids()}: the jobs are on disk"))
            stage.rig.stop_worker()
        title, scene_id = stage.title(ids[place]), ids[place]
        seconds = stage.save(scene_id, **changes)
        screen.write(
            f"{dim(f'{number + 1:2}')} {fit(title, screen.width - 50)} {fit(what, 16)}"
            f"{seconds * 1000:4.0f} ms  {waits('●' * stage.rig.queued())}"
        )
        if number == EDITS_BEFORE_KILL:
            started = stage.rig.worker_pids()
            if not started:
                raise StuckError("The save after the worker's death has started no other worker")
            screen.write(good(f"✓ that save has started worker {started[0]}"))
        screen.pause(0.2)
    return goal


def recovery(stage: Stage, goal: Arrivals) -> None:
    """Start Plex again, and show the waiting edits arrive."""
    screen, ids = stage.screen, list(goal.differences)
    screen.heading("6  Plex is back, and nobody does anything")
    begun = time.monotonic()
    stage.rig.plex.start()
    after: dict[int, float] = {}
    half = (screen.width - 12) // 2
    edits = {
        each: ", ".join(what for place, what, _ in OUTAGE_EDITS if ids[place] == each)
        for each in ids
    }

    def draw() -> list[str]:
        for scene_id in goal.arrived:
            after.setdefault(scene_id, time.monotonic() - begun)
        return [
            f"{good('✓') if each in after else waits('○')} {fit(stage.title(each), half)}"
            f"{dim(fit(edits[each], half))}"
            f"{dim(f'{after[each]:5.1f} s') if each in after else ''}"
            for each in ids
        ]

    stage.watch("The arrival of the outage's edits", goal.look, draw)
    stage.settle()
    with stage.rig.database() as database:
        dead = database.execute("SELECT COUNT(*) FROM dead_letters").fetchone()[0]
    if dead:
        raise StuckError(f"The outage left {dead} dead letters")
    screen.write(
        bold(f"{len(OUTAGE_EDITS)} edits of {len(ids)} scenes: 0 lost, 0 dead letters, ")
        + f"in Plex {max(after.values()):.1f} s after its return, without a task or another edit."
    )


def second_sync(stage: Stage) -> list[str]:
    """Run the task that syncs all scenes once more; return faults, as nothing is to be sent."""
    stage.screen.heading(f"7  “{SYNC_ALL}” once more")
    log = stage.rig.plex.log
    mark = log.mark()
    result = stage.task_result(stage.start_task())
    writes, requests = len(log.writes(since=mark)), len(log.since(mark))
    stage.screen.write(
        f"{(bad if writes else good)(f'{writes} writes')} to Plex, {requests} requests, "
        f"{result.seconds:.1f} s",
        dim(str(result.output)),
    )
    return [f"the second “{SYNC_ALL}” sent {writes} writes for nothing"] if writes else []


def comparison(stage: Stage, faults: list[str]) -> bool:
    """Compare both libraries; return whether they agree and no fault was found before."""
    screen, log = stage.screen, stage.rig.plex.log
    screen.heading("8  Both libraries, compared by simulators/oracle.py")
    verdict = stage.rig.verdict()
    texts = [text.partition(": ")[2] for text in verdict.differences]
    differ = Counter(map(_field_of, texts))
    for name in FIELDS:
        agreeing = verdict.compared - differ[name]
        mark = bad("✗") if differ[name] else good("✓")
        progress = bar(screen.width - 34, agreeing, max(1, verdict.compared))
        screen.write(f"{mark} {name:11}{progress}  {agreeing} of {verdict.compared}")
    problems = [*faults, *verdict.differences]
    if verdict.compared == len(stage.ids) and not problems:
        screen.write(
            "",
            good("✓ ") + bold(f"{AGREE}: {verdict.compared} scenes, {len(FIELDS)} fields each."),
            dim(
                f"{len(stage.saves)} saves, the slowest {max(stage.saves) * 1000:.0f} ms · "
                f"{len(log)} requests, {log.max_writes_in_flight} writes at a time at most · "
                f"{screen.seconds:.0f} s"
            ),
        )
        return True
    screen.write(
        bad(f"✗ {verdict.compared} of {len(stage.ids)} scenes compared, {len(problems)} problems:"),
        *problems[:10],
    )
    return False

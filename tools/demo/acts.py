"""Show how edits in Stash reach Plex before, during and after an outage of Plex."""

import time
from collections import Counter
from typing import Any

from simulators.plex.snapshot import item_state
from simulators.rig import PLUGIN, png
from simulators.stash import SceneFields
from tools.demo.screen import bad, bar, bold, dim, fit, good, waits
from tools.demo.stage import PATIENCE, Differences, Stage, StuckError

BURST = 50
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
OUTAGE_EDITS: tuple[tuple[int, str, SceneFields], ...] = (
    (0, "title", {"title": "First Draft of a Title"}),
    (1, "a new performer", {"performers": ["Nora Vale", "Kim Park"]}),
    (2, "a new tag", {"tags": ["Aurora", "Handheld"]}),
    (3, "a new studio", {"studio": "Salt & Copper"}),
    (4, "date", {"date": "1999-12-31"}),
    (0, "summary", {"details": "Written while Plex was down."}),
    (5, "cover", {"cover": png(0xC0FFEE)}),
    (6, "all tags removed", {"tags": []}),
    (0, "title again", {"title": "Second Draft of a Title"}),
    (7, "studio removed", {"studio": None}),
    (1, "title", {"title": "Nora, in Passing"}),
    (0, "title once more", {"title": "Final Title, Really"}),
)
OUTAGE_SCENES = 8
EDITS_BEFORE_KILL = 6
FEWEST_SCENES = 1 + OUTAGE_SCENES
AGREE = "Both libraries agree"
SYNC_ALL = "Sync All Scenes to Plex"
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


def play(stage: Stage, scenes: int) -> bool:
    _two_libraries(stage, scenes)
    _one_edit(stage)
    _sync_all(stage, f"3  The task “{SYNC_ALL}”")
    _burst(stage)
    _outage(stage)
    _recovery(stage)
    writes = _sync_all(stage, f"7  “{SYNC_ALL}” once more")
    return _comparison(stage, [f"The second “{SYNC_ALL}” sent {writes} writes"] if writes else [])


def _two_libraries(stage: Stage, count: int) -> None:
    stage.screen.heading("1  Two libraries, and Plex has no metadata yet")
    stage.ids = stage.rig.add_library(count)
    stage.screen.write(
        f"{bold('Stash')}  {count} scenes with studios, performers, tags and covers",
        f"{bold('Plex')}   {len(stage.rig.plex.items())} items with nothing but a file name",
    )


def _one_edit(stage: Stage) -> None:
    screen, scene_id = stage.screen, stage.ids[0]
    screen.heading("2  One edit, field by field")
    before, begun = _shown(stage, scene_id), time.monotonic()
    after: dict[str, float] = {}
    width = (screen.width - 30) // 5

    def draw(found: Differences) -> list[str]:
        now = _shown(stage, scene_id)
        for field in FIELDS.keys() - set(map(_field_of, found[scene_id])):
            after.setdefault(field, time.monotonic() - begun)
        return [
            f"{good('✓') if field in after else waits('○')} {field:11}"
            f"{dim(fit(before[field], width * 2))} {fit(now[field], width * 3)} "
            f"{dim(f'{after[field]:6.1f} s') if field in after else ''}"
            for field in FIELDS
        ]

    waited = bold(f"{stage.save(scene_id, **ONE_EDIT) * 1000:.0f} ms")
    screen.write(f"“{before['title']}” is edited in Stash. The save waited {waited}.")
    stage.watch(lambda: stage.differences([scene_id]), draw)


def _shown(stage: Stage, scene_id: int) -> dict[str, str]:
    with stage.rig.plex.changed:
        item: dict[str, Any] = {**item_state(stage.rig.item_of(scene_id))}
    item["actors"] = [actor["name"] for actor in item["actors"]]
    values = {field: item[key] or "-" for field, (key, _) in FIELDS.items()}
    return {
        field: value if isinstance(value, str) else ", ".join(value)
        for field, value in values.items()
    }


def _field_of(difference: str) -> str:
    return next((name for name, (_, start) in FIELDS.items() if difference.startswith(start)), "")


def _sync_all(stage: Stage, heading: str) -> int:
    screen, total, log = stage.screen, len(stage.ids), stage.rig.plex.log
    screen.heading(heading)
    begun, mark = time.monotonic(), log.mark()
    task = stage.background.submit(stage.rig.stash.run_task_to_end, PLUGIN, SYNC_ALL)

    def draw(found: Differences) -> list[str]:
        done, seconds = list(found.values()).count([]), time.monotonic() - begun
        rate = f" · {done / seconds:.0f}/s" if seconds > 1 else ""
        text = f"{bold(f'{done} of {total}')} in Plex{rate} · {seconds:.1f} s"
        return [bar(screen.width - 4, done, total), text]

    stage.watch(lambda: stage.differences(stage.ids), draw)
    result = task.result(PATIENCE)
    if result.error is not None:
        raise StuckError(f"The task failed: {result.error}")
    requests, writes = log.kinds(since=mark), len(log.writes(since=mark))
    kinds = ", ".join(f"{count} {kind}" for kind, count in requests.most_common(4))
    screen.write(
        f"The task took {result.seconds:.1f} s: {result.output}",
        bold(f"{writes} writes to Plex, {requests.total() / total:.2f} requests per scene")
        + dim(f": {kinds} …"),
    )
    return writes


def _burst(stage: Stage) -> None:
    screen, ids, runs = stage.screen, stage.ids[-BURST:], stage.rig.stash.host.runs
    screen.heading(f"4  A burst: {len(ids)} scenes in one bulk edit, one hook for each")
    begun, runs_before, saved = time.monotonic(), len(runs), 0
    saving = stage.background.submit(stage.save_all, ids, BURST_EDIT)

    def compare() -> Differences:
        nonlocal saved
        saved = len(runs) - runs_before
        unsaved = {scene_id: ["it is not saved yet"] for scene_id in ids[saved:]}
        return stage.differences(ids) | unsaved

    def draw(found: Differences) -> list[str]:
        dots = (
            good("●") if not found[scene_id] else waits("○") if number < saved else dim("·")
            for number, scene_id in enumerate(ids)
        )
        counts = f"{saved} saved, {list(found.values()).count([])} in Plex"
        return [
            "".join(dots),
            f"{bold(counts)} · {time.monotonic() - begun:.1f} s  "
            f"{dim('· before ')}{waits('○')}{dim(' queued ')}{good('●')}{dim(' synced')}",
        ]

    stage.watch(compare, draw)
    seconds = saving.result(PATIENCE)
    screen.write(f"A save waited at most {max(seconds) * 1000:.0f} ms.")


def _outage(stage: Stage) -> None:
    rig, screen, ids = stage.rig, stage.screen, stage.ids[1 : 1 + OUTAGE_SCENES]
    screen.heading("5  Plex goes down, and editing continues")
    rig.plex.stop()
    screen.write(f"{bad('✗ Plex has stopped:')} nothing answers at {rig.plex.url}")
    for number, (place, name, changes) in enumerate(OUTAGE_EDITS):
        if number == EDITS_BEFORE_KILL:
            screen.write(bad(f"✗ kill -9 {rig.worker_pids()}: the jobs are on disk"))
            rig.stop_worker()
        title, seconds = stage.title(ids[place]), stage.save(ids[place], **changes)
        screen.write(
            f"{dim(f'{number + 1:2}')} {fit(title, screen.width - 50)} {fit(name, 16)}"
            f"{seconds * 1000:4.0f} ms  {waits('●' * rig.queued())}"
        )
        if number == EDITS_BEFORE_KILL:
            started = rig.worker_pids()
            if not started:
                raise StuckError("The save after the worker's death has started no other worker")
            screen.write(good(f"✓ that save has started worker {started[0]}"))
        screen.pause(0.2)


def _recovery(stage: Stage) -> None:
    screen, ids = stage.screen, stage.ids[1 : 1 + OUTAGE_SCENES]
    screen.heading("6  Plex is back, and the edits arrive without a click")
    begun = time.monotonic()
    stage.rig.plex.start()
    after: dict[int, float] = {}
    half = (screen.width - 12) // 2
    edits = [
        ", ".join(name for place, name, _ in OUTAGE_EDITS if place == index)
        for index in range(len(ids))
    ]

    def draw(found: Differences) -> list[str]:
        for scene_id in (scene_id for scene_id in ids if not found[scene_id]):
            after.setdefault(scene_id, time.monotonic() - begun)
        return [
            f"{good('✓') if scene_id in after else waits('○')} {fit(stage.title(scene_id), half)}"
            f"{dim(fit(edit, half))}{dim(f'{after[scene_id]:5.1f} s') if scene_id in after else ''}"
            for scene_id, edit in zip(ids, edits, strict=True)
        ]

    stage.watch(lambda: stage.differences(ids), draw)
    with stage.rig.database() as database:
        dead = database.execute("SELECT COUNT(*) FROM dead_letters").fetchone()[0]
    screen.write(
        bold(f"{len(OUTAGE_EDITS)} edits of {len(ids)} scenes: 0 lost, {dead} dead letters, ")
        + f"in Plex {max(after.values()):.1f} s after its return, without a task or another edit."
    )


def _comparison(stage: Stage, faults: list[str]) -> bool:
    screen = stage.screen
    screen.heading("8  Both libraries, compared by simulators/oracle.py")
    verdict = stage.rig.verdict()
    compared, problems = verdict.compared, [*faults, *verdict.differences]
    differ = Counter(_field_of(text.partition(": ")[2]) for text in verdict.differences)
    for name in FIELDS:
        agreeing = compared - differ[name]
        progress = bar(screen.width - 34, agreeing, max(1, compared))
        mark = bad("✗") if differ[name] else good("✓")
        screen.write(f"{mark} {name:11}{progress}  {agreeing} of {compared}")
    if problems or compared < len(stage.ids):
        summary = f"✗ {compared} of {len(stage.ids)} scenes compared, {len(problems)} problems:"
        screen.write(bad(summary), *problems[:10])
        return False
    screen.write(
        "",
        good("✓ ") + bold(f"{AGREE}: {compared} scenes, {len(FIELDS)} fields each."),
        dim(
            f"{len(stage.saves)} saves, the slowest {max(stage.saves) * 1000:.0f} ms · "
            f"{len(stage.rig.plex.log)} requests to Plex · {screen.seconds:.0f} s"
        ),
    )
    return True

"""`obfuscate_paths`: after a day on which much went wrong, no log holds a path or a title."""

import re
from collections.abc import Iterator
from typing import Any

from app import main
from simulators.rig import Rig
from simulators.tuning import Tuning
from tasks.sync import process_queue
from tests.conftest import MakeRig
from tests.e2e.test_outages import quicken
from validation.pseudonyms import pseudonym, pseudonym_of_path
from worker.sync import item_finder

ROOT = "/media/Zanzibar Films, Inc"
PLEX_ROOT = "/plexdata/Quixotic; old"
# Every word of the paths and titles of this test, and no word of the plugin's own.
CANARY = re.compile(
    r"zanzibar|quixotic|umbrella|xylophone|wombat|yonder|vexing|rhubarb|kumquat|walrus|gazebo",
    re.IGNORECASE,
)
TASKS = (
    "all", "queue_status", "check_paths", "preview_sync", "outage_summary", "health_check",
    "reconcile_all", "process_queue", "restore_values", "recover_outage_jobs",
)  # fmt: skip


def texts(rig: Rig) -> Iterator[str]:
    """All that people and their helpers get to see: logs, answers, messages of dead letters."""
    for run in rig.stash.host.runs:
        yield from run.result.messages()
        yield str(run.result.output)
        yield str(run.result.error)
        yield run.result.stderr.decode("utf-8", "replace")
    for path in rig.data.glob("worker.log*"):
        yield from path.read_text(encoding="utf-8").splitlines()
    with rig.database() as database:
        rows = database.execute("SELECT error_message, stack_trace FROM dead_letters")
        yield from (str(value) for row in rows for value in row)


def found(rig: Rig) -> list[str]:
    return [text for text in texts(rig) if CANARY.search(text)]


def tour(rig: Rig) -> None:
    files = {
        "synced": f"{ROOT}/Umbrella (2020)/Xylophone. part 1.mp4",
        "missing": f"{ROOT}/Wombat: yonder/Vexing, rhubarb.mp4",
        "bug": f"{ROOT}/Kumquat.mp4",
        "which": "/elsewhere/Walrus/same.mp4",
    }
    ids = {
        name: rig.stash.add_scene(files=[path], tags=["T"], title=f"Gazebo {name} (x): y").id
        for name, path in files.items()
    }
    ids["untitled"] = rig.stash.add_scene(files=[f"{ROOT}/Yonder walrus.mp4"], tags=["T"]).id
    for name in ("synced", "bug"):
        rig.plex.add_item(rig.section, files[name])
    for folder in ("Kumquat a", "Kumquat b"):
        rig.plex.add_item(rig.section, f"{PLEX_ROOT}/{folder}/same.mp4")

    for scene_id in ids.values():
        rig.stash.edit_scene(scene_id, tags=["One"])
    assert rig.happened("scene_synced")
    assert rig.happened("job_retried", "job_dead_lettered", error="PlexNotFound", count=2)
    assert rig.happened("bug")
    rig.plex.stop()
    rig.stash.edit_scene(ids["synced"], tags=["Two"])
    assert rig.happened("plex_failed", timeout=60)
    rig.task("health_check")
    rig.plex.start()
    assert rig.happened("scene_synced", count=2, timeout=60)
    for task in TASKS:
        rig.task(task, format="json" if task == "check_paths" else "")


def _stumble_over_a_title() -> None:
    find = item_finder.ItemFinder.find

    def finds(self: item_finder.ItemFinder, works: Any) -> set[int]:
        for scene in [one.scene for one in works]:
            if "bug" in scene.title:
                raise RuntimeError(f"{scene.title} at {scene.files}")
        return find(self, works)

    item_finder.ItemFinder.find = finds  # type: ignore[method-assign]


def test_no_word_of_a_path_or_title_is_in_any_log(make_rig: MakeRig) -> None:
    """With debug logging, which adds lines and leaves none out."""
    rig = make_rig(settings={"obfuscate_paths": True, "debug_logging": True, "max_retries": 1})
    quicken(rig)
    rig.alter(item_finder, _stumble_over_a_title)

    tour(rig)

    assert found(rig) == []
    words = pseudonym("Gazebo synced (x): y")
    assert f'"{words}"' in rig.events("scene_synced")[0]["message"]
    assert pseudonym_of_path(f"{ROOT}/Wombat: yonder/Vexing, rhubarb.mp4") in rig.worker_log()


def test_what_was_logged_before_the_setting_was_on_is_not_relayed_as_it_is(rig: Rig) -> None:
    scene = rig.stash.add_scene(files=[f"{ROOT}/Umbrella/a.mp4"], tags=["T"], title="Gazebo yonder")
    rig.stash.edit_scene(scene.id, tags=["One"])
    assert rig.happened("job_retried")
    assert found(rig) != [], "without the setting, people read names"
    rig.stop_worker()
    rig.configure(obfuscate_paths=True)
    rig.tune(Tuning(news_age=0.0))
    (rig.data / "obfuscate_paths").touch()

    (run,) = rig.stash.edit_scene(scene.id, play_duration=1.0)

    said = "\n".join(run.result.messages())
    assert f'scene {scene.id} "' in said
    assert CANARY.search(said) is None, said


def test_a_bug_in_a_hook_or_task_names_our_own_folders_only(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"obfuscate_paths": True})
    scene_id, _ = rig.add_pair("a", tags=["T"])
    answer = str(rig.task("preview_sync").output)
    assert "{data}/reports/" in answer, answer
    rig.alter(main, _fail_in_a_hook, path=f"{ROOT}/Kumquat/a.mp4")
    rig.alter(process_queue, _fail_in_a_task, path=f"{ROOT}/Kumquat/a.mp4")

    results = [rig.stash.edit_scene(scene_id, title="T")[0].result, rig.task("clear_queue")]

    for result in results:
        assert str(result.error).endswith(": RuntimeError")
        (told,) = result.messages("error")
        assert "RuntimeError: cannot open /" in told
        assert "{plugin}/app/" in told


def _fail_in_a_hook(path: str) -> None:
    def fails(*_arguments: object) -> None:
        raise RuntimeError(f"cannot open {path}")

    main._store = fails  # type: ignore[assignment]


def _fail_in_a_task(path: str) -> None:
    def fails(_self: object) -> int:
        raise RuntimeError(f"cannot open {path}")

    process_queue.clear_pending_items = fails  # type: ignore[assignment, attr-defined]

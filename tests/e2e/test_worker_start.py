"""A worker that cannot start, or has no log, is heard of; one that can loads little at first."""

import json
import os
import re

from app.processes import worker_process
from simulators.rig import Rig
from tests.e2e.test_dead_letter_tasks import queue_of
from tests.golden import assert_golden
from tests.loaded import loaded_before_asking
from tests.sync_queue.support import job


def test_a_worker_that_cannot_be_loaded_is_reported_by_task_and_hook(changeable_rig: Rig) -> None:
    rig = changeable_rig
    module = rig.manifest.directory / "plex" / "path_index.py"
    news = rig.data / "worker.news"
    scene_id, item = rig.add_pair("a", tags=["T"])
    away = module.rename(module.with_suffix(".away"))
    rig.stash.edit_scene(scene_id, title="T")
    assert rig.wait_until(news.exists)
    away.rename(module)

    first, second = rig.task("outage_summary"), rig.task("outage_summary")

    told = [text for text in first.messages("error") if "'plex.path_index'" in text]
    assert_golden(
        "log", "A file of the plugin is missing", [re.sub(r"^\[.*?\] ", "", text) for text in told]
    )
    assert not any("'plex.path_index'" in text for text in second.messages("error"))
    assert rig.wait_until(lambda: item.title == "T")

    rig.stop_worker()
    news.unlink(missing_ok=True)
    module.unlink()
    rig.stash.edit_scene(scene_id, title="One")
    assert rig.wait_until(news.exists)
    os.utime(news, (1.0, 1.0))
    run = rig.stash.edit_scene(scene_id, title="Two")[0].result
    assert any("'plex.path_index'" in text for text in run.messages("error"))
    assert "install Stash2Plex again" in str(rig.task("health_check").error)


def test_a_worker_whose_log_cannot_be_written_works_all_the_same(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", tags=["T"])
    (rig.data / "worker.log").mkdir(parents=True)

    rig.stash.edit_scene(scene_id, title="T")

    assert rig.wait_until(lambda: item.title == "T")
    told = rig.task("outage_summary").messages("error")
    assert len([text for text in told if "worker.log" in text]) == 1
    (rig.data / "worker.log").rmdir()


def _fail_at_the_start() -> None:
    def fails(_folder: object) -> None:
        raise OSError("why")

    os.chdir = fails  # type: ignore[assignment]


def test_a_worker_that_fails_before_it_has_a_log_is_told_and_the_next_one_works(rig: Rig) -> None:
    rig.alter(worker_process, _fail_at_the_start)
    scene_id, item = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(scene_id, title="T")
    assert rig.wait_until((rig.data / "worker.news").exists)
    rig.restore_plugin()

    told = rig.task("outage_summary").messages("error")

    assert len([text for text in told if ": OSError: why" in text]) == 1
    assert rig.wait_until(lambda: item.title == "T")


def test_a_worker_with_a_job_asks_stash_before_it_loads_the_rest(rig: Rig) -> None:
    """Whoever saves an edit while no worker lives waits for all that one loads."""
    scene_id, _ = rig.add_pair("a")
    with queue_of(rig) as queue:
        queue.enqueue([job(scene_id)])
    connection = rig.stash.server_connection()
    connection |= {"PluginDir": str(rig.manifest.directory)}

    script = rig.manifest.directory / "Stash2Plex.py"
    modules = loaded_before_asking(script, json.dumps(connection).encode())

    assert "worker.processor" in modules
    packages = {name.split(".")[0] for name in modules}
    assert "tasks" not in packages

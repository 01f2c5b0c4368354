"""What a hook costs the user and what it needs: next to nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.file_lock import FileLock
from simulators.rig import PLUGIN, REPOSITORY, Rig
from tests.conftest import MakeRig
from tests.golden import assert_golden
from tests.loaded import loaded_modules

ALLOWED_IMPORTS = "import os, sys, _json, errno, time, fcntl"
OUR_PACKAGES = ("app", "hooks", "shared", "sync_queue", "worker")


def hold_worker_lock(rig: Rig) -> FileLock:
    """Stand in for a living worker, so that nothing but hooks runs."""
    (rig.data).mkdir(mode=0o700, exist_ok=True)
    lock = FileLock(str(rig.data / "worker.lock"))
    assert lock.try_acquire()
    return lock


@pytest.mark.parametrize("event", ["an edit", "a new scene", "merged tags", "a destroyed scene"])
def test_a_hook_imports_the_standard_library_parts_of_the_list_only(rig: Rig, event: str) -> None:
    scene_id, _ = rig.add_pair("a", tags=["one", "two"])
    rig.task("health_check")  # it makes the data folder
    if event == "an edit":
        run = rig.stash.edit_scene(scene_id, title="T")[0].result
    elif event == "merged tags":
        run = rig.stash.merge_tags(["one"], into="two")[0].result
    elif event == "a destroyed scene":
        run = rig.stash.destroy_scene(scene_id)[0].result
    else:
        run = rig.stash.scan_new(files=["/media/scenes/new.mp4"]).runs[0].result
    script = rig.manifest.directory / "Stash2Plex.py"

    _, modules = loaded_modules(script, run.stdin)
    allowed = _python(["-S", "-c", f"{ALLOWED_IMPORTS}; print('\\n'.join(sys.modules))"]).stdout
    extra = modules - set(allowed.decode().splitlines())

    assert run.output == "queued"
    assert "app.main" in modules
    assert {name for name in extra if name.split(".")[0] not in OUR_PACKAGES} == set()


def test_the_hook_path_is_short(rig: Rig) -> None:
    """350 lines in 6 modules, and 95 more lines for a hook that starts a worker."""
    scene_id, _ = rig.add_pair("a")
    lock = hold_worker_lock(rig)
    stdin = rig.stash.edit_scene(scene_id, title="T")[0].result.stdin
    script = rig.manifest.directory / "Stash2Plex.py"

    _, living = loaded_modules(script, stdin)
    lock.release()
    _, starting = loaded_modules(script, stdin)

    for modules, most_lines in ((living, 350), (starting, 445)):
        files, lines = _size_of(script, modules)
        assert 3 < files <= 6
        assert lines <= most_lines


def _size_of(script: Path, modules: set[str]) -> tuple[int, int]:
    """Return how many modules were loaded, packages apart, and how many lines they have."""
    names = [name for name in modules if name.split(".")[0] in OUR_PACKAGES and "." in name]
    files = [script, *(script.parent.joinpath(*name.split(".")) for name in names)]
    return len(files), sum(len(file.with_suffix(".py").read_text().splitlines()) for file in files)


def test_half_a_plugin_answers_as_stash_expects_it(changeable_rig: Rig) -> None:
    rig = changeable_rig
    scene_id, _ = rig.add_pair("a")
    shutil.rmtree(rig.manifest.directory / "shared")

    run = rig.stash.edit_scene(scene_id, title="T")[0].result

    assert run.error is not None
    assert run.error.endswith(": ModuleNotFoundError")


def test_a_hook_sends_no_request_to_anyone(rig: Rig) -> None:
    scene_id, _ = rig.add_pair("a")
    lock = hold_worker_lock(rig)

    runs = rig.stash.edit_scene(scene_id, title="T")

    assert runs[0].result.output == "queued"
    assert len(rig.plex.log) == 0
    assert rig.stash.requests.count() == 0
    lock.release()


def test_a_hook_works_without_dependencies_settings_plex_and_stash(
    rig: Rig, bare_python: Path
) -> None:
    scene_id, _ = rig.add_pair("a")
    hold_worker_lock(rig)
    rig.stash.set_plugin_settings(PLUGIN, {})
    rig.stash.runner.python = str(bare_python)
    rig.plex.stop()
    rig.stash.stop()

    runs = rig.stash.edit_scene(scene_id, title="T")

    assert runs[0].result.output == "queued"
    assert rig.queued() == 1


def test_a_task_without_dependencies_says_which_interpreter_lacks_what(
    rig: Rig, bare_python: Path
) -> None:
    rig.stash.runner.python = str(bare_python)
    folder = rig.manifest.directory
    shutil.rmtree(folder / "vendor", ignore_errors=True)

    answer = rig.task("queue_status")

    told = str(answer.error).replace(str(bare_python), "{python}").replace(str(folder), "{plugin}")
    told = re.sub(r"Python \d[.\d]*", "Python V", told)
    assert_golden("tasks", "A task without the libraries", [told])


def test_fifty_hooks_at_once_on_a_fresh_folder_make_fifty_jobs_and_one_worker(rig: Rig) -> None:
    ids = rig.add_library(50, covers=False)
    rig.plex.stop()

    with ThreadPoolExecutor(50) as pool:
        runs = list(pool.map(lambda one: rig.stash.edit_scene(one, tags=["At once"])[0], ids))

    assert {run.result.output for run in runs} == {"queued"}
    assert [run.result.logs for run in runs if "locked" in str(run.result.logs)] == []
    # A job that is being imported is seen twice.
    assert rig.wait_until(lambda: rig.queued() == 50)
    assert rig.wait_until(lambda: len(rig.worker_pids()) == 1), (
        "those that came too late have ended"
    )
    rig.plex.start()
    assert rig.settled(60), rig.verdict().differences[:3]


def test_the_worker_that_a_hook_starts_outlives_it_and_holds_none_of_its_streams(
    rig: Rig,
) -> None:
    scene_id, _ = rig.add_pair("a")
    rig.plex.stop()

    run = rig.stash.edit_scene(scene_id, title="T")[0].result  # returns at the end of stdout

    worker = rig.the_worker()
    streams = [Path(f"/proc/{worker}/fd/{one}") for one in (0, 1, 2)]
    assert run.exit_code == 0
    assert os.getsid(worker) == worker
    assert [str(stream.readlink()) for stream in streams[1:]] == [os.devnull] * 2
    # Its stdin is the pipe with Stash's address, until it has read that.
    assert rig.wait_until(lambda: str(streams[0].readlink()) == os.devnull)


def test_no_secret_is_in_the_workers_command_line_or_environment(make_rig: MakeRig) -> None:
    rig = make_rig(stash={"username": "me", "api_key": "api-key-0123456789"})
    scene_id, _ = rig.add_pair("a")
    rig.plex.stop()

    run = rig.stash.edit_scene(scene_id, title="T")[0].result

    cookie = json.loads(run.stdin)["server_connection"]["SessionCookie"]["Value"]
    worker = rig.the_worker()
    for name in ("cmdline", "environ"):
        seen = Path(f"/proc/{worker}/{name}").read_bytes()
        assert cookie.encode() not in seen
        assert b"api-key-0123456789" not in seen


def test_a_play_count_queues_nothing_and_starts_nothing(rig: Rig) -> None:
    scene_id, _ = rig.add_pair("a")

    played = rig.stash.edit_scene(scene_id, play_duration=12.0)

    assert [run.result.output for run in played] == ["nothing to sync"]
    assert rig.queued() == 0
    assert not (rig.data / "worker.lock").exists()


def test_an_event_that_asks_for_nothing_still_picks_up_what_a_killed_worker_left(rig: Rig) -> None:
    scene_id, item = rig.add_pair("a", tags=["T"])
    rig.plex.stop()
    rig.stash.edit_scene(scene_id, title="Left behind")
    rig.stop_worker()
    rig.plex.start()

    rig.stash.edit_scene(scene_id, play_duration=12.0)

    assert rig.wait_until(lambda: item.title == "Left behind")


def test_state_belongs_to_the_user_alone(rig: Rig) -> None:
    scene_id, _ = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(scene_id, title="T")
    assert rig.settled()
    assert rig.wait_until((rig.data / "stats.json").exists)  # the last file that a sync writes

    modes = {
        str(path.relative_to(rig.data)): path.stat().st_mode & 0o777
        for path in (rig.data, *rig.data.rglob("*"))
    }

    assert {mode for name, mode in modes.items() if (rig.data / name).is_dir()} == {0o700}
    assert {mode for name, mode in modes.items() if (rig.data / name).is_file()} == {0o600}


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        (b"", "mode is not given; allowed: all, check_paths"),
        (b"not json", "its input is no JSON"),
        (b"[" * 100_000, "its input is nested too deeply"),
        (b'{"args": {"hookContext": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}", "too deeply"),
        (b"[]", "no JSON object"),
        (b'{"args": {"mode": "sing"}}', "mode is 'sing'; allowed: all, check_paths"),
        (b'{"args": ["mode", "all"]}', "args is ['mode', 'all']; allowed: an object such as"),
        (b'{"args": 5}', "args is 5; allowed: an object"),
        (b'{"args": {"mode": "reconcile_all"}}', "Stash does not answer"),
        (b'{"args": {"hookContext": {"id": "x", "type": "Scene.Update.Post"}}}', "hookContext.id"),
        (b'{"args": {"hookContext": 7}}', "an object was expected"),
    ],
)
def test_whatever_arrives_is_answered_by_one_json_object_and_exit_0(
    stdin: bytes, said: str, tmp_path: Path
) -> None:
    done = _python([str(REPOSITORY / "Stash2Plex.py")], stdin, data=tmp_path)

    answer = json.loads(done.stdout)

    assert done.returncode == 0
    assert said in answer["error"]
    assert all(line.startswith(b"\x01") for line in done.stderr.splitlines())
    assert b"Traceback" not in done.stderr


def _python(
    arguments: list[str], stdin: bytes = b"", data: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "STASH_PLUGIN_DATA": str(data)} if data else None
    return subprocess.run(
        [sys.executable, *arguments], input=stdin, capture_output=True, env=environment, check=False
    )

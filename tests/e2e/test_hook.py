"""What a hook costs the user and what it needs: next to nothing."""

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.processes.task_process import handle_input
from shared.file_lock import FileLock
from simulators.rig import PLUGIN, REPOSITORY, Rig
from tests.conftest import MakeRig
from tests.e2e.test_outages import quicken
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


def test_a_hook_imports_the_standard_library_parts_of_the_list_only(rig: Rig) -> None:
    scene_id, _ = rig.add_pair("a", tags=["one", "two"])
    rig.task("health_check")  # it makes the data folder
    script = rig.manifest.directory / "Stash2Plex.py"
    allowed = _python(["-S", "-c", f"{ALLOWED_IMPORTS}; print('\\n'.join(sys.modules))"]).stdout
    runs = [
        *rig.stash.edit_scene(scene_id, title="T"),
        *rig.stash.scan_new(files=["/media/scenes/new.mp4"]).runs[:1],
        *rig.stash.merge_tags(["one"], into="two"),
        *rig.stash.destroy_scene(scene_id),
    ]
    assert [run.result.output for run in runs] == ["queued"] * 4
    for run in runs:
        _, modules = loaded_modules(script, run.result.stdin)
        extra = modules - set(allowed.decode().splitlines())

        assert "app.main" in modules
        assert {name for name in extra if name.split(".")[0] not in OUR_PACKAGES} == set()


def test_the_hook_path_is_short(rig: Rig) -> None:
    """350 lines in 6 modules, also for a hook that starts a worker."""
    scene_id, _ = rig.add_pair("a")
    lock = hold_worker_lock(rig)
    stdin = rig.stash.edit_scene(scene_id, title="T")[0].result.stdin
    script = rig.manifest.directory / "Stash2Plex.py"

    _, living = loaded_modules(script, stdin)
    lock.release()
    _, starting = loaded_modules(script, stdin)

    for modules in (living, starting):
        files, lines = _size_of(script, modules)
        assert 3 < files <= 6
        assert lines <= 350


def _size_of(script: Path, modules: set[str]) -> tuple[int, int]:
    names = [name for name in modules if name.split(".")[0] in OUR_PACKAGES]
    paths = [script.parent.joinpath(*name.split(".")).with_suffix(".py") for name in names]
    files = [script, *(path for path in paths if path.exists())]
    return len(files), sum(len(file.read_text().splitlines()) for file in files)


def test_half_a_plugin_answers_as_stash_expects_it(changeable_rig: Rig) -> None:
    rig = changeable_rig
    scene_id, _ = rig.add_pair("a")
    shutil.rmtree(rig.manifest.directory / "shared")

    run = rig.stash.edit_scene(scene_id, title="T")[0].result

    assert run.error is not None
    assert run.error.endswith(": ModuleNotFoundError")


def test_a_hook_sends_no_request_and_a_play_count_queues_and_starts_nothing(rig: Rig) -> None:
    scene_id, _ = rig.add_pair("a")

    (played,) = rig.stash.edit_scene(scene_id, play_duration=12.0)
    assert played.result.output == "nothing to sync"
    assert rig.queued() == 0
    assert not (rig.data / "worker.lock").exists()

    lock = hold_worker_lock(rig)
    (edited,) = rig.stash.edit_scene(scene_id, title="T")
    assert edited.result.output == "queued"
    assert len(rig.plex.log) == 0
    assert rig.stash.requests.count() == 0
    lock.release()


def test_a_hook_works_without_dependencies_and_a_task_says_so(rig: Rig, bare_python: Path) -> None:
    rig.stash.runner.python = str(bare_python)
    folder = rig.manifest.directory
    shutil.rmtree(folder / "vendor", ignore_errors=True)

    answer = rig.task("queue_status")

    told = str(answer.error).replace(str(bare_python), "{python}").replace(str(folder), "{plugin}")
    told = re.sub(r"Python \d[.\d]*", "Python V", told)
    assert_golden("tasks", "A task without the libraries", [told])

    scene_id, _ = rig.add_pair("a")
    hold_worker_lock(rig)
    rig.stash.set_plugin_settings(PLUGIN, {})
    rig.plex.stop()
    rig.stash.stop()
    (run,) = rig.stash.edit_scene(scene_id, title="T")
    assert run.result.output == "queued"
    assert rig.wait_until(lambda: rig.queued() == 1)


def test_fifty_hooks_at_once_on_a_fresh_folder_make_fifty_jobs_and_one_worker(rig: Rig) -> None:
    quicken(rig)
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


def test_a_started_worker_holds_no_stream_and_shows_no_secret(make_rig: MakeRig) -> None:
    rig = make_rig(stash={"username": "me", "api_key": "api-key-0123456789"})
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
    cookie = json.loads(run.stdin)["server_connection"]["SessionCookie"]["Value"]
    for name in ("cmdline", "environ"):
        seen = Path(f"/proc/{worker}/{name}").read_bytes()
        assert cookie.encode() not in seen
        assert b"api-key-0123456789" not in seen


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


TOO_DEEP = b'{"args": {"hookContext": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        (b"", "The argument mode is not given, but must be one of: all, check_paths"),
        (b"not json", "its input is not JSON"),
        (b"[" * 100_000, "its input is nested too deeply"),
        (TOO_DEEP, "too deeply"),
        (b"[]", "not a JSON object"),
        (
            b'{"args": {"mode": "sing"}}',
            "The argument mode is 'sing', but must be one of: all, check_paths",
        ),
        (
            b'{"args": ["mode", "all"]}',
            'The argument args is ["mode", "all"], but must be a JSON object such as',
        ),
        (b'{"args": 5}', "The argument args is 5, but must be a JSON object"),
        (b'{"args": {"hookContext": {"id": "x", "type": "Scene.Update.Post"}}}', "hookContext.id"),
        (b'{"args": {"hookContext": 7}}', "hookContext is not a JSON object"),
    ],
)
def test_input_that_stash_would_not_send_is_answered_with_what_is_wrong(
    stdin: bytes, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STASH_PLUGIN_DATA", str(tmp_path))

    answer = json.loads(handle_input(str(REPOSITORY / "Stash2Plex.py"), stdin))

    assert said in answer["error"]


def test_whatever_arrives_is_answered_by_one_json_object_and_exit_0(tmp_path: Path) -> None:
    without_stash = b'{"args": {"mode": "reconcile_all"}}'
    for stdin in (b"", TOO_DEEP, without_stash):
        done = _python([str(REPOSITORY / "Stash2Plex.py")], stdin, data=tmp_path)

        answer = json.loads(done.stdout)

        assert done.returncode == 0
        assert isinstance(answer["error"], str)
        assert all(line.startswith(b"\x01") for line in done.stderr.splitlines())
        assert b"Traceback" not in done.stderr
    assert "Stash does not answer" in answer["error"]


def _python(
    arguments: list[str], stdin: bytes = b"", data: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "STASH_PLUGIN_DATA": str(data)} if data else None
    return subprocess.run(
        [sys.executable, *arguments], input=stdin, capture_output=True, env=environment, check=False
    )

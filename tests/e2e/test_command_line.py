"""The command line, each command run as a real process beside both servers."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simulators.rig import TOKEN, Rig
from tests.conftest import MakeRig
from tests.e2e.answers import bury
from tests.e2e.steps import no_worker, settle, sync_all
from tests.e2e.test_outages import quicken
from tests.golden import assert_golden, figures
from tests.shell import Shell, approved

KEY = "command-line-key-Hj6Kl9Qw2"


def synced(rig: Rig, count: int = 2) -> list[int]:
    ids = rig.add_library(count, covers=False)
    sync_all(rig)
    # The worker counts what it did at the end of a batch, after the last job has left the queue.
    assert rig.wait_until((rig.data / "stats.json").exists)
    return ids


def test_sync_and_reconcile_queue_by_their_options_and_process_sends(rig: Rig) -> None:
    ids = rig.add_library(2, covers=False)
    shell = Shell(rig)

    first = shell.run("sync")
    assert (first.code, figures(first.out)) == (0, [2, 2])
    settle(rig)
    assert figures(shell.run("sync", "--recent").out) == [2, 2]
    assert figures(shell.run("sync", "--force").out)[:2] == [2, 2]

    assert rig.wait_until(lambda: rig.queued() == 0)
    rig.stop_worker()  # which may still be reading back what it sent
    rig.plex.edit(rig.item_of(ids[0]).rating_key, studio="Somebody else")
    report = shell.run("reconcile", "--dry-run")
    recent = shell.run("reconcile", "--recent")
    assert report.code == recent.code == 0
    assert figures(report.out)[:4] == [2, 1, 1, 1]
    assert "{plugin}/data/reports/reconciliation-" in approved(report.out, rig)
    settle(rig)

    with no_worker(rig):
        rig.stash.edit_scenes(ids, tags=["New"])
    sent = shell.run("process")
    assert (sent.code, figures(sent.out)) == (0, [2])
    assert "\x01" not in sent.err
    assert "%" not in sent.err  # nobody is watching
    assert rig.verdict().agree, rig.verdict().differences


def test_a_command_answers_as_its_task(rig: Rig) -> None:
    synced(rig)
    shell = Shell(rig)
    told = []
    for command in ("status", "outages", "health", "check-paths"):
        ran = shell.run(command)
        assert (ran.code, ran.err) == (0, "")
        told.append(approved(ran.out, rig).splitlines()[-1])
    assert_golden("tasks", "Four commands when all is well", told)

    answer = shell.run("check-paths", "--json").json()
    assert (answer["level"], answer["scenes"], answer["missing"]) == ("ok", 2, 0)

    nobody = "http://127.0.0.1:1"
    assert shell.run("status", at="", STASH_URL=rig.stash.url).code == 0
    assert shell.run("sync", STASH_URL=nobody).code == 0
    assert shell.run("sync", at="", STASH_URL=nobody).code == 3


def test_a_scene_and_the_dead_letters_are_asked_about_and_retried_from_a_shell(rig: Rig) -> None:
    scene_id = synced(rig)[0]
    rig.stop_worker()
    bury(rig, scene_id, "PlexPermanentError", "Plex refused the request (status 400)", time.time())
    shell = Shell(rig)

    inspected = shell.run("inspect", str(scene_id))
    letters = shell.run("dead-letters")
    other = shell.run("retry-dlq", "--error-type", "PlexNotFound")
    retried = shell.run("retry-dlq", "--error-type", "PlexPermanentError", "--scene", str(scene_id))
    none_left = shell.run("dead-letters", "--json")

    assert inspected.out.splitlines()[-1].startswith(f'Scene {scene_id} "')
    assert "PlexPermanentError" in letters.out
    assert (other.code, other.out) == (3, "")
    assert "PlexNotFound" in other.err
    assert retried.code == 0
    assert none_left.json()["total"] == 0
    assert rig.wait_until(lambda: rig.queued() == 0)


def test_what_cannot_be_done_is_told_on_stderr_and_by_the_exit_code(rig: Rig) -> None:
    shell = Shell(rig)
    rig.stash.stop()

    ran = shell.run("sync")
    as_json = shell.run("sync", "--json")

    assert (ran.code, ran.out) == (3, "")
    assert as_json.code == 3
    (problem,) = as_json.json().values()
    assert ran.err.splitlines()[-1] == f"error: {problem}"
    assert rig.stash.url in problem


# Where these tests run in a shell's background, the signal is ignored, also by what they start.
_AS_A_TERMINAL = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_stops_a_command_and_what_was_queued_stays_queued(rig: Rig) -> None:
    quicken(rig)
    ids = rig.add_library(3, covers=False)
    rig.plex.stop()
    rig.stash.edit_scenes(ids, tags=["New"])
    assert rig.happened("plex_failed")
    rig.stop_worker()
    rig.plex.start()
    hang = rig.plex.faults.hang(kind="edit", times=1)
    process = subprocess.Popen(
        [sys.executable, "-c", _AS_A_TERMINAL, str(Shell(rig).script), "process", "--stash",
         rig.stash.url],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert hang.wait_for_hit(timeout=60)

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert out == b""
    assert err.decode().splitlines()[-1].startswith("error: ")
    hang.release()
    Shell(rig).run("process")
    assert rig.verdict().agree, rig.verdict().differences


_WITHOUT_STREAMS = """
import runpy, sys
sys.stdin = sys.stdout = sys.stderr = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_a_command_without_streams_starts_a_worker_for_waiting_jobs(rig: Rig) -> None:
    """As `pythonw.exe` runs a command, for Windows' task scheduler."""
    scene_id, item = rig.add_pair("a", tags=["T"])
    with no_worker(rig):
        rig.stash.edit_scene(scene_id, title="Waits")
    line = [sys.executable, "-c", _WITHOUT_STREAMS, str(Shell(rig).script), "status"]

    ran = subprocess.run([*line, "--stash", rig.stash.url], timeout=60, check=False)

    assert ran.returncode == 0
    assert rig.wait_until(lambda: item.title == "Waits"), rig.worker_log()


def test_plex_of_the_command_line_holds_for_the_worker_too(rig: Rig) -> None:
    rig.add_library(2, covers=False)
    rig.configure(plex_token="")
    without = Shell(rig).run("health")
    assert without.code != 0
    assert "plex_token" in without.out + without.err
    assert Shell(rig).run("health", PLEX_TOKEN=TOKEN).code == 0

    rig.configure(plex_token=TOKEN, plex_url="http://127.0.0.1:1")
    ran = Shell(rig).run("sync", "--plex", rig.plex.url)

    assert ran.code == 0
    assert rig.settled(), rig.verdict().differences
    assert rig.stash.plugin_settings("Stash2Plex")["plex_url"] == "http://127.0.0.1:1"


def test_the_key_comes_from_the_environment_and_appears_nowhere(make_rig: MakeRig) -> None:
    rig = make_rig(stash={"username": "keeper-of-stash", "api_key": KEY})
    quicken(rig)
    rig.configure(debug_logging=True)
    ids = rig.add_library(2, covers=False)
    rig.canary.add(KEY)
    shell = Shell(rig)
    for refused in (shell.run("sync"), shell.run("sync", STASH_API_KEY="another-key-Zx8Cv5Bn")):
        assert refused.code == 3
        assert "STASH_API_KEY" in refused.err.splitlines()[-1]
    hang = rig.plex.faults.hang(kind="edit", times=1)

    right = shell.run("sync", STASH_API_KEY=KEY)
    assert right.code == 0, right.err
    assert hang.wait_for_hit(timeout=30)
    assert len(rig.worker_pids()) == 1
    rig.canary.everywhere(rig.worker_pids())
    hang.release()
    assert rig.settled(), rig.verdict().differences
    for command in (["status"], ["process"], ["reconcile"], ["health"], ["outages", "--json"],
                    ["check-paths"], ["inspect", str(ids[0])]):  # fmt: skip
        shell.run(*command, STASH_API_KEY=KEY)
    rig.plex.token = "another-token-Bn5Vc8Xz2"
    shell.run("health", STASH_API_KEY=KEY)
    rig.canary.everywhere(rig.worker_pids())

    assert rig.canary.hits == []


def test_a_data_folder_of_another_user_is_left_alone(rig: Rig) -> None:
    synced(rig)
    rig.stop_worker()
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to somebody else")
    before = sorted(path.name for path in rig.data.iterdir())
    os.chown(rig.data, 12345, 12345)

    ran = Shell(rig).run("sync", "--force")

    assert ran.code == 3
    told = approved(ran.err, rig).splitlines()
    assert_golden("tasks", "A command on another user's data folder", told)
    assert sorted(path.name for path in rig.data.iterdir()) == before


def test_a_command_without_a_data_folder_says_where_it_makes_one(rig: Rig, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"

    ran = Shell(rig).run("status", STASH_PLUGIN_DATA=str(elsewhere))

    assert ran.code == 0
    told = ran.err.replace(str(elsewhere), "{folder}").splitlines()[:1]
    assert_golden("tasks", "A command that finds no data folder", told)
    assert elsewhere.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of POSIX")
def test_in_a_terminal_it_shows_its_help_and_percent(rig: Rig) -> None:
    rig.add_library(3, covers=False)
    command = [sys.executable, str(Shell(rig).script)]
    ours, theirs = pty.openpty()

    helped = subprocess.run(command, stdin=theirs, capture_output=True, timeout=60, check=False)
    checked = subprocess.run(
        [*command, "check-paths", "--stash", rig.stash.url],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=False,
    )  # fmt: skip
    shown = b""
    while select.select([ours], [], [], 0)[0]:
        shown += os.read(ours, 4096)
    os.close(ours)
    os.close(theirs)

    assert helped.returncode == checked.returncode == 0
    assert b"exit codes:" in helped.stdout
    assert b" 50 %" in shown
    assert figures(checked.stdout.decode().splitlines()[-1]) == [3, 3]

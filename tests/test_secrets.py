"""R17: a canary in every secret, everything that goes wrong at once, and no canary anywhere after.

Every rig of the suite looks for its secrets at its end; here it looks after each thing that goes
wrong: logs, output, answers, files, command lines and environments.
"""

import base64
import os
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from app import main
from simulators.rig import TOKEN as RIG_TOKEN, Rig
from simulators.tuning import Tuning
from tests.conftest import MakeRig
from tests.e2e.test_outages import quicken
from worker.process import launcher
from worker.sync import item_finder, session as sessions

TOKEN = "canary-plex/token+Zyx9wVu8"
OTHER_TOKEN = "canary-wrong/token+Qrs7tUv6"
API_KEY = "canary-api-key-Mno5pQr4"
USER = "canary-user-Jkl3"
TASKS = (
    "all", "recent", "queue_status", "clear_queue", "clear_dlq", "purge_dlq", "clear_match_cache",
    "health_check", "outage_summary", "recover_outage_jobs", "process_queue", "check_paths",
    "reconcile_all", "show_dlq", "retry_dlq", "inspect", "doctor", "no-such-task",
)  # fmt: skip


def _raise_the_token() -> None:
    find = item_finder.ItemFinder.find

    def finds(self: item_finder.ItemFinder, works: Any) -> set[int]:
        if any("Bug" in scene.scene.label for scene in works):
            raise RuntimeError("X-Plex-Token=" + self.session.config.plex_token)
        return find(self, works)

    item_finder.ItemFinder.find = finds  # type: ignore[method-assign]


def canary_rig(make_rig: MakeRig, **settings: Any) -> Rig:
    rig = make_rig(
        settings={"plex_token": TOKEN, "debug_logging": True, "max_retries": 1, **settings},
        stash={"username": USER, "api_key": API_KEY},
    )
    rig.plex.token = TOKEN
    rig.canary.add(TOKEN, OTHER_TOKEN, API_KEY, USER)
    quicken(rig)
    rig.tune(Tuning(back_off=0.1))
    rig.alter(item_finder, _raise_the_token)
    return rig


def dead_letters(rig: Rig) -> list[tuple[str, str, str]]:
    with rig.database() as database:
        return database.execute(
            "SELECT error_type, error_message, COALESCE(stack_trace, '') FROM dead_letters"
        ).fetchall()


def test_no_secret_is_in_anything_that_leaves_the_plugin(make_rig: MakeRig) -> None:
    rig = canary_rig(make_rig)
    ids = rig.add_library(6, covers=True)

    # Edits, and a Plex that refuses one of them.
    bad = str(rig.item_of(ids[0]).rating_key)
    refusal = rig.plex.faults.status(400, kind="edit", predicate=lambda one: one.item_ids == bad)
    rig.stash.edit_scenes(ids, tags=["One"])
    assert rig.wait_until(lambda: rig.queued() == 0 and len(dead_letters(rig)) == 1)
    refusal.clear()
    rig.canary.everywhere(rig.worker_pids())

    # An outage.
    rig.plex.stop()
    rig.stash.edit_scenes(ids, tags=["Two"])
    assert rig.happened("plex_down", timeout=60)
    for task in ("health_check", "all"):
        rig.task(task)
    rig.canary.everywhere(rig.worker_pids())
    rig.plex.start()
    assert rig.wait_until(lambda: rig.queued() == 0, 60)

    # A wrong token, an address that leads elsewhere.
    rig.configure(plex_token=OTHER_TOKEN)
    rig.stash.edit_scene(ids[0], title="Wrong token")
    rig.task("health_check")
    rig.configure(plex_token=TOKEN)
    redirect = rig.plex.faults.redirect(f"http://127.0.0.1:1/?X-Plex-Token={TOKEN}", 301)
    rig.stash.edit_scene(ids[0], title="Redirect")
    assert rig.happened("sync_paused", error="PlexRedirectError")
    rig.task("health_check")
    redirect.clear()
    assert rig.wait_until(lambda: rig.item_of(ids[0]).title == "Redirect", 60)
    rig.canary.everywhere(rig.worker_pids())

    # Every task.
    for task in TASKS:
        rig.task(task)
    rig.canary.everywhere(rig.worker_pids())

    # A damaged database.
    rig.stop_worker()
    for path in (rig.data / "queue").glob("data.db*"):
        path.write_bytes(b"this is no database, it only has its name " * 200)
    rig.stash.edit_scene(ids[1], title="Damaged")
    assert rig.wait_until(lambda: rig.item_of(ids[1]).title == "Damaged", 60)
    rig.canary.everywhere(rig.worker_pids())

    assert rig.canary.hits == []


def test_the_canary_finds_what_there_is_to_find(make_rig: MakeRig) -> None:
    """A file with a token in it, as a careless plugin would leave it, is a hit in every form."""
    rig = canary_rig(make_rig)
    rig.data.mkdir(exist_ok=True)
    (rig.data / "careless.txt").write_text(urllib.parse.quote(TOKEN, safe=""))
    (rig.data / "careless.bin").write_bytes(base64.b64encode(API_KEY.encode()))
    rig.canary.files()
    assert len(rig.canary.hits) == 2
    rig.canary.hits.clear()
    for path in rig.data.glob("careless.*"):
        path.unlink()


def test_a_bug_whose_text_holds_the_token_is_told_without_it(make_rig: MakeRig) -> None:
    rig = canary_rig(make_rig)
    scene_id, _ = rig.add_pair("a", tags=["T"])

    rig.stash.edit_scene(scene_id, title="Bug")
    assert rig.happened("job_dead_lettered")
    rig.task("queue_status")

    ((kind, _, _),) = dead_letters(rig)
    assert kind == "RuntimeError"
    assert "X-Plex-Token=[redacted]" in rig.worker_log()
    rig.canary.runs()
    rig.canary.processes(rig.worker_pids())
    assert rig.canary.hits == []


def test_a_bug_whose_text_holds_the_token_leaves_no_token_in_a_file(make_rig: MakeRig) -> None:
    rig = canary_rig(make_rig)
    scene_id, _ = rig.add_pair("a", tags=["T"])

    rig.stash.edit_scene(scene_id, title="Bug")
    rig.happened("job_dead_lettered")

    rig.canary.files()
    assert rig.canary.hits == []


def test_an_address_with_a_token_in_it_is_not_repeated(make_rig: MakeRig) -> None:
    rig = canary_rig(make_rig)
    rig.configure(plex_url=f"http://{USER}:{OTHER_TOKEN}@127.0.0.1:1/?X-Plex-Token={OTHER_TOKEN}")
    rig.task("health_check")
    rig.canary.runs()
    assert rig.canary.hits == []


def _in_a_file() -> None:
    current = sessions.CurrentSession.current

    def leaks(self: sessions.CurrentSession, *, reads: bool = True) -> Any:
        session = current(self, reads=reads)
        with open(self.folder.stats + ".bak", "w") as file:
            file.write(session.config.plex_token)
        return session

    sessions.CurrentSession.current = leaks  # type: ignore[method-assign]


def _half_of_it_in_a_log() -> None:
    current = sessions.CurrentSession.current

    def leaks(self: sessions.CurrentSession, *, reads: bool = True) -> Any:
        session = current(self, reads=reads)
        self.log.info("token " + session.config.plex_token[:13] + "…")
        return session

    sessions.CurrentSession.current = leaks  # type: ignore[method-assign]


def _the_cookie_in_an_answer() -> None:
    answer_hook = main.answer_hook

    def answers(script: str, context: object, connection: str) -> str:
        answer_hook(script, context, connection)
        return connection

    main.answer_hook = answers


def _the_token_in_a_command_line() -> None:
    spawn = os.posix_spawn

    def spawns(path: str, command: list[str], *values: Any, **options: Any) -> int:
        return spawn(path, [*command, RIG_TOKEN], *values, **options)

    os.posix_spawn = spawns  # type: ignore[assignment]


CARELESS: dict[str, tuple[ModuleType, Callable[..., None]]] = {
    "in a file": (sessions, _in_a_file),
    "half of it in a log": (sessions, _half_of_it_in_a_log),
    "the cookie in an answer": (main, _the_cookie_in_an_answer),
    "the token in a command line": (launcher, _the_token_in_a_command_line),
}


@pytest.mark.parametrize("leak", CARELESS)
def test_a_rig_whose_plugin_lets_a_secret_out_fails(tmp_path: Path, leak: str) -> None:
    """The suite's own check: every test with a rig is a canary test."""

    def careless() -> None:
        with Rig(tmp_path / "rig") as rig:
            rig.alter(*CARELESS[leak])
            scene_id, item = rig.add_pair("a", tags=["T"])
            rig.stash.edit_scene(scene_id, title="T")
            assert rig.wait_until(lambda: item.title == "T")

    with pytest.raises(AssertionError, match="the plugin has let out a secret"):
        careless()


UNREADABLE = {
    "no record": b"a stray print\n",
    "an empty one": b"\x01i\x02\n",
    "too long": b"\x01i\x02" + b"x" * 16384 + b"\n",
    "a control character": b"\x01i\x02a\tb\n",
    "progress in per cent": b"\x01p\x0250\n",
}


def _write_first(line: bytes) -> None:
    answer_hook = main.answer_hook

    def writes(script: str, context: object, connection: str) -> str:
        os.write(2, line)
        return answer_hook(script, context, connection)

    main.answer_hook = writes


@pytest.mark.parametrize("line", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_rig_whose_plugin_breaks_stashs_log_fails(tmp_path: Path, line: bytes) -> None:
    """No test with a rig passes when any process of the plugin wrote such a line."""

    def careless() -> None:
        with Rig(tmp_path / "rig") as rig:
            rig.alter(main, _write_first, line=line)
            rig.stash.edit_scene(rig.add_pair("a")[0], play_duration=1.0)

    with pytest.raises(AssertionError, match="no line of Stash's log"):
        careless()

"""R17: a canary in every secret, everything that goes wrong at once, and no canary anywhere after.

Every rig of the suite looks for its secrets at its end; here it looks after each thing that goes
wrong: logs, output, answers, files, command lines and environments.
"""

from __future__ import annotations

import base64
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from simulators.rig import TOKEN as RIG_TOKEN
from simulators.rig import Rig
from tests.conftest import MakeRig
from tests.e2e.test_lifecycle import mutate
from tests.e2e.test_outages import quicken

TOKEN = "canary-plex/token+Zyx9wVu8"
OTHER_TOKEN = "canary-wrong/token+Qrs7tUv6"
API_KEY = "canary-api-key-Mno5pQr4"
USER = "canary-user-Jkl3"
TASKS = (
    "all", "recent", "queue_status", "clear_queue", "clear_dlq", "purge_dlq", "clear_match_cache",
    "health_check", "outage_summary", "recover_outage_jobs", "process_queue", "check_paths",
    "reconcile_all", "show_dlq", "retry_dlq", "inspect", "doctor", "no-such-task",
)  # fmt: skip

_FIND = "        finder.find(work)"
_LEAK = (
    _FIND,
    "        if any('Bug' in one.scene.label for one in work):\n"
    "            raise RuntimeError('X-Plex-Token=' + self._session.config.plex_token)\n"
    f"{_FIND}",
)


def canary_rig(make_rig: MakeRig, **settings: Any) -> Rig:
    rig = make_rig(
        settings={"plex_token": TOKEN, "debug_logging": True, "max_retries": 1, **settings},
        stash={"username": USER, "api_key": API_KEY},
    )
    rig.plex.token = TOKEN
    rig.canary.add(TOKEN, OTHER_TOKEN, API_KEY, USER)
    quicken(rig)
    mutate(rig, "worker/backoff.py", "_TEMPORARY = RetryParams(base=5.0, cap=80.0)",
           "_TEMPORARY = RetryParams(base=0.1, cap=0.1)")  # fmt: skip
    mutate(rig, "worker/batch.py", *_LEAK)
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
    assert rig.wait_until(lambda: "Plex is down" in rig.worker_log(), 60)
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
    assert rig.wait_until(lambda: "set plex_url to the address" in rig.worker_log())
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
    assert rig.wait_until(lambda: "It is in the dead letters" in rig.worker_log())
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
    rig.wait_until(lambda: "It is in the dead letters" in rig.worker_log())

    rig.canary.files()
    assert rig.canary.hits == []


def test_an_address_with_a_token_in_it_is_not_repeated(make_rig: MakeRig) -> None:
    rig = canary_rig(make_rig)
    rig.configure(plex_url=f"http://{USER}:{OTHER_TOKEN}@127.0.0.1:1/?X-Plex-Token={OTHER_TOKEN}")
    rig.task("health_check")
    rig.canary.runs()
    assert rig.canary.hits == []


CARELESS = {
    "in a file": (
        "app/sessions.py",
        "            self._secrets.add(parsed.config.plex_token)\n",
        "            self._secrets.add(parsed.config.plex_token)\n"
        "            open(self._folder.stats + '.bak', 'w').write(parsed.config.plex_token)\n",
    ),
    "half of it in a log": (
        "app/sessions.py",
        "            self._secrets.add(parsed.config.plex_token)\n",
        "            self._log.info('token ' + parsed.config.plex_token[:13] + '…')\n",
    ),
    "the cookie in an answer": (
        "app/hook_process.py",
        '"queued" if jobs else "nothing to sync"}',
        '"queued " + server_connection["SessionCookie"]["Value"]}',
    ),
    "the token in a command line": (
        "worker/launcher.py",
        "[sys.executable, *options, script, WORKER_ARGUMENT, lock_descriptor]",
        f"[sys.executable, *options, script, WORKER_ARGUMENT, lock_descriptor, {RIG_TOKEN!r}]",
    ),
}


@pytest.mark.parametrize("leak", CARELESS.values(), ids=CARELESS.keys())
def test_a_rig_whose_plugin_lets_a_secret_out_fails(
    tmp_path: Path, leak: tuple[str, str, str]
) -> None:
    """The suite's own check: every test with a rig is a canary test."""

    def careless() -> None:
        with Rig(tmp_path / "rig") as rig:
            mutate(rig, *leak)
            scene_id, item = rig.add_pair("a", tags=["T"])
            rig.stash.edit_scene(scene_id, title="T")
            assert rig.wait_until(lambda: item.title == "T")

    with pytest.raises(AssertionError, match="the plugin has let out a secret"):
        careless()


UNREADABLE = {
    "no record": "os.write(2, b'a stray print\\n')",
    "an empty one": "os.write(2, b'\\x01i\\x02\\n')",
    "too long": "os.write(2, b'\\x01i\\x02' + b'x' * 16384 + b'\\n')",
    "a control character": "os.write(2, b'\\x01i\\x02a\\tb\\n')",
    "progress in per cent": "os.write(2, b'\\x01p\\x0250\\n')",
}


@pytest.mark.parametrize("line", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_rig_whose_plugin_breaks_stashs_log_fails(tmp_path: Path, line: str) -> None:
    """No test with a rig passes when any process of the plugin wrote such a line."""

    def careless() -> None:
        with Rig(tmp_path / "rig") as rig:
            mutate(
                rig,
                "app/hook_process.py",
                "    log = create_logger(_secrets(connection))\n",
                f"    log = create_logger(_secrets(connection))\n    {line}\n",
            )
            rig.stash.edit_scene(rig.add_pair("a")[0], play_duration=1.0)

    with pytest.raises(AssertionError, match="no line of Stash's log"):
        careless()

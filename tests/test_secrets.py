"""R17: a canary in every secret, everything that goes wrong at once, and no canary anywhere after.

As far as one test reaches: logs, output, answers, files, command lines and environments.
"""

from __future__ import annotations

import base64
import json
import urllib.parse
from pathlib import Path
from typing import Any

from tests.conftest import MakeRig
from tests.e2e.test_lifecycle import mutate
from tests.e2e.test_outages import quicken
from tests.rig import Rig

TOKEN = "canary-plex/token+Zyx9wVu8"
OTHER_TOKEN = "canary-wrong/token+Qrs7tUv6"
API_KEY = "canary-api-key-Mno5pQr4"
USER = "canary-user-Jkl3"
TASKS = (
    "all", "recent", "queue_status", "clear_queue", "clear_dlq", "purge_dlq", "clear_match_cache",
    "health_check", "outage_summary", "recover_outage_jobs", "process_queue", "reconcile_all",
    "no-such-task",
)  # fmt: skip

_LEAK = (
    "        self._session.library.prepare()\n        ItemFinder(self._session).find(work)",
    "        self._session.library.prepare()\n"
    "        if any('Bug' in one.scene.label for one in work):\n"
    "            raise RuntimeError('X-Plex-Token=' + self._session.config.plex_token)\n"
    "        ItemFinder(self._session).find(work)",
)


class Watch:
    """Looks for the canaries in whatever leaves a process."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.hits: list[str] = []
        self._read = 0

    def canaries(self) -> list[bytes]:
        found = {TOKEN, OTHER_TOKEN, API_KEY, USER}
        for run in self.rig.stash.host.runs:
            cookie = json.loads(run.result.stdin)["server_connection"]["SessionCookie"]
            found.add(cookie["Value"])
        forms = [form for one in found for form in _forms(one)]
        return [form.encode() for form in forms]

    def runs(self) -> None:
        """Answers, output and log lines of what Stash started since the last look."""
        runs = self.rig.stash.host.runs
        for run in runs[self._read :]:
            result = run.result
            texts = [*result.messages(), str(result.output), str(result.error)]
            what = "\n".join(texts).encode() + result.stdout + result.stderr
            self._look(f"run {result.output} {result.error}", what)
        self._read = len(runs)

    def processes(self) -> None:
        """Command line and environment of every process of the plugin that lives now."""
        pids = self.rig.worker_pids()
        for pid in pids:
            for name in ("cmdline", "environ"):
                try:
                    self._look(f"/proc/{pid}/{name}", Path(f"/proc/{pid}/{name}").read_bytes())
                except OSError:
                    continue

    def files(self) -> None:
        """Everything in the folders of the plugin and of Stash, databases too."""
        for path in self.rig.stash.root.rglob("*"):
            if path.is_file():
                self._look(str(path.relative_to(self.rig.stash.root)), path.read_bytes())

    def everywhere(self) -> None:
        self.runs()
        self.processes()
        self.files()

    def _look(self, where: str, content: bytes) -> None:
        hits = [one.decode() for one in self.canaries() if one in content]
        if hits:
            self.hits.append(f"{where}: {hits}")


def _forms(secret: str) -> set[str]:
    """The secret as text, in a URL, in JSON and in base64."""
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    return {secret, urllib.parse.quote(secret, safe=""), json.dumps(secret)[1:-1], encoded}


def canary_rig(make_rig: MakeRig, **settings: Any) -> Rig:
    rig = make_rig(
        settings={"plex_token": TOKEN, "debug_logging": True, "max_retries": 1, **settings},
        stash={"username": USER, "api_key": API_KEY},
    )
    rig.plex.token = TOKEN
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
    watch = Watch(rig)
    ids = rig.add_library(6, covers=True)

    # Edits, and a Plex that refuses one of them.
    rig.plex.faults.status(400, kind="edit", times=1)
    rig.stash.edit_scenes(ids, tags=["One"])
    assert rig.wait_until(lambda: rig.queued() == 0 and len(dead_letters(rig)) == 1)
    watch.everywhere()

    # An outage.
    rig.plex.stop()
    rig.stash.edit_scenes(ids, tags=["Two"])
    assert rig.wait_until(lambda: "Plex is down" in rig.worker_log(), 60)
    for task in ("health_check", "all"):
        rig.task(task)
    watch.everywhere()
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
    watch.everywhere()

    # Every task.
    for task in TASKS:
        rig.task(task)
    watch.everywhere()

    # A damaged database.
    rig.stop_worker()
    assert rig.wait_until(lambda: not rig.worker_pids())
    for path in (rig.data / "queue").glob("data.db*"):
        path.write_bytes(b"this is no database, it only has its name " * 200)
    rig.stash.edit_scene(ids[1], title="Damaged")
    assert rig.wait_until(lambda: rig.item_of(ids[1]).title == "Damaged", 60)
    watch.everywhere()

    assert watch.hits == []


def test_the_watch_finds_what_there_is_to_find(make_rig: MakeRig) -> None:
    """A file with a token in it, as a careless plugin would leave it, is a hit in every form."""
    rig = canary_rig(make_rig)
    watch = Watch(rig)
    rig.data.mkdir(exist_ok=True)
    (rig.data / "careless.txt").write_text(urllib.parse.quote(TOKEN, safe=""))
    (rig.data / "careless.bin").write_bytes(base64.b64encode(API_KEY.encode()))
    watch.files()
    assert len(watch.hits) == 2


def test_a_bug_whose_text_holds_the_token_is_told_without_it(make_rig: MakeRig) -> None:
    rig = canary_rig(make_rig)
    watch = Watch(rig)
    scene_id, _ = rig.add_pair("a", tags=["T"])

    rig.stash.edit_scene(scene_id, title="Bug")
    assert rig.wait_until(lambda: "It is in the dead letters" in rig.worker_log())
    rig.task("queue_status")

    ((kind, _, _),) = dead_letters(rig)
    assert kind == "RuntimeError"
    assert "X-Plex-Token=[redacted]" in rig.worker_log()
    watch.runs()
    watch.processes()
    assert watch.hits == []


def test_a_bug_whose_text_holds_the_token_leaves_no_token_in_a_file(make_rig: MakeRig) -> None:
    rig = canary_rig(make_rig)
    watch = Watch(rig)
    scene_id, _ = rig.add_pair("a", tags=["T"])

    rig.stash.edit_scene(scene_id, title="Bug")
    rig.wait_until(lambda: "It is in the dead letters" in rig.worker_log())

    watch.files()
    assert watch.hits == []


def test_an_address_with_a_token_in_it_is_not_repeated(make_rig: MakeRig) -> None:
    rig = canary_rig(make_rig)
    watch = Watch(rig)
    rig.configure(plex_url=f"http://{USER}:{OTHER_TOKEN}@127.0.0.1:1/?X-Plex-Token={OTHER_TOKEN}")
    rig.task("health_check")
    watch.runs()
    assert watch.hits == []

"""What programs rely on: JSON, quickly, and nothing is started by asking."""

import json
import time
import urllib.request
from pathlib import Path
from typing import Any

from simulators.rig import PLUGIN, Rig
from tests.e2e.answers import asked, bury, operation
from tests.e2e.test_dead_letter_tasks import open_breaker, postpone, write
from tests.golden import assert_golden
from tests.loaded import loaded_modules

HEAVY = {"plexapi", "requests", "stashapi", "persistqueue"}
QUESTIONS = ("queue_status", "outage_summary", "show_dlq", "inspect", "health_check")


def modules_of(rig: Rig, stdin: bytes) -> set[str]:
    answer, modules = loaded_modules(rig.manifest.directory / "Stash2Plex.py", stdin)
    assert "output" in json.loads(answer)
    return {name.split(".")[0] for name in modules}


def test_a_question_loads_no_client_of_anyone_but_stashs_for_titles(rig: Rig) -> None:
    for mode in ("status", "outages", "dead_letters"):
        run = operation(rig, mode)
        assert modules_of(rig, run.stdin) & HEAVY == set()

    bury(rig, 1, "PlexNotFound", "as it was", time.time())
    assert modules_of(rig, run.stdin) & HEAVY == {"requests", "stashapi"}


def test_no_question_starts_a_worker_whatever_there_is_to_do(rig: Rig) -> None:
    postpone(rig, 1)
    write(rig, "circuit_breaker.json", open_breaker(time.time() - 600))
    rig.configure(reconcile_interval="hourly")

    for mode in QUESTIONS:
        answer = operation(rig, mode, **_arguments_of(mode, 1))

        assert answer.error is None
        assert set(answer.output) >= {"level", "text"}
        assert rig.worker_pids() == []
    assert rig.worker_log() == ""
    assert rig.wait_until(lambda: rig.queued() == 1)


def test_an_operation_answers_through_stashs_api_and_in_words_without_the_format(rig: Rig) -> None:
    query = (
        f'mutation Ask($args: Map) {{\n  runPluginOperation(plugin_id: "{PLUGIN}", args: $args)\n}}'
    )
    body: dict[str, Any] = {
        "query": query,
        "variables": {"args": {"mode": "status", "format": "json"}},
    }
    request = urllib.request.Request(
        f"{rig.stash.url}/graphql", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )

    with urllib.request.urlopen(request) as answer:
        data = json.load(answer)["data"]["runPluginOperation"]

    assert data["level"] == "ok"
    assert isinstance(rig.stash.run_operation(PLUGIN, {"mode": "outages"}).output, str)
    assert "format is 'xml'" in str(operation(rig, "status", format="xml").error)


def test_state_files_of_garbage_are_no_reason_not_to_answer_but_a_database_is(rig: Rig) -> None:
    (rig.data / "queue").mkdir(parents=True)
    for name in ("circuit_breaker", "recovery_state", "outage_history", "stats",
                 "reconciliation_state"):  # fmt: skip
        (rig.data / f"{name}.json").write_bytes(b"\xff{garbage")

    answer = operation(rig, "status")
    assert answer.output["level"] == "ok"
    assert len(answer.messages("warning")) == 5
    assert rig.task("queue_status").error is None

    (rig.data / "queue" / "data.db").write_bytes(b"this is no database, it only has its name" * 99)
    answer = operation(rig, "status")
    assert_golden("status", "The database cannot be read", [str(answer.error)])
    assert answer.messages("error") == [answer.error]


def test_the_page_of_the_operations_names_every_member(rig: Rig) -> None:
    """What is promised in the documentation is what is answered."""
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    bury(rig, 1, "PlexNotFound", "as it was", time.time())
    scene_id, _ = rig.add_pair("a", tags=["T"])
    modes = (*QUESTIONS, "retry_dlq")
    answers = [asked(rig, mode, **_arguments_of(mode, scene_id)) for mode in modes]

    missing = {name for answer in answers for name in _members(answer) if f"`{name}`" not in page}

    assert missing == set()


def _arguments_of(mode: str, scene_id: int) -> dict[str, str]:
    return {"scene_id": str(scene_id)} if mode == "inspect" else {}


def _members(value: Any) -> set[str]:
    if isinstance(value, list):
        return {name for one in value for name in _members(one)}
    if not isinstance(value, dict):
        return set()
    free = {"by_error_type", "differences", "fields"}  # whose members are names of other things
    return set(value) | {
        name for key, one in value.items() if key not in free for name in _members(one)
    }

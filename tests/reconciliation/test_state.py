"""`reconciliation_state.json`, whoever wrote it."""

import json
from pathlib import Path

from hypothesis import given, strategies as st

from reconciliation.findings import Finding, GapOutcome, Outcome
from reconciliation.safety_limits import Question
from reconciliation.state import (
    Order,
    ReconciliationState,
    Run,
    Scope,
    StateFile,
    after,
    parse_reconciliation_state,
    without_result,
)
from shared.events import Report
from tests.reconciliation.support import due
from tests.reported import Reported, no_report
from tests.sync_queue.support import NOW, Clock
from tests.validation.strategies import JSON, json_object

NAMES = list(ReconciliationState.__dataclass_fields__)
QUESTION = Question("all scenes", NOW, 3, 4)


def file_in(folder: Path, report: Report = no_report) -> StateFile:
    return StateFile(str(folder / "reconciliation_state.json"), report, Clock())


def ended_run() -> Run:
    run = Run(Order(Scope.ALL), NOW)
    for outcome in (Outcome.EMPTY, Outcome.STALE, Outcome.STALE, Outcome.MISSING, Outcome.IN_STEP):
        run.result.count(Finding(outcome), synced_before=False, wanted=True)
    run.result.gap_outcomes.update(
        [GapOutcome.QUEUED, GapOutcome.QUEUED, GapOutcome.QUEUED, GapOutcome.DAMPED]
    )
    return run


@given(json_object(**{name: st.nothing() | JSON for name in NAMES}))
def test_any_stored_object_is_a_state_that_can_be_judged(raw: dict[str, object]) -> None:
    state = parse_reconciliation_state(raw)
    due(state, "hourly", "all", NOW, at_start=True)
    assert state.last_run_time >= 0
    assert set(state.last_gaps_by_type) == {"empty_metadata", "stale_sync", "missing"}
    json.dumps(after(state, ended_run(), NOW, "x").last_gaps_by_type)


def test_a_run_leaves_the_names_of_the_specification(tmp_path: Path) -> None:
    file = file_in(tmp_path)
    file.write(after(file.read(), ended_run(), NOW, "the summary"))
    stored = json.loads((tmp_path / "reconciliation_state.json").read_text())
    wanted = {
        "last_run_time": NOW,
        "last_run_scope": "all",
        "last_gaps_found": 4,
        "last_gaps_by_type": {"empty_metadata": 1, "stale_sync": 2, "missing": 1},
        "last_enqueued": 3,
        "last_scenes_checked": 5,
        "is_startup_run": False,
        "run_count": 1,
    }
    assert {name: stored[name] for name in wanted} == wanted
    # Older versions stored these names only.
    assert parse_reconciliation_state(wanted).interval_run_time == NOW


def test_a_run_without_a_result_leaves_the_last_result(tmp_path: Path) -> None:
    before = after(file_in(tmp_path).read(), ended_run(), NOW, "result")
    state = without_result(before, ended_run(), NOW + 9, "nothing")
    assert (state.last_run_time, state.run_count, state.last_gaps_found) == (NOW, 1, 4)
    assert (state.tried_at, state.ended_at, state.summary) == (NOW + 9, NOW + 9, "nothing")


def test_a_result_answers_the_question_but_a_startup_runs_does_not() -> None:
    asked = ReconciliationState(question=QUESTION)
    assert after(asked, ended_run(), NOW, "").question is None
    startup = Run(Order(Scope.RECENT, by_user=False, is_startup=True), NOW)
    assert after(asked, startup, NOW, "").question == QUESTION


def test_nothing_is_due_while_the_state_cannot_be_read(tmp_path: Path) -> None:
    reports = Reported()
    file = file_in(tmp_path, reports)
    path = tmp_path / "reconciliation_state.json"
    path.symlink_to(path)

    state = file.read()

    assert due(state, "hourly", "all", Clock()(), at_start=True) is None
    assert due(ReconciliationState(), "hourly", "all", Clock()(), at_start=True) is not None
    file.write(state)
    assert path.is_symlink()
    assert len(reports) == 1

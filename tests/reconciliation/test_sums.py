"""Every scene in one count, every gap in one more, through any number of processes."""

import pytest
from hypothesis import given, strategies as st

from reconciliation.findings import GAPS, Finding, GapDetectionResult, GapOutcome, Outcome
from reconciliation.state import Order, Run, Scope, run_of_today
from tests.sync_queue.support import NOW
from tests.validation.strategies import JSON, json_object

FINDINGS = st.builds(
    Finding,
    st.sampled_from(Outcome),
    st.lists(st.sampled_from(["title", "tags not locked", "no item"]), unique=True).map(tuple),
    again=st.booleans(),
    clears=st.lists(st.just("tags"), max_size=1).map(tuple),
)
SEEN = st.lists(st.tuples(FINDINGS, st.booleans(), st.booleans()), max_size=30)


def counted(seen: list[tuple[Finding, bool, bool]]) -> GapDetectionResult:
    result = GapDetectionResult()
    for finding, before, wanted in seen:
        result.count(finding, synced_before=before, wanted=wanted)
    return result


@given(SEEN)
def test_outcomes_and_gaps_add_up(seen: list[tuple[Finding, bool, bool]]) -> None:
    result = counted(seen)
    gaps = [finding for finding, _, _ in seen if finding.outcome in GAPS]
    assert result.checked == sum(result.outcomes.values()) == len(seen)
    assert result.gaps == sum(result.gaps_by_type.values()) == len(gaps)
    to_deal_with = sum(wanted and one.outcome in GAPS for one, _, wanted in seen)
    assert result.gaps == result.gap_outcomes[GapOutcome.NOT_ASKED] + to_deal_with
    assert result.synced == sum(before for _, before, _ in seen)
    assert result.again == sum(one.again for one, _, wanted in seen if wanted)
    assert result.cleared == sum(bool(one.clears) for one, _, wanted in seen if wanted)


def test_the_text_names_each_outcome_that_there_is() -> None:
    result = counted([(Finding(one), False, True) for one in Outcome])
    for one in Outcome:
        assert f"1 {one.value}" in result.text()
    assert GapDetectionResult().text() == "0 scenes checked"


def test_the_weight_is_held_against_what_is_there() -> None:
    seen = [
        (Finding(Outcome.STALE, again=True, clears=("tags",)), True, True),
        (Finding(Outcome.STALE, again=True, clears=("tags",)), True, False),
        (Finding(Outcome.IN_STEP), True, True),
        (Finding(Outcome.EMPTY), False, True),
        (Finding(Outcome.MISSING, again=True), True, True),
        (Finding(Outcome.NO_FILE), False, True),
    ]
    result = counted(seen)
    assert (result.again, result.synced, result.cleared, result.compared) == (2, 4, 1, 4)


ORDERS = st.builds(
    Order,
    st.sampled_from(Scope),
    only_empty=st.booleans(),
    by_user=st.booleans(),
    is_startup=st.booleans(),
)


WHOLE = Run(Order(Scope.ALL), NOW).to_state()


@given(
    st.dictionaries(st.text(), JSON)
    | st.fixed_dictionaries({name: JSON | st.just(value) for name, value in WHOLE.items()})
    | json_object(**{name: st.just(value) for name, value in WHOLE.items()})
)
def test_a_stored_run_that_is_none_is_none_and_no_error(raw: dict[str, object]) -> None:
    run = run_of_today(raw, NOW)
    assert run is None or run_of_today(run.to_state(), NOW) == run


@pytest.mark.parametrize(
    "bad",
    [
        {"begun_at": 10**400},
        {"cursor": float("inf")},
        {"order": None},
        {"order": {"scope": "some"}},
        {"sums": []},
        {"sums": {**WHOLE["sums"], "outcomes": {"OTHER": 1}}},
        {"sums": {**WHOLE["sums"], "fates": [1]}},
    ],
)
def test_what_cannot_be_read_begins_afresh(bad: dict[str, object]) -> None:
    assert run_of_today({**WHOLE, **bad}, NOW) is None

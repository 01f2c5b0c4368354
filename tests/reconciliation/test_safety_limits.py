from collections import Counter
from typing import Any

import pytest
from hypothesis import given, strategies as st

from reconciliation.findings import GapDetectionResult, Outcome
from reconciliation.safety_limits import (
    CONFIRMATION_HOURS,
    Question,
    exceeds_limits,
    hides_too_many,
    is_confirmed,
)
from shared.state_file import parse_fields
from tests.sync_queue.support import NOW
from tests.validation.strategies import JSON, json_object


def impact(compared: int = 0, **counts: Any) -> GapDetectionResult:
    return GapDetectionResult(outcomes=Counter({Outcome.IN_STEP: compared}), **counts)


DAY = CONFIRMATION_HOURS * 3600
ASKED = Question("all scenes", NOW, again=100, cleared=50)


@pytest.mark.parametrize(
    ("result", "unusual"),
    [
        (impact(), False),
        (impact(again=25, synced=25), False),
        (impact(again=26, synced=26), True),
        (impact(again=300, synced=1000), False),
        (impact(again=301, synced=1000), True),
        (impact(cleared=10, compared=10), False),
        (impact(cleared=11, compared=11), True),
        (impact(cleared=100, compared=1000), False),
        (impact(cleared=101, compared=1000), True),
        (impact(again=26, synced=0), True),
        (impact(lost=25), False),
        (impact(lost=26), True),
        (impact(lost=100, synced=900), False),
        (impact(lost=101, synced=899), True),
    ],
)
def test_a_share_above_a_minimum_is_unusual(result: GapDetectionResult, unusual: bool) -> None:
    assert exceeds_limits(result) is unusual


@pytest.mark.parametrize(
    ("unseen", "checked", "too_little"),
    [(10, 10, False), (11, 11, True), (11, 1100, False), (11, 1099, True), (0, 0, False)],
)
def test_plex_may_hide_one_in_a_hundred(unseen: int, checked: int, too_little: bool) -> None:
    assert hides_too_many(unseen, checked) is too_little


@pytest.mark.parametrize(
    ("again", "cleared", "confirmed"),
    [(100, 50, True), (145, 70, True), (146, 70, False), (145, 71, False), (0, 0, True)],
)
def test_a_second_run_may_do_a_little_more(again: int, cleared: int, confirmed: bool) -> None:
    result = impact(again=again, synced=1000, cleared=cleared, compared=1000)
    assert is_confirmed(result, ASKED.scope, ASKED, NOW + 60) is confirmed


@pytest.mark.parametrize(
    ("after", "confirmed"), [(0, True), (DAY, True), (DAY + 1, False), (-1, False)]
)
def test_an_answer_counts_within_a_day_of_its_question(after: float, confirmed: bool) -> None:
    assert is_confirmed(impact(again=100, synced=200), ASKED.scope, ASKED, NOW + after) is confirmed


def test_nothing_else_answers_a_question() -> None:
    assert not is_confirmed(impact(again=100, synced=200), "scenes of today", ASKED, NOW)
    assert not is_confirmed(impact(again=100, synced=200), ASKED.scope, None, NOW)


@given(JSON | json_object(scope=st.text(), at=JSON, again=JSON, cleared=JSON))
def test_a_stored_question_is_read_or_none_and_can_always_be_judged(raw: object) -> None:
    question = parse_fields(Question, raw)
    scope = "all" if question is None else question.scope
    confirmed = is_confirmed(impact(again=1, synced=1), scope, question, NOW)
    assert not (confirmed and question is None)

"""Stops a run that would change too much, until the user confirms the run.

An incomplete response of Stash or Plex looks as if scenes or items had been deleted.
"""

from dataclasses import dataclass

from reconciliation.findings import GapDetectionResult
from validation.values import counted

# Each limit is a share of all scenes and a number of scenes. A run is stopped if it exceeds both.
_LIMITS = {"again": (0.30, 25), "cleared": (0.10, 10), "lost": (0.10, 25)}
_UNSEEN_LIMIT = (0.01, 10)
CONFIRMATION_HOURS = 24.0
_GROWTH_SINCE_QUESTION = 1.2


@dataclass(frozen=True, slots=True)
class Question:
    scope: str
    at: float
    again: int
    cleared: int
    lost: int = 0


def exceeds_limits(result: GapDetectionResult) -> bool:
    return (
        _is_much(result.again, result.synced, *_LIMITS["again"])
        or _is_much(result.cleared, result.compared, *_LIMITS["cleared"])
        or _is_much(result.lost, result.synced + result.lost, *_LIMITS["lost"])
    )


def is_confirmed(
    result: GapDetectionResult, scope: str, question: Question | None, now: float
) -> bool:
    if question is None or question.scope != scope:
        return False
    return 0 <= now - question.at <= CONFIRMATION_HOURS * 3600 and all(
        getattr(result, name) <= getattr(question, name) * _GROWTH_SINCE_QUESTION + fewest
        for name, (_, fewest) in _LIMITS.items()
    )


def hides_too_many(unseen: int, checked: int) -> bool:
    return _is_much(unseen, checked, *_UNSEEN_LIMIT)


def question_text(result: GapDetectionResult, *, by_user: bool) -> str:
    how = "run the same task again" if by_user else "run the task 'Reconcile Library (All)' twice"
    changes = (
        (result.again, f"send {result.again} of {result.synced} scenes to Plex again"),
        (result.cleared, f"empty a field of {result.cleared} of {result.compared} items"),
        (result.lost, f"forget {counted(result.lost, 'scene')} that Stash no longer lists"),
    )
    return (
        f"This would {' and '.join(words for number, words in changes if number)}, which is "
        "unusually many. Nothing was queued. "
        f"If both libraries are complete and you want this, {how} within "
        f"{CONFIRMATION_HOURS:.0f} hours; 'Reconcile (Report Only)' shows the changes"
    )


def _is_much(part: int, whole: int, share: float, fewest: int) -> bool:
    return part > fewest and part > share * whole

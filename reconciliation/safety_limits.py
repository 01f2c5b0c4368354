"""Limits on the changes of a run; a run that exceeds them queues nothing and asks the user.

An incomplete answer of Stash or Plex looks like a library of which a part was deleted. So a run
asks before it sends many synced scenes again, empties many fields, or forgets many scenes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.state_file import parse_count, parse_moment

# Chosen so that a renamed studio or a day's work passes, and a lost tag table does not. Both the
# share and the number of scenes must be exceeded.
MOST_AGAIN, FEWEST_AGAIN = 0.30, 25  # of the scenes synced before
MOST_CLEARED, FEWEST_CLEARED = 0.10, 10  # of the scenes compared
MOST_LOST, FEWEST_LOST = 0.10, 25  # of the scenes known
MOST_UNSEEN, FEWEST_UNSEEN = 0.01, 10  # of the scenes checked
CONFIRMATION_HOURS = 24.0
_MOST_SCENES = 2**53  # a float is exact up to here
_SLACK = 1.2  # allows for edits between the two runs


@dataclass(frozen=True, slots=True)
class Impact:
    """How many scenes a run would change."""

    again: int = 0  # synced scenes that would be sent again
    synced: int = 0  # checked scenes that were synced before
    cleared: int = 0  # scenes of which Plex would lose a value
    compared: int = 0  # checked scenes with an item in Plex
    # Synced scenes that Stash no longer lists, so that their records would be removed
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """The question of a run to the user; a second run of the same task answers it with yes."""

    scope: str
    at: float
    again: int
    cleared: int
    lost: int = 0


def parse_question(raw: Any) -> Question | None:
    """Parse a stored question; return None for anything else."""
    if not isinstance(raw, Mapping):
        return None
    scope, at = raw.get("scope"), parse_moment(raw.get("at"))
    again, cleared = parse_count(raw.get("again")), parse_count(raw.get("cleared"))
    lost = parse_count(raw.get("lost")) or 0
    if not isinstance(scope, str) or at is None or again is None or cleared is None:
        return None
    if max(again, cleared, lost) > _MOST_SCENES:
        return None
    return Question(scope, at, again, cleared, lost)


def exceeds_limits(impact: Impact) -> bool:
    """Tell whether a run has to ask the user before it queues anything."""
    return (
        _is_much(impact.again, impact.synced, MOST_AGAIN, FEWEST_AGAIN)
        or _is_much(impact.cleared, impact.compared, MOST_CLEARED, FEWEST_CLEARED)
        or _is_much(impact.lost, impact.synced + impact.lost, MOST_LOST, FEWEST_LOST)
    )


def is_confirmed(impact: Impact, scope: str, question: Question | None, now: float) -> bool:
    """Tell whether a run confirms the question of an earlier run.

    It does if it has the same scope, starts within a day, and does not change much more scenes.
    """
    if question is None or question.scope != scope:
        return False
    return (
        0 <= now - question.at <= CONFIRMATION_HOURS * 3600
        and impact.again <= question.again * _SLACK + FEWEST_AGAIN
        and impact.cleared <= question.cleared * _SLACK + FEWEST_CLEARED
        and impact.lost <= question.lost * _SLACK + FEWEST_LOST
    )


def hides_too_many(unseen: int, checked: int) -> bool:
    """Tell whether Plex withheld so many listed items that no conclusion is possible."""
    return _is_much(unseen, checked, MOST_UNSEEN, FEWEST_UNSEEN)


def question_text(impact: Impact, *, by_user: bool) -> str:
    """Return the question to the user, with the way to confirm it."""
    how = "run the same task again" if by_user else "run its task twice"
    return (
        f"This would send {impact.again} of {impact.synced} scenes to Plex again, empty a field "
        f"of {impact.cleared} of {impact.compared} and forget {impact.lost} that Stash no longer "
        "lists, which is unusually many. Nothing was queued. "
        f"If both libraries are complete and you want this, {how} within "
        f"{CONFIRMATION_HOURS:.0f} hours; 'Reconcile (Report Only)' shows the changes"
    )


def _is_much(part: int, whole: int, share: float, fewest: int) -> bool:
    return part > fewest and part > share * whole

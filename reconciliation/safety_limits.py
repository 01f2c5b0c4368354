"""When a run stops before it queues anything, because what it found is more than looks right.

A Stash or Plex that gives half an answer looks like a library of which half was deleted. So a run
that would send a great share of what Plex already has once more, or empty fields of many items,
asks first. Pure functions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.state_file import parse_count, parse_moment

# Chosen so that a renamed studio or a day's work goes through, and a lost tag table does not.
MOST_AGAIN, FEWEST_AGAIN = 0.30, 25  # share of the scenes synced before, and scenes
MOST_CLEARED, FEWEST_CLEARED = 0.10, 10  # share of the scenes compared, and scenes
MOST_LOST, FEWEST_LOST = 0.10, 25  # share of the scenes known, and scenes
MOST_UNSEEN, FEWEST_UNSEEN = 0.01, 10  # share of the scenes checked, and scenes
CONFIRMATION_HOURS = 24.0
_MOST_SCENES = 2**53  # beyond it a number of scenes is no number that can be reckoned with
_SLACK = 1.2  # a library is edited between two runs


@dataclass(frozen=True, slots=True)
class Weight:
    """How much a run would change of what is there.

    Attributes:
        again: scenes of which Plex would get something again.
        synced: scenes that were synced before, of those checked.
        cleared: scenes of which a value would vanish from Plex.
        compared: scenes that have an item.
        lost: scenes that were synced before and that Stash no longer lists: what is known of them
            would be forgotten.
    """

    again: int = 0
    synced: int = 0
    cleared: int = 0
    compared: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """What a run has asked for, to be answered by a second run.

    Attributes:
        scope: what the run looked at, as people call it.
        at: when, in seconds since the epoch.
    """

    scope: str
    at: float
    again: int
    cleared: int
    lost: int = 0

    def to_state(self) -> dict[str, Any]:
        """Return the question as it is stored."""
        return {
            "scope": self.scope,
            "at": self.at,
            "again": self.again,
            "cleared": self.cleared,
            "lost": self.lost,
        }


def parse_question(raw: Any) -> Question | None:
    """Read a stored question; None for anything else."""
    if not isinstance(raw, Mapping):
        return None
    scope = raw.get("scope")
    at = parse_moment(raw.get("at"))
    again, cleared = parse_count(raw.get("again")), parse_count(raw.get("cleared"))
    lost = parse_count(raw.get("lost")) or 0
    if not isinstance(scope, str) or at is None or again is None or cleared is None:
        return None
    if max(again, cleared, lost) > _MOST_SCENES:
        return None
    return Question(scope, at, again, cleared, lost)


def is_unusual(weight: Weight) -> bool:
    """Tell whether a run has to ask before it queues anything."""
    return (
        _is_much(weight.again, weight.synced, MOST_AGAIN, FEWEST_AGAIN)
        or _is_much(weight.cleared, weight.compared, MOST_CLEARED, FEWEST_CLEARED)
        or _is_much(weight.lost, weight.synced + weight.lost, MOST_LOST, FEWEST_LOST)
    )


def is_confirmed(weight: Weight, scope: str, question: Question | None, now: float) -> bool:
    """Tell whether this second run answers the question that the first one asked.

    It does when it comes within a day, looks at the same scenes, and would do no more than what was
    asked for, but for some edits that were made meanwhile.
    """
    if question is None or question.scope != scope:
        return False
    if not 0 <= now - question.at <= CONFIRMATION_HOURS * 3600:
        return False
    return (
        weight.again <= question.again * _SLACK + FEWEST_AGAIN
        and weight.cleared <= question.cleared * _SLACK + FEWEST_CLEARED
        and weight.lost <= question.lost * _SLACK + FEWEST_LOST
    )


def shows_too_little(unseen: int, checked: int) -> bool:
    """Tell whether Plex kept so many listed items to itself that its answers prove nothing."""
    return _is_much(unseen, checked, MOST_UNSEEN, FEWEST_UNSEEN)


def question_text(weight: Weight, *, by_user: bool) -> str:
    """Say what a run would do, and how to let it; one that nobody started asks in vain."""
    how = "run the same task again" if by_user else "run its task twice"
    return (
        f"This would send {weight.again} of {weight.synced} scenes to Plex again, empty a field "
        f"of {weight.cleared} of {weight.compared} and forget {weight.lost} that Stash does not "
        "list any more, which is more than usual. Nothing was queued. "
        f"If Stash and Plex show all they have and you want this, {how} within "
        f"{CONFIRMATION_HOURS:.0f} hours; 'Reconcile (Report Only)' shows what would change"
    )


def _is_much(part: int, whole: int, share: float, fewest: int) -> bool:
    return part > fewest and part > share * whole

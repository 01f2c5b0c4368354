"""Which scenes that failed before are queued again, and when. Pure functions.

A scene whose job ended as a dead letter would fail again in every run. So it is tried again after
a day, then after two, four and so on, and at once when it was edited since. What Plex simply does
not have is left to the worker's own watch, which revives it when its file appears.
"""

import datetime
from collections.abc import Sequence

from sync_queue.dlq import DeadLetter

DAY = 86_400.0  # seconds
MOST_DOUBLINGS = 5  # the longest pause is a month
TRIES = "reconciled"  # in a job's data: how many times it was queued here after a failure
NOT_FOUND = "PlexNotFound"


def is_given_up(letters: Sequence[DeadLetter]) -> bool:
    """Tell whether the scene waits among the dead letters for its file to appear in Plex."""
    return any(letter.error_type == NOT_FOUND for letter in letters)


def tries_of(letters: Sequence[DeadLetter]) -> int:
    """Return how many times the scene was queued after a failure and failed again."""
    return max((_tries(letter) for letter in letters), default=0)


def is_damped(letters: Sequence[DeadLetter], changed_at: float | None, now: float) -> bool:
    """Tell whether the scene is to be left alone for now.

    Args:
        letters: the scene's.
        changed_at: when it was last edited in Stash; None when that is not known.
        now: seconds since the epoch, as `changed_at`.
    """
    failed_at = max((_moment(letter.failed_at) for letter in letters), default=None)
    if failed_at is None or (changed_at is not None and changed_at > failed_at):
        return False
    pause = DAY * 2.0 ** min(tries_of(letters), MOST_DOUBLINGS)
    return bool(0 <= now - failed_at < pause)


def _tries(letter: DeadLetter) -> int:
    tries = letter.job.data.get(TRIES) if letter.job is not None else None
    return tries if isinstance(tries, int) and not isinstance(tries, bool) and tries > 0 else 0


def _moment(text: str) -> float:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    return moment.replace(tzinfo=datetime.UTC).timestamp()

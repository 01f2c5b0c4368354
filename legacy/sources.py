"""The files of the earlier implementation that are taken over, and how each is read and stored."""

import os
import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import field
from functools import partial

from legacy.dead_letters import read_letters, store_letters
from legacy.presence import LETTERS, STAMPS
from legacy.time_stamps import read_time_stamps, store_time_stamps
from legacy.waiting_jobs import read_queue, store_queue
from shared.frozen import frozen


@frozen
class Found:
    """What a file holds.

    Attributes:
        text: what is taken over of it, for people; empty when there is nothing.
        store: does so, inside a transaction on our database.
        left: why something is not, and how often.
    """

    text: str
    store: Callable[[sqlite3.Connection], None]
    left: Counter[str] = field(default_factory=Counter)


def may_hold_secrets(name: str) -> bool:
    """Tell whether this file can be read only by who knows what to blank out."""
    return os.path.basename(name) == LETTERS


def read_file(name: str, path: str, now: float, redact: Callable[[str], str]) -> Found:
    """Read one file.

    Args:
        name: one of `FILES`.
        path: where it lies.
        now: seconds since the epoch.
        redact: blanks out secrets.

    Raises:
        UnreadableSourceError: it holds something else.
        SourceBusyError: it cannot be read now.
    """
    kind = os.path.basename(name)
    if kind == STAMPS:
        stamps = read_time_stamps(path)
        text = f"{len(stamps):,} time stamps" if stamps else ""
        return Found(text, partial(store_time_stamps, stamps=stamps))
    if kind == LETTERS:
        letters = read_letters(path, now)
        store = partial(store_letters, found=letters, now=now, redact=redact)
        return Found(letters.text, store, letters.left)
    jobs = read_queue(path)
    return Found(jobs.text, partial(store_queue, found=jobs, now=now), jobs.left)

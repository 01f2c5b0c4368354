"""Learns the behaviour of a Plex server from items that are read back after a write."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from plex.diff import (
    DATE,
    PLEX_NAMES,
    SORT_TITLE,
    TITLE,
    Value,
    days_between,
    same,
    sorts_as,
)
from plex.edit_parameters import needs_decoding
from plex.exceptions import PlexError
from plex.items import IMAGE_LOCKS, PlexItem
from plex.server_facts import Behaviour, DateClearing, RemovalEncoding, ServerFacts, SortTitle
from validation.paths import folded
from worker.sync.session import SyncSession

_LOCKS = frozenset({*PLEX_NAMES.values(), *IMAGE_LOCKS.values()})


class ReadBack(NamedTuple):
    """An item before and after an edit."""

    before: PlexItem
    after: PlexItem
    sent: Mapping[str, Value]  # our field name → sent value
    removed: Mapping[str, set[str]]  # our name of a list → names that the edit removed


def learn(facts: ServerFacts, items: Sequence[ReadBack]) -> None:
    """Learn from edited items."""
    known = facts.behaviour()
    shown = _learn_shown_locks(facts, known, [item.after for item in items])
    lacking = Counter(
        PLEX_NAMES[name]
        for item in items
        for name in item.sent
        if PLEX_NAMES[name] not in shown and _arrived(item, name)
    )
    for lock, count in lacking.items():
        # A user may just have unlocked a single item that shows no lock at all.
        if lock not in known.hidden_locks and (shown or count > 1):
            facts.learn_lock(lock, shown=False)
    for item in items:
        _learn_date(facts, item, known)
        _learn_sort_title(facts, item, known)
        _learn_removal(facts, item, known)


def learn_image_locks(facts: ServerFacts, items: Sequence[tuple[PlexItem, str]]) -> None:
    """Learn from items that are read back after an image (the kind is given) was locked."""
    known = facts.behaviour()
    shown = _learn_shown_locks(facts, known, [item for item, _ in items])
    for item, kind in items:
        lock = IMAGE_LOCKS[kind]
        if lock not in shown | known.hidden_locks and item.locked:
            facts.learn_lock(lock, shown=False)


def probe_locks(
    session: SyncSession, items: Sequence[tuple[PlexItem, Mapping[str, Value]]]
) -> None:
    """Find out which locks never show, where that was forgotten.

    If an item shows a sent value without its lock, a user unlocked the field, or the server never
    shows this lock. One edit per lock tells which, instead of one edit per item.

    Args:
        items: each with the sent values that it should still show.
    """
    known = session.facts.behaviour()
    settled = {*known.shown_locks, *known.hidden_locks}
    settled |= {lock for item, _ in items for lock in item.locked}
    for item, sent in items:
        for name, value in sent.items():
            lock = PLEX_NAMES.get(name, "")
            if not lock or lock in settled or not _shows(item, name, value):
                continue
            settled.add(lock)
            with suppress(PlexError):  # the edits that follow meet the same error
                session.client.edit(item, {name: {f"{lock}.locked": "1"}})
                after = session.client.read_items([item.rating_key]).get(item.rating_key)
                if after is not None and after.locked:
                    session.facts.learn_lock(lock, shown=lock in after.locked)


def _learn_shown_locks(
    facts: ServerFacts, known: Behaviour, items: Iterable[PlexItem]
) -> frozenset[str]:
    """Learn the locks that items show; return all locks that are known to show."""
    shown = frozenset(lock for item in items for lock in item.locked) & _LOCKS
    for lock in sorted(shown - known.shown_locks):
        facts.learn_lock(lock, shown=True)
    return shown | known.shown_locks


def _learn_date(facts: ServerFacts, item: ReadBack, known: Behaviour) -> None:
    sent, after = item.sent.get(DATE), item.after
    lock = PLEX_NAMES[DATE]
    if not isinstance(sent, str) or lock not in after.locked | known.hidden_locks:
        return
    if not sent and item.before.date:
        if not after.date:
            facts.learn(DateClearing.ACCEPTED)
        elif known.date_clearing is not DateClearing.REFUSED:
            facts.learn(DateClearing.IGNORED)
    days = days_between(sent, after.date)
    if days in (-1, 1):
        facts.learn_date_shift(after.section_key, days)


def _learn_sort_title(facts: ServerFacts, item: ReadBack, known: Behaviour) -> None:
    title, before, after = item.sent.get(TITLE), item.before, item.after
    if not isinstance(title, str) or known.sort_title is SortTitle.STAYS:
        return
    sorted_by = before.sort_title or before.title
    changed = not same(before.title, title) and same(after.title, title)
    if not changed or SORT_TITLE in after.locked or sorts_as(title, sorted_by):
        return
    stays = same(after.sort_title or after.title, sorted_by)
    facts.learn(SortTitle.STAYS if stays else SortTitle.FOLLOWS)


def _learn_removal(facts: ServerFacts, item: ReadBack, known: Behaviour) -> None:
    """Learn from names that remain after an edit that removed them and arrived."""
    if known.removal_encoding is not None:
        return
    for name, removed in item.removed.items():
        remaining = removed.intersection(getattr(item.after, name))
        if remaining and all(map(needs_decoding, remaining)) and _arrived(item, name):
            facts.learn(RemovalEncoding.ONCE)


def _arrived(item: ReadBack, name: str) -> bool:
    """Tell whether an edit had an effect, and this field shows the sent value."""
    had_effect = any(
        PLEX_NAMES[field] in item.after.locked
        or not same(getattr(item.before, field), getattr(item.after, field))
        for field in item.sent
    )
    return had_effect and _shows(item.after, name, item.sent[name])


def _shows(item: PlexItem, name: str, value: Value) -> bool:
    shown = getattr(item, name)
    if isinstance(value, str):
        return same(shown, value)
    return {folded(entry) for entry in value} <= {folded(entry) for entry in shown}

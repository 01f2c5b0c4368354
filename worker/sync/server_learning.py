"""Learns how a Plex server behaves from items that were read back after they were written."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from plex.client import PlexClient
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
from plex.edit_requests import needs_decoding
from plex.exceptions import PlexError
from plex.items import PlexItem
from plex.server_facts import (
    Behaviour,
    DateClearing,
    RemovalEncoding,
    ServerFacts,
    SortTitle,
)
from validation.metadata import folded

_IMAGE_LOCKS = {"poster": "thumb", "art": "art"}
_LOCKS = frozenset({*PLEX_NAMES.values(), *_IMAGE_LOCKS.values()})


class ReadBack(NamedTuple):
    """An item before and after an edit.

    Attributes:
        sent: our field name → the value that the edit gave.
        removed: our field name of a list → the names that the edit removed by name.
    """

    before: PlexItem
    after: PlexItem
    sent: Mapping[str, Value]
    removed: Mapping[str, set[str]]


class ServerLearning:
    """Turns what was read back into facts about the server.

    Args:
        facts: what is known about the server.
    """

    def __init__(self, facts: ServerFacts) -> None:
        self._facts = facts

    def behaviour(self) -> Behaviour:
        """Return what is known by now."""
        return self._facts.behaviour()

    def learn(self, items: Sequence[ReadBack]) -> None:
        """Learn from items that were edited."""
        known = self._facts.behaviour()
        shown = self._note_shown_locks(known, [one.after for one in items])
        lacking = Counter(
            PLEX_NAMES[name]
            for one in items
            for name in one.sent
            if PLEX_NAMES[name] not in shown and _arrived(one, name)
        )
        for lock, count in lacking.items():
            # One item without any lock may have been unlocked by somebody in this moment.
            if lock not in known.hidden_locks and (shown or count > 1):
                self._facts.learn_lock(lock, shown=False)
        for one in items:
            self._learn_date(one, known)
            self._learn_sort_title(one, known)
            self._learn_removal(one, known)

    def learn_image_locks(self, items: Iterable[tuple[PlexItem, str]]) -> None:
        """Learn from items (as read back) of which an image of some kind was locked."""
        found = list(items)
        known = self._facts.behaviour()
        shown = self._note_shown_locks(known, [item for item, _ in found])
        for item, kind in found:
            lock = _IMAGE_LOCKS[kind]
            if lock not in shown | known.hidden_locks and item.locked:
                self._facts.learn_lock(lock, shown=False)

    def probe_locks(
        self, client: PlexClient, items: Sequence[tuple[PlexItem, Mapping[str, Value]]]
    ) -> None:
        """Find out which locks never show, where that was forgotten.

        An item that shows what it was sent but lacks the lock was unlocked by somebody, or the
        server does not show that lock. One edit tells which, instead of one for each item.

        Args:
            client: Plex.
            items: each with what it was last sent and shall still show.
        """
        known = self._facts.behaviour()
        settled = known.shown_locks | known.hidden_locks
        settled |= frozenset(lock for item, _ in items for lock in item.locked)
        for item, sent in items:
            for name, value in sent.items():
                lock = PLEX_NAMES.get(name, "")
                if not lock or lock in settled or not _shows(item, name, value):
                    continue
                settled |= {lock}
                with suppress(PlexError):  # the edits that follow will tell
                    client.edit(item, {name: {f"{lock}.locked": "1"}})
                    after = client.read_items([item.rating_key]).get(item.rating_key)
                    if after is not None and after.locked:
                        self._facts.learn_lock(lock, shown=lock in after.locked)

    def _note_shown_locks(self, known: Behaviour, items: Iterable[PlexItem]) -> frozenset[str]:
        shown = frozenset(lock for item in items for lock in item.locked) & _LOCKS
        for lock in sorted(shown - known.shown_locks):
            self._facts.learn_lock(lock, shown=True)
        return shown | known.shown_locks

    def _learn_date(self, one: ReadBack, known: Behaviour) -> None:
        sent, after = one.sent.get(DATE), one.after
        lock = PLEX_NAMES[DATE]
        if not isinstance(sent, str) or lock not in after.locked | known.hidden_locks:
            return
        if not sent and one.before.date:
            if not after.date:
                self._facts.learn(DateClearing.ACCEPTED)
            elif known.date_clearing is not DateClearing.REFUSED:
                self._facts.learn(DateClearing.IGNORED)
        days = days_between(sent, after.date)
        if days in (-1, 1):
            self._facts.learn_date_shift(after.section_key, days)

    def _learn_sort_title(self, one: ReadBack, known: Behaviour) -> None:
        title, before, after = one.sent.get(TITLE), one.before, one.after
        if not isinstance(title, str) or known.sort_title is SortTitle.STAYS:
            return
        sorted_by = before.sort_title or before.title
        changed = not same(before.title, title) and same(after.title, title)
        if not changed or SORT_TITLE in after.locked or sorts_as(title, sorted_by):
            return
        stays = same(after.sort_title or after.title, sorted_by)
        self._facts.learn(SortTitle.STAYS if stays else SortTitle.FOLLOWS)

    def _learn_removal(self, one: ReadBack, known: Behaviour) -> None:
        """Learn from names that stayed although an edit that arrived removed them."""
        if known.removal_encoding is not None:
            return
        for name, removed in one.removed.items():
            stayed = removed.intersection(getattr(one.after, name))
            if stayed and all(map(needs_decoding, stayed)) and _arrived(one, name):
                self._facts.learn(RemovalEncoding.ONCE)


def _arrived(one: ReadBack, name: str) -> bool:
    """Tell whether an edit was carried out, and this field shows what it was sent."""
    carried_out = any(
        PLEX_NAMES[field] in one.after.locked
        or not same(getattr(one.before, field), getattr(one.after, field))
        for field in one.sent
    )
    return carried_out and _shows(one.after, name, one.sent[name])


def _shows(item: PlexItem, name: str, value: Value) -> bool:
    shown = getattr(item, name)
    if isinstance(value, str):
        return same(shown, value)
    return {folded(one) for one in value} <= {folded(one) for one in shown}

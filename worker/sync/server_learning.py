from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from plex.diff import (
    DATE,
    PLEX_NAMES,
    SORT_TITLE,
    SORTED_AS,
    TITLE,
    Value,
    days_between,
    same,
    sorts_as,
)
from plex.edit_parameters import Parameters, needs_decoding, removed_names
from plex.exceptions import PlexError
from plex.items import IMAGE_LOCKS, PlexItem
from plex.server_facts import Behaviour, DateClearing, RemovalEncoding, ServerFacts, SortTitle
from sync_queue.sync_log import FieldValues, ItemRecord
from validation.paths import folded
from worker.sync.scene_work import EditPlanner, SceneWork
from worker.sync.session import SyncSession

# A key of a job's data. Such a job syncs a scene again, because Plex did not show the sent values.
RESYNC = "sent_again"
_LOCKS = frozenset({*PLEX_NAMES.values(), *IMAGE_LOCKS.values()})


@dataclass(frozen=True, slots=True)
class SentEdit:
    work: SceneWork
    before: PlexItem
    after: PlexItem  # equal to `before` until the item is read back
    accepted: Mapping[str, Parameters]
    record: ItemRecord
    original: FieldValues

    @property
    def is_second_attempt(self) -> bool:
        return any(claim.job.data.get(RESYNC) for claim in self.work.claims)

    def has_changed(self, name: str) -> bool:
        return not same(getattr(self.before, name), getattr(self.after, name))

    @property
    def sent(self) -> Mapping[str, Value]:
        values = self.record.sent
        return {name: values[name] for name in self.accepted if name in values}


def learn(facts: ServerFacts, edits: Sequence[SentEdit]) -> None:
    known = facts.behaviour()
    shown = _learn_shown_locks(facts, known, [edit.after for edit in edits])
    lacking = Counter(
        PLEX_NAMES[name]
        for edit in edits
        for name in edit.sent
        if PLEX_NAMES[name] not in shown and _arrived(edit, name)
    )
    for lock, count in lacking.items():
        # One missing lock is no proof that the server never reports it, because a user may have
        # unlocked the field.
        if lock not in known.hidden_locks and (shown or count > 1):
            facts.learn_lock(lock, shown=False)
    for edit in edits:
        _learn_date(facts, edit, known)
        _learn_sort_title(facts, edit, known)
        _learn_removal(facts, edit, known)


def learn_image_locks(facts: ServerFacts, items: Sequence[tuple[PlexItem, str]]) -> None:
    known = facts.behaviour()
    shown = _learn_shown_locks(facts, known, [item for item, _ in items])
    for item, kind in items:
        lock = IMAGE_LOCKS[kind]
        if lock not in shown | known.hidden_locks and item.locked:
            facts.learn_lock(lock, shown=False)


def probe_locks(session: SyncSession, works: Sequence[SceneWork], planner: EditPlanner) -> None:
    """Find fields whose locks Plex never reports.

    For each field with an unknown answer, lock the field in an item, and read the item back.
    """
    known = session.facts.behaviour()
    pairs = [(work, item) for work in works for item in work.items]
    known_locks = {*known.shown_locks, *known.hidden_locks}
    known_locks |= {lock for _, item in pairs for lock in item.locked}
    for work, item in pairs:
        record = planner.sent_for(work.scene.id, item.rating_key)
        for name, value in record.sent.items() if record is not None else ():
            lock = PLEX_NAMES.get(name, "")
            is_known = not lock or lock in known_locks
            if is_known or not work.desired.is_set(name) or not shows(item, name, value):
                continue
            known_locks.add(lock)
            # Errors are ignored here. If Plex is down, the batch's next edit reports the error.
            with suppress(PlexError):
                session.client.edit(item, {name: {f"{lock}.locked": "1"}})
                after = session.client.read_items([item.rating_key]).get(item.rating_key)
                if after is not None and after.locked:
                    session.facts.learn_lock(lock, shown=lock in after.locked)


def _learn_shown_locks(
    facts: ServerFacts, known: Behaviour, items: Iterable[PlexItem]
) -> frozenset[str]:
    shown = frozenset(lock for item in items for lock in item.locked) & _LOCKS
    for lock in sorted(shown - known.shown_locks):
        facts.learn_lock(lock, shown=True)
    return shown | known.shown_locks


def _learn_date(facts: ServerFacts, edit: SentEdit, known: Behaviour) -> None:
    sent, after = edit.sent.get(DATE), edit.after
    lock = PLEX_NAMES[DATE]
    if not isinstance(sent, str) or lock not in after.locked | known.hidden_locks:
        return
    if not sent and edit.before.date:
        if not after.date:
            facts.learn(DateClearing.ACCEPTED)
        elif known.date_clearing is not DateClearing.REFUSED:
            facts.learn(DateClearing.IGNORED)
    days = days_between(sent, after.date)
    if days in (-1, 1):
        facts.learn_date_shift(after.section_key, days)


def _learn_sort_title(facts: ServerFacts, edit: SentEdit, known: Behaviour) -> None:
    title, before, after = edit.sent.get(TITLE), edit.before, edit.after
    if not isinstance(title, str) or known.sort_title is SortTitle.STAYS:
        return
    sorted_by = before.sort_title or before.title
    changed = not same(before.title, title) and same(after.title, title)
    is_set = {SORT_TITLE, SORTED_AS} & {*after.locked, *edit.accepted}
    if changed and not is_set and not sorts_as(title, sorted_by):
        stays = same(after.sort_title or after.title, sorted_by)
        facts.learn(SortTitle.STAYS if stays else SortTitle.FOLLOWS)


def _learn_removal(facts: ServerFacts, edit: SentEdit, known: Behaviour) -> None:
    if known.removal_encoding is not None:
        return
    for name, parameters in edit.accepted.items():
        remaining = removed_names(parameters).intersection(getattr(edit.after, name))
        if name in edit.sent:
            arrived = _arrived(edit, name)
        else:
            is_unlocked = PLEX_NAMES[name] in edit.before.locked - edit.after.locked
            arrived = is_unlocked or edit.has_changed(name)
        if remaining and all(map(needs_decoding, remaining)) and arrived:
            facts.learn(RemovalEncoding.ONCE)


def _arrived(edit: SentEdit, name: str) -> bool:
    locked = edit.after.locked
    had_effect = any(PLEX_NAMES[field] in locked or edit.has_changed(field) for field in edit.sent)
    return had_effect and shows(edit.after, name, edit.sent[name])


def shows(item: PlexItem, name: str, value: Value) -> bool:
    shown = getattr(item, name)
    if isinstance(value, str):
        return same(shown, value)
    return {folded(entry) for entry in value} <= {folded(entry) for entry in shown}

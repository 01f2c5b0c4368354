from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from plex.diff import ADDITIVE, DATE, PLEX_NAMES, SORT_TITLE, TITLE, Comparison, ItemEdit
from plex.edit_parameters import is_emptying, needs_decoding, removed_names
from plex.exceptions import PlexError
from plex.items import POSTER, PlexItem
from plex.server_facts import Behaviour, RemovalEncoding
from shared.events import Event
from sync_queue.operations import METADATA, scene_job
from sync_queue.sync_log import FieldValues
from worker.services import Services
from worker.sync.cover_sync import select_image
from worker.sync.server_learning import RESYNC, SentEdit, learn, learn_image_locks, shows
from worker.sync.session import SyncSession


@dataclass
class Verification:
    """Reads edited items back from Plex after a batch, and compares them with the sent values."""

    services: Services
    session: SyncSession
    edits: dict[int, SentEdit] = field(default_factory=dict)
    images: dict[int, tuple[PlexItem, Mapping[str, str]]] = field(default_factory=dict)
    image_locks: dict[int, set[str]] = field(default_factory=dict)

    def run(self) -> None:
        keys = list(dict.fromkeys((*self.edits, *self.images, *self.image_locks)))
        if not keys:
            return
        try:
            items, _ = self.session.client.read_each(keys)
            for key, (before, sent) in self.images.items():
                for kind, sha1 in sent.items():
                    path = "thumb" if kind == POSTER else "art"
                    if key in items and getattr(items[key], path) == getattr(before, path):
                        select_image(self.session, key, kind, sha1)
        except PlexError as error:
            self.services.log.step(
                f"The values were sent, but could not be read back to check them: {error}"
            )
            return
        facts = self.session.facts
        locked = [
            (item, kind) for key, item in items.items() for kind in self.image_locks.get(key, ())
        ]
        learn_image_locks(facts, locked)
        edits = [replace(self.edits[key], after=items[key]) for key in items if key in self.edits]
        learn(facts, edits)
        behaviour, now = facts.behaviour(), self.services.clock()
        repeated = [edit for edit in edits if self._needs_another_sync(edit, behaviour)]
        scene_ids = dict.fromkeys(edit.work.scene.id for edit in repeated)
        jobs = [scene_job(scene_id, METADATA, now, {RESYNC: True}) for scene_id in scene_ids]
        if jobs:
            self.services.queue.enqueue(jobs)

    def _needs_another_sync(self, edit: SentEdit, behaviour: Behaviour) -> bool:
        desired, sent, refused = edit.work.desired, edit.record.sent, edit.record.refused
        left = Comparison(
            desired, edit.after, sent, edit.original, refused=refused, behaviour=behaviour
        ).edit()
        learned = () if edit.is_second_attempt else _left_by_behaviour(left, edit, behaviour)
        unkept = [name for name in left.fields if name in edit.accepted and name not in learned]
        met_another = bool(unkept) and self._met_another_writer(edit, left, unkept, behaviour)
        shown = {name: _shown(edit.after, name) for name in learned if name not in ADDITIVE}
        if not edit.is_second_attempt and behaviour.removal_encoding is RemovalEncoding.ONCE:
            shown |= _kept_names(edit)
        if shown:
            # Record these values of Plex, or the next sync would take them for edits by a user.
            self._remember(edit, shown)
        return bool(learned or shown) or met_another

    def _remember(self, edit: SentEdit, sent: FieldValues, **changes: Any) -> None:
        log, server_id = self.services.queue.sync_log, self.session.library.server_id
        scene_id, key = edit.work.scene.id, edit.after.rating_key
        # The edit's record lacks the SHA-1 of images, because images are uploaded after the edit.
        stored = log.records_of_item(server_id, key).get(scene_id) or edit.record
        record = replace(stored, sent={**stored.sent, **sent}, **changes)
        log.remember_item(scene_id, server_id, key, record, self.services.clock())

    def _met_another_writer(
        self, edit: SentEdit, left: ItemEdit, unkept: Sequence[str], behaviour: Behaviour
    ) -> bool:
        """Report values that Plex did not keep. Return whether another program changed them."""
        candidates = () if edit.is_second_attempt else unkept
        others = [name for name in candidates if edit.has_changed(name)]
        ours = edit.record.sent
        is_first = all(
            shows(edit.before if isinstance(ours[name], str) else edit.after, name, ours[name])
            for name in others
        )
        # A user or another program may have set these fields, so Plex's values are not recorded as
        # sent.
        kept = {*ADDITIVE, *(() if is_first else others)}
        shown = {name: _shown(edit.after, name) for name in unkept if name not in kept}
        scene, report = edit.work.scene, self.services.log.event
        names: dict[str, Any] = {"scene": scene.id, "label": scene.label}
        if others:
            self._remember(edit, shown, digest="")
            report(Event.OTHER_WRITER, **names, fields=others)
        elif _was_lost(edit, unkept, behaviour):
            self._remember(edit, shown, digest="")
            report(Event.EDIT_LOST, **names)
        else:
            values = {name: left.sent[name] for name in unkept}
            self._remember(edit, shown, refused={**edit.record.refused, **values})
            report(Event.FIELDS_NOT_KEPT, **names, fields=unkept)
        return bool(others)


def _kept_names(edit: SentEdit) -> dict[str, str | list[str]]:
    kept: dict[str, str | list[str]] = {}
    for name in ADDITIVE & edit.accepted.keys():
        removed = set(filter(needs_decoding, removed_names(edit.accepted[name])))
        left = [entry for entry in getattr(edit.after, name) if entry in removed]
        if left:
            kept[name] = [*edit.record.sent.get(name, ()), *left]
    return kept


def _was_lost(edit: SentEdit, unkept: Sequence[str], behaviour: Behaviour) -> bool:
    if len(unkept) < len(edit.accepted):
        return False
    locked = edit.after.locked | behaviour.hidden_locks
    return len(unkept) > 1 or PLEX_NAMES[unkept[0]] not in locked


def _left_by_behaviour(left: ItemEdit, edit: SentEdit, behaviour: Behaviour) -> Sequence[str]:
    title = left.fields.get(TITLE, {})
    sorts = f"{SORT_TITLE}.value" in title and f"{PLEX_NAMES[TITLE]}.value" not in title
    is_cleared = edit.work.desired.date == ""
    dates = DATE in left.fields and is_cleared and behaviour.cannot_clear_dates
    found = [name for name, holds in ((TITLE, sorts), (DATE, dates)) if holds]
    if behaviour.removal_encoding is RemovalEncoding.ONCE:
        found += [
            name
            for name, parameters in left.fields.items()
            if name in edit.accepted
            and (is_emptying(parameters) or any(map(needs_decoding, removed_names(parameters))))
        ]
    return found


def _shown(item: PlexItem, name: str) -> str | list[str]:
    value = getattr(item, name)
    return value if isinstance(value, str) else list(value)

"""Reads back what a batch has sent, and finds the values that Plex did not keep."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from plex.diff import (
    COLLECTIONS,
    DATE,
    LISTS,
    PLEX_NAMES,
    SORT_TITLE,
    TITLE,
    ItemEdit,
    edit_for,
    same,
)
from plex.edit_parameters import Parameters, is_emptying, needs_decoding, removed_names
from plex.exceptions import PlexError
from plex.items import POSTER, PlexItem
from plex.server_facts import Behaviour, RemovalEncoding
from shared.events import Event
from sync_queue.operations import METADATA, scene_job
from sync_queue.sync_records import FieldValues, ItemRecord
from validation.metadata import SceneMetadata
from validation.paths import folded
from worker.services import Services
from worker.sync.cover_sync import select_image
from worker.sync.scene_work import SceneWork
from worker.sync.server_learning import ReadBack, learn, learn_image_locks
from worker.sync.session import SyncSession

_AGAIN = "sent_again"  # in a job's data: the read-back of the scene's last sync asked for this one


class _Expected(NamedTuple):
    """The last edit of an item; two scenes of one batch may edit the same item."""

    work: SceneWork
    before: PlexItem  # the item before the edit
    fields: Mapping[str, Parameters]  # the parameters that Plex accepted
    record: ItemRecord
    original: FieldValues

    @property
    def is_again(self) -> bool:
        """Whether the edit is a second try."""
        return any(claim.job.data.get(_AGAIN) for claim in self.work.claims)


class Verification:
    """Compares what was sent with what Plex shows; one request reads many items.

    This comes after the jobs are finished, and fails none of them:

    - A field that Plex silently did not keep is reported once, and not sent again until the scene
      has another value.
    - A field that shows neither the sent nor the former value met another writer, such as Plex's
      agent at a new item. The scene is synced once more.
    - The server's behaviour is learned first, from all items. A scene that needs another edit
      because of it is synced once more.
    """

    def __init__(self, services: Services, session: SyncSession) -> None:
        self._queue = services.queue
        self._clock = services.clock
        self._log = services.log
        self._session = session
        self._expected: dict[int, _Expected] = {}
        self._images: dict[int, tuple[PlexItem, Mapping[str, str]]] = {}
        self._locked: dict[int, set[str]] = {}

    def expect(
        self,
        work: SceneWork,
        item: PlexItem,
        fields: Mapping[str, Parameters],
        record: ItemRecord,
        original: FieldValues,
    ) -> None:
        """Add an edited item, with the parameters that Plex accepted, by field."""
        self._expected[item.rating_key] = _Expected(work, item, fields, record, original)

    def expect_images(self, item: PlexItem, sent: Mapping[str, str]) -> None:
        """Add an item with uploaded images: kind → SHA-1."""
        self._images[item.rating_key] = (item, sent)

    def expect_image_locks(self, item: PlexItem, kinds: Iterable[str]) -> None:
        """Add an item with locked images."""
        self._locked.setdefault(item.rating_key, set()).update(kinds)

    def run(self) -> None:
        """Read all added items back; if Plex fails, nothing is concluded."""
        expected, self._expected = self._expected, {}
        images, self._images = self._images, {}
        locked, self._locked = self._locked, {}
        keys = list(dict.fromkeys((*expected, *images, *locked)))
        if not keys:
            return
        try:
            items, _ = self._session.client.read_each(keys)
            self._check_images(items, images)
        except PlexError as error:
            self._log.step(f"Sent values were not read back: {error}")
            return
        facts = self._session.facts
        edited = {key: item for key, item in items.items() if key in expected}
        learn_image_locks(
            facts, [(item, kind) for key, item in items.items() for kind in locked.get(key, ())]
        )
        learn(facts, [_read_back(expected[key], item) for key, item in edited.items()])
        behaviour = facts.behaviour()
        scene_ids = [
            expected[key].work.scene.id
            for key, item in edited.items()
            if self._needs_another_sync(item, expected[key], behaviour)
        ]
        now = self._clock()
        jobs = [scene_job(key, METADATA, now, {_AGAIN: True}) for key in dict.fromkeys(scene_ids)]
        if jobs:
            self._queue.enqueue(jobs)

    def _check_images(
        self,
        items: Mapping[int, PlexItem],
        images: Mapping[int, tuple[PlexItem, Mapping[str, str]]],
    ) -> None:
        """Select the uploaded images that Plex does not show: their path did not change."""
        for rating_key, (before, sent) in images.items():
            item = items.get(rating_key)
            for kind, sha1 in sent.items():
                if item is not None and _image_path(item, kind) == _image_path(before, kind):
                    select_image(self._session, rating_key, kind, sha1)

    def _needs_another_sync(self, item: PlexItem, sent: _Expected, behaviour: Behaviour) -> bool:
        """Remember what Plex did not keep; tell whether the scene has to be synced once more."""
        record = sent.record
        left = edit_for(
            sent.work.desired,
            item,
            record.sent,
            sent.original,
            refused=record.refused,
            behaviour=behaviour,
        )
        learned = () if sent.is_again else _left_by_behaviour(left, sent.work.desired, behaviour)
        unkept = [name for name in left.fields if name in sent.fields and name not in learned]
        met_another = bool(unkept) and self._met_another_writer(item, sent, left, unkept, behaviour)
        return bool(learned) or met_another

    def _met_another_writer(
        self,
        item: PlexItem,
        sent: _Expected,
        left: ItemEdit,
        unkept: Sequence[str],
        behaviour: Behaviour,
    ) -> bool:
        """Remember what Plex did not keep; tell whether another writer is the cause."""
        log, server_id = self._queue.sync_log, self._session.library.server_id
        record = sent.record
        others = () if sent.is_again else _changed(sent.before, item, unkept)
        # The stored record also has the SHA-1 of images that were sent since.
        known = log.item(sent.work.scene.id, server_id, item.rating_key) or record
        # Sent collections stay stored: those that arrived are the plugin's. A value that was
        # written after the edit is user-edited, because the edit has locked the field.
        is_first = all(_came_first(sent, item, name) for name in others)
        kept = {COLLECTIONS, *(() if is_first else others)}
        shown = {name: _shown(item, name) for name in unkept if name not in kept}
        known = replace(known, sent={**record.sent, **shown})
        scene: dict[str, Any] = {"scene": sent.work.scene.id, "label": sent.work.scene.label}
        if others:
            known = replace(known, digest="")
            self._log.event(Event.OTHER_WRITER, **scene, fields=others)
        elif _was_lost(item, unkept, sent, behaviour):
            known = replace(known, digest="")
            self._log.event(Event.EDIT_LOST, **scene)
        else:
            values = {name: left.sent[name] for name in unkept}
            known = replace(known, refused={**record.refused, **values})
            self._log.event(Event.FIELDS_NOT_KEPT, **scene, fields=unkept)
        log.remember_item(sent.work.scene.id, server_id, item.rating_key, known, self._clock())
        return bool(others)


def _changed(before: PlexItem, item: PlexItem, names: Sequence[str]) -> tuple[str, ...]:
    """Return the fields that no longer have their value from before the edit."""
    return tuple(name for name in names if not same(getattr(before, name), getattr(item, name)))


def _came_first(sent: _Expected, item: PlexItem, name: str) -> bool:
    """Tell whether another writer wrote a field before the edit, which set no value or added."""
    ours = sent.record.sent[name]
    if isinstance(ours, str):
        return same(getattr(sent.before, name), ours)
    return {folded(entry) for entry in ours} <= {folded(entry) for entry in getattr(item, name)}


def _was_lost(item: PlexItem, unkept: Sequence[str], sent: _Expected, behaviour: Behaviour) -> bool:
    """Tell whether an edit had no effect at all, so that Plex refused none of its fields."""
    if len(unkept) < len(sent.fields):
        return False
    return len(unkept) > 1 or PLEX_NAMES[unkept[0]] not in item.locked | behaviour.hidden_locks


def _left_by_behaviour(
    left: ItemEdit, desired: SceneMetadata, behaviour: Behaviour
) -> Sequence[str]:
    """Return the fields that need another edit because of the server's behaviour.

    A date that cannot be cleared gets its original value. A sort title follows its title. Names are
    removed in another way if the server did not understand their spelling.
    """
    title = left.fields.get(TITLE, {})
    sorts = f"{SORT_TITLE}.value" in title and f"{PLEX_NAMES[TITLE]}.value" not in title
    dates = DATE in left.fields and desired.date == "" and behaviour.cannot_clear_dates
    found = [name for name, holds in ((TITLE, sorts), (DATE, dates)) if holds]
    if behaviour.removal_encoding is RemovalEncoding.ONCE:
        found += [name for name in LISTS if _needs_decoding(left.fields.get(name, {}))]
    return found


def _needs_decoding(parameters: Parameters) -> bool:
    """Tell whether an edit removes names that only a server which decodes twice understands."""
    return is_emptying(parameters) or any(map(needs_decoding, removed_names(parameters)))


def _read_back(sent: _Expected, item: PlexItem) -> ReadBack:
    values = {name: sent.record.sent[name] for name in sent.fields if name in sent.record.sent}
    lists = {name: removed_names(sent.fields[name]) for name in sent.fields if name in LISTS}
    return ReadBack(sent.before, item, values, lists)


def _image_path(item: PlexItem, kind: str) -> str:
    return item.thumb if kind == POSTER else item.art


def _shown(item: PlexItem, name: str) -> str | list[str]:
    value = getattr(item, name)
    return value if isinstance(value, str) else list(value)

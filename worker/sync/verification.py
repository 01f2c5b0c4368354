"""The last stage of a batch: reads back what was edited, and finds what Plex did not keep."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from plex.client import PlexClient
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
from plex.edit_requests import Parameters, is_emptying, needs_decoding, removed_names
from plex.exceptions import PlexError
from plex.items import PlexItem
from plex.server_facts import Behaviour, RemovalEncoding, ServerFacts
from shared.events import Event
from shared.log import Log
from sync_queue.manager import QueueManager
from sync_queue.operations import METADATA, scene_job
from sync_queue.sync_records import FieldValues, ItemRecord
from validation.metadata import SceneMetadata, folded
from worker.sync.image_selection import ImageSelection
from worker.sync.scene_work import SceneWork
from worker.sync.server_learning import ReadBack, ServerLearning

_AGAIN = "sent_again"  # hint of a job: its scene was synced, and the read-back showed otherwise


@dataclass(frozen=True, slots=True)
class _Expected:
    """What an item was sent last: by two scenes of one batch, the later counts.

    Attributes:
        before: the item as it was when the edit was worked out.
        again: the edit is a second try.
    """

    scene_id: int
    label: str
    desired: SceneMetadata
    fields: Mapping[str, Parameters]
    record: ItemRecord
    original: FieldValues
    before: PlexItem
    again: bool


class Verification:
    """Compares what was sent with what is there, with one request for many items.

    It comes after the jobs were settled and costs none of them: a field that Plex silently did
    not keep is reported once, remembered, and not sent again until the scene wants another value.
    One that shows neither that nor what was there before has met another writer, such as Plex's
    agent at a new item: the scene is synced once more, and only that concludes anything.

    What the read-back tells about the server's behaviour is learned first, once for all items. A
    scene that needs another edit because of it is synced once more.

    Args:
        client: Plex.
        queue: the sync log.
        server_id: Plex's identity.
        facts: what is known about the server.
        clock: seconds since the epoch.
        log: tells the user what was not kept.
    """

    def __init__(
        self,
        client: PlexClient,
        queue: QueueManager,
        server_id: str,
        facts: ServerFacts,
        clock: Callable[[], float],
        log: Log,
    ) -> None:
        self._client = client
        self._queue = queue
        self._server_id = server_id
        self._learning = ServerLearning(facts)
        self._selection = ImageSelection(client, facts)
        self._clock = clock
        self._log = log
        self._expected: dict[int, _Expected] = {}
        self._images: dict[int, tuple[PlexItem, Mapping[str, str]]] = {}
        self._locked: dict[int, set[str]] = {}

    def expect(
        self,
        one: SceneWork,
        item: PlexItem,
        fields: Mapping[str, Parameters],
        record: ItemRecord,
        original: FieldValues,
    ) -> None:
        """Note that an item was sent these parameters by field, and what is remembered of it."""
        self._expected[item.rating_key] = _Expected(
            one.scene.id,
            one.scene.label,
            one.desired,
            fields,
            record,
            original,
            before=item,
            again=any(claim.job.data.get(_AGAIN) for claim in one.claims),
        )

    def expect_images(self, item: PlexItem, sent: Mapping[str, str]) -> None:
        """Note that images of an item were uploaded: kind → SHA-1."""
        self._images[item.rating_key] = (item, sent)

    def expect_image_locks(self, item: PlexItem, kinds: Iterable[str]) -> None:
        """Note that images of an item were locked."""
        self._locked.setdefault(item.rating_key, set()).update(kinds)

    def run(self) -> None:
        """Read all noted items back; that Plex cannot be asked concludes nothing."""
        expected, self._expected = self._expected, {}
        images, self._images = self._images, {}
        locked, self._locked = self._locked, {}
        keys = list(dict.fromkeys((*expected, *images, *locked)))
        if not keys:
            return
        try:
            items, _ = self._client.read_each(keys)
            self._check_images(items, images)
        except PlexError as error:
            self._log.step(f"What was sent was not read back: {error}")
            return
        edited = {key: item for key, item in items.items() if key in expected}
        self._learning.learn_image_locks(
            (item, kind) for key, item in items.items() for kind in locked.get(key, ())
        )
        self._learning.learn([_read_back(expected[key], item) for key, item in edited.items()])
        behaviour = self._learning.behaviour()
        disturbed = [
            expected[rating_key].scene_id
            for rating_key, item in edited.items()
            if self._needs_another_sync(item, expected[rating_key], behaviour)
        ]
        now = self._clock()
        jobs = [scene_job(one, METADATA, now, {_AGAIN: True}) for one in dict.fromkeys(disturbed)]
        if jobs:
            self._queue.enqueue(jobs)

    def _check_images(
        self,
        items: Mapping[int, PlexItem],
        images: Mapping[int, tuple[PlexItem, Mapping[str, str]]],
    ) -> None:
        """Select images that were uploaded and are not shown: their path did not change."""
        for rating_key, (before, sent) in images.items():
            item = items.get(rating_key)
            if item is None:
                continue
            for kind, sha1 in sent.items():
                if _image_path(item, kind) == _image_path(before, kind):
                    self._selection.check(rating_key, kind, sha1)

    def _needs_another_sync(self, item: PlexItem, sent: _Expected, behaviour: Behaviour) -> bool:
        """Remember what Plex did not keep; tell whether the scene has to be synced once more."""
        record = sent.record
        left = edit_for(
            sent.desired,
            item,
            record.sent,
            sent.original,
            refused=record.refused,
            behaviour=behaviour,
        )
        learned = () if sent.again else _left_by_behaviour(left, sent.desired, behaviour)
        unkept = [name for name in left.fields if name in sent.fields and name not in learned]
        met_another = bool(unkept) and self._met_another(item, sent, left, unkept, behaviour)
        return bool(learned) or met_another

    def _met_another(
        self,
        item: PlexItem,
        sent: _Expected,
        left: ItemEdit,
        unkept: Sequence[str],
        behaviour: Behaviour,
    ) -> bool:
        """Remember what Plex did not keep; tell whether another writer is why."""
        log = self._queue.sync_log
        record = sent.record
        others = () if sent.again else _written_by_others(sent.before, item, unkept)
        # Read anew for what else was remembered since: its images.
        known = log.item(sent.scene_id, self._server_id, item.rating_key) or record
        # Of collections what was sent stays noted: some may have arrived, and those are ours. So
        # does what was written over: since our edit has locked it, it is a person's.
        persons = () if all(_came_first(sent, item, name) for name in others) else others
        shown = {name: _shown(item, name) for name in unkept if name not in (COLLECTIONS, *persons)}
        known = replace(known, sent={**record.sent, **shown})
        scene: dict[str, Any] = {"scene": sent.scene_id, "label": sent.label}
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
        log.remember_item(sent.scene_id, self._server_id, item.rating_key, known, self._clock())
        return bool(others)


def _written_by_others(before: PlexItem, item: PlexItem, names: Sequence[str]) -> tuple[str, ...]:
    """Return the fields that an edit did not set right and that are not as it found them either."""
    return tuple(name for name in names if not same(getattr(before, name), getattr(item, name)))


def _came_first(sent: _Expected, item: PlexItem, name: str) -> bool:
    """Tell whether what another wrote was there before our edit: that gave no value, or added."""
    ours = sent.record.sent[name]
    if isinstance(ours, str):
        return same(getattr(sent.before, name), ours)
    return {folded(one) for one in ours} <= {folded(one) for one in getattr(item, name)}


def _was_lost(item: PlexItem, unkept: Sequence[str], sent: _Expected, behaviour: Behaviour) -> bool:
    """Tell whether an edit left no trace at all: then no field of it was refused."""
    if len(unkept) < len(sent.fields):
        return False
    return len(unkept) > 1 or PLEX_NAMES[unkept[0]] not in item.locked | behaviour.hidden_locks


def _left_by_behaviour(
    left: ItemEdit, desired: SceneMetadata, behaviour: Behaviour
) -> Sequence[str]:
    """Return the fields that need another edit because of how the server was found to behave.

    A date that cannot be cleared becomes the one from before, a sort title follows its title, and
    names that the server did not understand are removed in another way.
    """
    title = left.fields.get(TITLE, {})
    sorts = f"{SORT_TITLE}.value" in title and f"{PLEX_NAMES[TITLE]}.value" not in title
    dates = DATE in left.fields and desired.date == "" and behaviour.cannot_clear_dates
    found = [name for name, holds in ((TITLE, sorts), (DATE, dates)) if holds]
    if behaviour.removal_encoding is RemovalEncoding.ONCE:
        found += [name for name in LISTS if _removes(left.fields.get(name, {}))]
    return found


def _removes(parameters: Parameters) -> bool:
    """Tell whether an edit removes names that only a server which decodes twice understands."""
    return is_emptying(parameters) or any(map(needs_decoding, removed_names(parameters)))


def _read_back(sent: _Expected, item: PlexItem) -> ReadBack:
    values = {name: sent.record.sent[name] for name in sent.fields if name in sent.record.sent}
    lists = {name: removed_names(sent.fields[name]) for name in sent.fields if name in LISTS}
    return ReadBack(sent.before, item, values, lists)


def _image_path(item: PlexItem, kind: str) -> str:
    return item.thumb if kind == "poster" else item.art


def _shown(item: PlexItem, name: str) -> str | list[str]:
    value = getattr(item, name)
    return value if isinstance(value, str) else list(value)

"""The stage of a batch that writes: one edit per item that differs, and its cover."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from plex.diff import COLLECTIONS, DATE, PLEX_NAMES, SORT_TITLE, TITLE, ItemEdit, Values
from plex.exceptions import (
    PlexError,
    PlexNotFound,
    PlexPermanentError,
    PlexPermissionError,
    PlexTemporaryError,
)
from plex.field_sender import EditOutcome
from plex.items import PlexItem
from plex.originals import original_values, recaptured, with_original_sort_title
from plex.server_facts import DateClearing
from shared.events import Event
from shared.log import Log
from stash.exceptions import StashFileError
from stash.images import StashImages
from sync_queue.manager import QueueManager
from sync_queue.sync_records import ItemRecord, SceneRecord
from worker.sync.cover_sync import CoverResult, CoverSync
from worker.sync.scene_work import NO_MEMORY, ItemMemory, ItemPlan, SceneWork, arrived, plan_item
from worker.sync.server_learning import ServerLearning
from worker.sync.session import SyncSession
from worker.sync.steps import Steps
from worker.sync.verification import Verification

# Errors of one item or one part of it: the others are still sent.
_OF_A_PART = (PlexNotFound, PlexTemporaryError, PlexPermanentError)


class ItemWriter:
    """Brings the items of scenes in step, and remembers what they were sent.

    Args:
        session: settings and Plex; its library is prepared.
        images: Stash's covers.
        queue: the sync log.
        clock: seconds since the epoch.
        log: tells the user about a part that cannot be sent.
    """

    def __init__(
        self,
        session: SyncSession,
        images: StashImages,
        queue: QueueManager,
        clock: Callable[[], float],
        log: Log,
    ) -> None:
        self._session = session
        self._queue = queue
        self._clock = clock
        self._log = log
        self._steps = Steps(log)
        self._server_id = session.library.server_id
        self._preserve = session.config.preserve_plex_edits
        self._covers = CoverSync(
            images,
            session.client,
            queue,
            self._server_id,
            session.facts,
            session.uploads,
            log.event,
            preserve=self._preserve,
            remove_overlay_label=session.config.remove_overlay_label,
        )
        self._verification = Verification(
            session.client, queue, self._server_id, session.facts, clock, log
        )
        self._behaviour = session.facts.behaviour()
        self._memory = NO_MEMORY
        self._last: Mapping[int, SceneRecord] = {}

    def keep_originals(self, work: Sequence[SceneWork]) -> None:
        """Remember what items hold before our first write, and whose they are, in one commit.

        What is known of these scenes by then is what `write` goes by.
        """
        log, server_id = self._queue.sync_log, self._server_id
        with self._queue.transaction():
            for one in work:
                for key in one.taken_over:
                    log.transfer_item(one.scene.id, server_id, key)
                    log.mark_unsynced(one.scene.id)  # the item may show another scene's cover
            keys = {item.rating_key for one in work for item in one.items}
            known = log.items(server_id, keys)
            for one in work:
                for item in one.items:
                    key = item.rating_key
                    if one.scene.id not in known.get(key, ()):
                        log.keep_original(server_id, key, original_values(item), self._clock())
                        begun = self._begun(one, item)
                        log.remember_item(one.scene.id, server_id, key, begun, self._clock())
        self._memory = ItemMemory.of(log, server_id, work)
        self._last = log.scenes([one.scene.id for one in work])
        self._probe_locks(work)

    def _probe_locks(self, work: Sequence[SceneWork]) -> None:
        """Find out about locks that do not show on items which were synced before."""
        items = []
        for one in work:
            for item in one.items:
                record = self._memory.sent_for(one.scene.id, item.rating_key)
                sent = {} if record is None else record.sent
                ours = {n: v for n, v in sent.items() if getattr(one.desired, n, None) is not None}
                items.append((item, ours))
        learning = ServerLearning(self._session.facts)
        learning.probe_locks(self._session.client, items)
        self._behaviour = learning.behaviour()

    def _begun(self, one: SceneWork, item: PlexItem) -> ItemRecord:
        """Return the memory of a first write that may arrive unheard: noted ahead at no cost."""
        edit = plan_item(one, item, NO_MEMORY, self._behaviour, preserve=self._preserve).edit
        return ItemRecord("", {}, pending={name: edit.sent[name] for name in edit.fields})

    def write(self, one: SceneWork) -> tuple[tuple[str, ...], CoverResult]:
        """Send what differs to each item of a scene; return which fields, and the cover's fate.

        Raises:
            StashError, PlexError: a part could not be had or sent; what was sent is remembered.
        """
        changed: list[str] = []
        records: dict[PlexItem, ItemRecord] = {}
        failure: PlexError | StashFileError | None = None
        for item in one.items:
            try:
                records[item], names = self._write_item(one, item)
            except _OF_A_PART as error:
                failure = failure or error
            else:
                changed += [name for name in names if name not in changed]
        if failure is not None and not records:
            raise failure
        cover = self._covers.run(
            one.scene,
            one.desired,
            records,
            self._last.get(one.scene.id),
            cover_changed=any(claim.job.data.get("cover_changed") for claim in one.claims),
            try_refused=bool(one.refused_since),
        )
        self._steps.covered(one, cover)
        for item, sent in cover.sent.items():
            self._verification.expect_images(item, sent)
        failure = failure or cover.failure
        if failure is not None:
            raise failure
        changed += sorted(cover.uploaded)
        return tuple(changed), cover

    def lock_images(self, covers: Sequence[CoverResult]) -> None:
        """Lock images of the whole batch, with one request per set of kinds.

        Raises:
            PlexError: Plex did not take it.
        """
        groups: dict[tuple[str, ...], list[PlexItem]] = {}
        for cover in covers:
            for item, kinds in cover.to_lock.items():
                groups.setdefault(tuple(sorted(kinds)), []).append(item)
        client = self._session.client
        for locked, items in groups.items():
            try:
                client.lock_images([item.rating_key for item in items], locked)
            except (PlexPermissionError, PlexTemporaryError) as error:
                raise client.judge(items[0], error) from None
        for cover in covers:
            for item, kinds in cover.to_lock.items():
                self._verification.expect_image_locks(item, kinds)

    def verify(self) -> None:
        """Read back what was edited since the last call, and report what Plex did not keep."""
        self._verification.run()

    def _write_item(self, one: SceneWork, item: PlexItem) -> tuple[ItemRecord, Iterable[str]]:
        """Return the item's memory as it is now, and what it was sent, for people."""
        log, server_id = self._queue.sync_log, self._server_id
        plan = plan_item(one, item, self._memory, self._behaviour, preserve=self._preserve)
        last, edit, _ = plan
        self._steps.compared(one, item, edit)
        record = replace(
            last, digest=one.desired.digest, sent=edit.sent, refused=edit.refused, pending={}
        )
        if edit:
            record = self._send(one, item, plan, record)
        if edit or record != last:
            log.remember_item(one.scene.id, server_id, item.rating_key, record, self._clock())
        return record, _told(edit)

    def _send(
        self, one: SceneWork, item: PlexItem, plan: ItemPlan, record: ItemRecord
    ) -> ItemRecord:
        """Carry out an edit; return the memory without what Plex refused of it."""
        log, key = self._queue.sync_log, item.rating_key
        last, edit, original = plan
        fresh = edit.fields.keys() - self._memory.written(item)
        if fresh:
            original = recaptured(original, item, fresh)
        if f"{SORT_TITLE}.value" in edit.fields.get(TITLE, {}):
            original = with_original_sort_title(original, item)
        if original != plan.original:
            log.change_original(self._server_id, key, original)
        # An edit that arrives although we never hear of it must not pass for a person's, nor for
        # what a field held before its first write.
        noted = edit.fields.keys() if self._preserve else {COLLECTIONS, *last.pending, *fresh}
        pending = _pending(last, edit, edit.fields.keys() & noted)
        ahead = replace(last, pending=pending)
        if pending != last.pending:  # what came of an earlier edit stays known behind this one
            ahead = replace(ahead, sent={**last.sent, **arrived(last, item)})
        if ahead != last:
            log.remember_item(one.scene.id, self._server_id, key, ahead, self._clock())
        # Plex answers some bad data with 500: the next try finds out which field it is.
        alone = any(claim.job.last_error_type == "PlexTemporaryError" for claim in one.claims)
        outcome = self._edit(item, edit, alone=alone, refused_since=one.refused_since)
        self._steps.sent(one, item, outcome)
        record = _without_refused(record, last, edit, outcome)
        self._tell(one, edit, outcome)
        kept = {name: given for name, given in edit.fields.items() if name not in outcome.refused}
        self._verification.expect(one, item, kept, record, original)
        return record

    def _edit(
        self, item: PlexItem, edit: ItemEdit, *, alone: bool, refused_since: float
    ) -> EditOutcome:
        """Send an edit; an empty date by itself until it is known that the server takes one."""
        client = self._session.client
        send = partial(client.edit, item, alone=alone, refused_since=refused_since)
        if not _clears_date(edit) or self._behaviour.date_clearing is not None:
            return send(edit.fields)
        others = {name: parameters for name, parameters in edit.fields.items() if name != DATE}
        outcome = send(others) if others else EditOutcome()
        refusal = self._clear_date(item, edit)
        if refusal is not None:
            # Plex takes the lock alone, so the empty value is why it failed.
            lock = f"{PLEX_NAMES[DATE]}.locked"
            client.edit(item, {DATE: {lock: edit.fields[DATE][lock]}})
            refusal = self._clear_date(item, edit)
        if refusal is None:
            return outcome
        self._session.facts.learn(DateClearing.REFUSED)
        self._behaviour = self._session.facts.behaviour()
        return replace(outcome, refused={**outcome.refused, DATE: refusal})

    def _clear_date(self, item: PlexItem, edit: ItemEdit) -> PlexPermanentError | None:
        """Send an empty date; return the error where Plex does not take it."""
        try:
            outcome = self._session.client.edit(item, {DATE: edit.fields[DATE]})
        except PlexTemporaryError as error:
            return PlexPermanentError(str(error))
        except PlexPermanentError as error:
            return error
        return outcome.refused.get(DATE)

    def _tell(self, one: SceneWork, edit: ItemEdit, outcome: EditOutcome) -> None:
        scene: dict[str, Any] = {"scene": one.scene.id, "label": one.scene.label}
        for name, error in outcome.refused.items():
            if name == DATE and _clears_date(edit):
                continue  # reported once for the server
            self._log.event(Event.FIELD_REFUSED, **scene, field=name, cause=error.cause)
        for refused, answer in outcome.first_refused.items():
            fields = (name for name, names in outcome.left_out.items() if refused in names)
            is_collection = next(fields, None) == COLLECTIONS
            event = Event.COLLECTION_REFUSED if is_collection else Event.NAME_REFUSED
            self._log.event(event, **scene, name=refused, cause=answer.cause)
        for name, text in outcome.shortened.items():
            self._log.event(Event.FIELD_SHORTENED, **scene, field=name, length=len(text))


def _clears_date(edit: ItemEdit) -> bool:
    return edit.fields.get(DATE, {}).get(f"{PLEX_NAMES[DATE]}.value") == ""


def _told(edit: ItemEdit) -> list[str]:
    """Return the fields that got a value; "locks" where those that had it were locked only."""
    return [name for name, one in edit.fields.items() if len(one) > 1] or ["locks"] * bool(edit)


def _pending(last: ItemRecord, edit: ItemEdit, names: Iterable[str]) -> Values:
    """Return what is on its way or came, perhaps, by an earlier edit; of collections by all."""
    pending = {**last.pending, **{name: edit.sent[name] for name in names}}
    if COLLECTIONS in pending:
        earlier = last.pending.get(COLLECTIONS, ())
        pending[COLLECTIONS] = list(dict.fromkeys((*earlier, *pending[COLLECTIONS])))
    return pending


def _without_refused(
    record: ItemRecord, last: ItemRecord, edit: ItemEdit, outcome: EditOutcome
) -> ItemRecord:
    sent, refused = dict(record.sent), dict(record.refused)
    for name, text in outcome.shortened.items():
        refused[name] = edit.sent[name]
        sent[name] = text
    for name, left_out in outcome.left_out.items():
        refused[name] = edit.sent[name]
        sent[name] = [one for one in edit.sent[name] if one not in left_out]
    for name in outcome.refused:
        refused[name] = edit.sent[name]
        if name in last.sent:
            sent[name] = last.sent[name]
        else:
            del sent[name]
    return replace(record, sent=sent, refused=refused)

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from plex.diff import (
    ADDITIVE,
    COLLECTIONS,
    DATE,
    PLEX_NAMES,
    SORT_TITLE,
    SORTED_AS,
    TITLE,
    ItemEdit,
    same,
)
from plex.edit_sender import EditOutcome
from plex.exceptions import PlexError, PlexNotFound, PlexPermanentError, PlexTemporaryError
from plex.items import PlexItem
from plex.originals import original_values, recaptured, unlocking_edit, with_original_sort_title
from plex.server_facts import DateClearing
from shared.events import Event
from stash.exceptions import StashFileError
from sync_queue.sync_log import FieldValues, ItemRecord, SceneRecord
from validation.metadata import OPTIONAL
from validation.paths import folded
from worker.services import Services
from worker.sync.cover_sync import CoverResult, CoverSync, judged_write
from worker.sync.progress_log import trace_comparison, trace_cover, trace_edit
from worker.sync.scene_work import EditPlanner, ItemPlan, SceneWork, arrived
from worker.sync.server_learning import SentEdit, probe_locks
from worker.sync.session import SyncSession
from worker.sync.verification import Verification


@dataclass
class ItemWriter:
    services: Services
    session: SyncSession
    last: dict[int, SceneRecord]

    def __post_init__(self) -> None:
        self._sync_log = self.services.queue.sync_log
        self._server_id = self.session.library.server_id
        self.verification = Verification(self.services, self.session)
        self._planner = EditPlanner({}, {})

    def keep_originals(self, works: Sequence[SceneWork]) -> None:
        log, server_id = self._sync_log, self._server_id
        transaction = self.services.queue.transaction
        taken_over = [(work.scene.id, key) for work in works for key in work.taken_over]
        if taken_over:
            with transaction():
                for scene_id, key in taken_over:
                    log.transfer_item(scene_id, server_id, key)
                    # The item may show the cover of another scene, so let this sync compare the
                    # images.
                    log.mark_unsynced(scene_id)
            self.last |= log.scenes({scene_id for scene_id, _ in taken_over})
        stored = EditPlanner.of(log, self.session, works)
        items = [(work, item) for work in works for item in work.items]
        new = [pair for pair in items if not stored.sent_for(pair[0].scene.id, pair[1].rating_key)]
        if new:
            planner = replace(stored, sent={}, originals={})
            with transaction():
                for work, item in new:
                    edit = planner.plan(work, item).edit
                    pending = {name: edit.sent[name] for name in edit.fields}
                    original, now = original_values(item), self.services.clock()
                    log.keep_original(server_id, item.rating_key, original, now)
                    self._remember(work, item, ItemRecord("", {}, pending=pending))
        self._planner = EditPlanner.of(log, self.session, works) if new else stored
        probe_locks(self.session, works, self._planner)
        self._planner = replace(self._planner, behaviour=self.session.facts.behaviour())

    def write(self, work: SceneWork) -> tuple[tuple[str, ...], CoverResult]:
        if work.error is not None and not work.items:
            raise work.error
        changed: dict[str, None] = {}
        records: dict[PlexItem, ItemRecord] = {}
        failure: PlexError | StashFileError | None = None
        for item in work.items:
            try:
                records[item], names = self._write_item(work, item)
                changed |= dict.fromkeys(names)
            except (PlexNotFound, PlexTemporaryError, PlexPermanentError) as error:
                failure = failure or error
        if failure is not None and not records:
            raise failure
        last = self.last.get(work.scene.id)
        cover = CoverSync(self.services, self.session, work, last, self._planner).run(records)
        trace_cover(self.services.log, work, cover)
        for item, sent in cover.sent.items():
            self.verification.images[item.rating_key] = (item, sent)
        failure = failure or cover.failure or work.error
        if failure is not None:
            raise failure
        return (*changed, *sorted(cover.uploaded)), cover

    def lock_images(self, covers: Sequence[CoverResult]) -> None:
        groups: dict[tuple[str, ...], list[PlexItem]] = {}
        for cover in covers:
            for item, kinds in cover.to_lock.items():
                groups.setdefault(tuple(sorted(kinds)), []).append(item)
        client = self.session.client
        for locked, items in groups.items():
            with judged_write(client, items[0]):
                client.lock_images([item.rating_key for item in items], locked)
            for item in items:
                self.verification.image_locks.setdefault(item.rating_key, set()).update(locked)

    def _write_item(self, work: SceneWork, item: PlexItem) -> tuple[ItemRecord, list[str]]:
        plan = self._planner.plan(work, item)
        last, edit, _ = plan
        trace_comparison(self.services.log, work, item, edit)
        smart = self._planner.behaviour.smart_collections.get(item.section_key, ())
        for name in work.joins(item) if smart else ():
            if folded(name) in smart:
                self.session.facts.report_smart_collection(item.section_key, name)
        images = last.poster_sha1, last.art_sha1
        record = ItemRecord(work.desired.digest, edit.sent, edit.refused, *images)
        fresh = (edit.fields.keys() | edit.sent.keys()) - last.sent.keys()
        fresh -= self._planner.written(item) if fresh else set()
        original = self._original(item, plan, fresh)
        if edit:
            self._prepare(work, item, plan, fresh)
            outcome = self._edit(work, item, edit)
            if SORTED_AS not in edit.sent and (unlocked := unlocking_edit(original, edit.fields)):
                self.session.client.edit(item, unlocked)
            trace_edit(self.services.log, work, item, outcome)
            self._report(work, edit, outcome)
            record = _without_refused(record, last, edit, outcome)
            accepted = {n: given for n, given in edit.fields.items() if n not in outcome.refused}
            sent = SentEdit(work, item, item, accepted, record, original)
            self.verification.edits[item.rating_key] = sent
        if edit or record != last:
            self._remember(work, item, record)
        valued = [name for name, parameters in edit.fields.items() if len(parameters) > 1]
        return record, valued or ["locks"] * bool(edit)

    def _original(self, item: PlexItem, plan: ItemPlan, fresh: Collection[str]) -> FieldValues:
        """Store the values that fields had before their first edit. Return all original values."""
        if SORTED_AS in fresh and SORTED_AS in plan.original:
            sorted_as = item.sort_title or item.title
            is_ours = same(sorted_as, plan.last.sent.get(TITLE, ""))
            if is_ours or SORT_TITLE not in item.locked:
                # Plex may have derived this sort title from a title that the plugin sent. So this
                # sort title is not stored as an original value.
                fresh = {*fresh} - {SORTED_AS}
        original = recaptured(plan.original, item, fresh) if fresh else plan.original
        if f"{SORT_TITLE}.value" in plan.edit.fields.get(TITLE, {}):
            original = with_original_sort_title(original, item)
        if original != plan.original:
            self._sync_log.change_original(self._server_id, item.rating_key, original)
        return original

    def _prepare(
        self, work: SceneWork, item: PlexItem, plan: ItemPlan, fresh: Collection[str]
    ) -> None:
        """Store an edit before it is sent. Else, after a kill, it would look like a user's edit."""
        last, edit, _ = plan
        names = edit.fields.keys() & edit.sent.keys()
        if not self._planner.preserve:
            names &= {*ADDITIVE, *OPTIONAL, *last.pending, *fresh}
        pending = {**last.pending, **{name: edit.sent[name] for name in names}}
        if SORTED_AS in edit.fields.keys() - edit.sent.keys():
            pending[SORTED_AS] = edit.fields[SORTED_AS][f"{SORT_TITLE}.value"]
        for name in ADDITIVE & pending.keys():
            pending[name] = list(dict.fromkeys((*last.pending.get(name, ()), *pending[name])))
        ahead = replace(last, pending=pending)
        # The response to the previous edit may be lost. If Plex already shows one of its values,
        # this previous edit has arrived.
        if pending != last.pending:
            ahead = replace(ahead, sent={**last.sent, **arrived(last, item)})
        if ahead != last:
            self._remember(work, item, ahead)

    def _remember(self, work: SceneWork, item: PlexItem, record: ItemRecord) -> None:
        key, now = item.rating_key, self.services.clock()
        self._sync_log.remember_item(work.scene.id, self._server_id, key, record, now)

    def _edit(self, work: SceneWork, item: PlexItem, edit: ItemEdit) -> EditOutcome:
        """Send an edit.

        An empty date has its own request, because Plex may refuse an empty date.
        """
        client = self.session.client
        # Plex answers some bad values with status 500. To find the bad value, a retry sends each
        # field in a separate request.
        alone = any(claim.job.last_error_type == "PlexTemporaryError" for claim in work.claims)
        send = partial(client.edit, item, alone=alone, refused_since=work.refused_since)
        if not _clears_date(edit) or self._planner.behaviour.date_clearing is not None:
            return send(edit.fields)
        others = {name: parameters for name, parameters in edit.fields.items() if name != DATE}
        outcome = send(others) if others else EditOutcome()
        refusal = self._clear_date(item, edit)
        if refusal is not None:
            # Plex never refuses a lock, so this request fails only if Plex is down.
            lock = f"{PLEX_NAMES[DATE]}.locked"
            client.edit(item, {DATE: {lock: edit.fields[DATE][lock]}})
            refusal = self._clear_date(item, edit)
        if refusal is None:
            return outcome
        self.session.facts.learn(DateClearing.REFUSED)
        self._planner = replace(self._planner, behaviour=self.session.facts.behaviour())
        return replace(outcome, refused={**outcome.refused, DATE: refusal})

    def _clear_date(self, item: PlexItem, edit: ItemEdit) -> PlexPermanentError | None:
        try:
            outcome = self.session.client.edit(item, {DATE: edit.fields[DATE]})
        except PlexTemporaryError as error:
            return PlexPermanentError(error.cause)
        except PlexPermanentError as error:
            return error
        return outcome.refused.get(DATE)

    def _report(self, work: SceneWork, edit: ItemEdit, outcome: EditOutcome) -> None:
        log = self.services.log
        scene: dict[str, Any] = {"scene": work.scene.id, "label": work.scene.label}
        for name, error in outcome.refused.items():
            if not error.reported and not (name == DATE and _clears_date(edit)):
                log.event(Event.FIELD_REFUSED, **scene, field=name, cause=error.cause)
        for refused, answer in outcome.first_refused.items():
            field = next(name for name, names in outcome.left_out.items() if refused in names)
            event = Event.COLLECTION_REFUSED if field == COLLECTIONS else Event.NAME_REFUSED
            log.event(event, **scene, field=field, name=refused, cause=answer.cause)
        for name, text in outcome.shortened.items():
            log.event(Event.FIELD_SHORTENED, **scene, field=name, length=len(text))


def _clears_date(edit: ItemEdit) -> bool:
    return edit.fields.get(DATE, {}).get(f"{PLEX_NAMES[DATE]}.value") == ""


def _without_refused(
    record: ItemRecord, last: ItemRecord, edit: ItemEdit, outcome: EditOutcome
) -> ItemRecord:
    sent = {**record.sent, **outcome.shortened}
    names = {*outcome.shortened, *outcome.left_out, *outcome.refused} & edit.sent.keys()
    for name in names & outcome.left_out.keys():
        sent[name] = [entry for entry in edit.sent[name] if entry not in outcome.left_out[name]]
    for name in outcome.refused:
        sent.pop(name, None)
        if name in last.sent:
            sent[name] = last.sent[name]
    refused = {**record.refused, **{name: edit.sent[name] for name in names}}
    return replace(record, sent=sent, refused=refused)

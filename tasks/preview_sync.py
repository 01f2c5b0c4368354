"""Preview Sync: what a sync would change, as a report; it changes nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from plex.client import READ_BATCH
from plex.exceptions import PlexAmbiguousMatch, PlexNotFound
from plex.items import PlexItem
from sync_queue.sync_log import ItemRecord
from tasks.context import TaskContext, TaskError, scene_argument
from tasks.preview_report import PreviewReport, lines_of
from validation.metadata import project
from validation.scene_extractor import StashScene
from worker.cover_sync import may_differ, targets_of
from worker.item_finder import ItemFinder
from worker.plan import lacks_metadata, plan_item
from worker.scene_work import SceneWork
from worker.session import SyncSession

SEEN, CHANGES, COVERS, IN_STEP = "looked at", "would change", "with a cover to compare", "in step"
MISSING, AMBIGUOUS, ELSEWHERE = "not in Plex", "ambiguous", "whose item shows another scene"
NO_METADATA, NO_FILE = "without metadata yet", "without a file"
_ALL = (SEEN, CHANGES, COVERS, IN_STEP, MISSING, AMBIGUOUS, ELSEWHERE, NO_METADATA, NO_FILE)


def preview_sync(context: TaskContext, arguments: Mapping[str, Any]) -> str:
    """Write down what a sync of all scenes, or of one, would change in Plex.

    Raises:
        TaskError: there is no such scene.
        ConfigFault, PlexError, StashError: a side could not be asked; there is no report then.
    """
    scene_id = scene_argument(arguments)
    session = context.sessions.current()
    session.library.prepare()
    total = context.scenes.count() if scene_id is None else 1
    with PreviewReport(context.reports_folder, context.clock()) as report:
        preview = _Preview(context, session, report)
        for batch in _batches(context, scene_id):
            preview.look_at(batch)
            context.log.progress(min(1.0, preview.sums[SEEN] / max(total, 1)))
        path = report.finish(preview.sums, preview.fields)
    sums = ", ".join(f"{number} {words}" for words, number in preview.sums.items())
    return f"Scenes: {sums}. Nothing was changed; the report is {path}"


def _batches(context: TaskContext, scene_id: int | None) -> Iterator[list[StashScene]]:
    if scene_id is not None:
        scenes = list(context.scenes.read([scene_id]).values())
        if not scenes:
            message = f"Stash has no scene {scene_id}"
            raise TaskError(message)
        yield scenes
        return
    for page in context.scenes.walk():
        for start in range(0, len(page), READ_BATCH):
            yield page[start : start + READ_BATCH]


class _Preview:
    """Goes through the stages of a sync, up to the point where something would be sent.

    Attributes:
        sums: how many scenes came to what.
        fields: how many items would change in which field.
    """

    def __init__(self, context: TaskContext, session: SyncSession, report: PreviewReport) -> None:
        self.sums = dict.fromkeys(_ALL, 0)
        self.fields: Counter[str] = Counter()
        self._session = session
        self._report = report
        self._log = context.queue.sync_log
        self._read = context.scenes.read
        self._warn = context.log.warning
        self._preserve = session.config.preserve_plex_edits
        self._server_id = session.library.server_id

    def look_at(self, scenes: list[StashScene]) -> None:
        """Find out what would be sent for these scenes."""
        work: list[SceneWork] = []
        for scene in scenes:
            self.sums[SEEN] += 1
            if not scene.files:
                self.sums[NO_FILE] += 1
            elif lacks_metadata(scene, self._log.scene(scene.id)):
                self.sums[NO_METADATA] += 1
            else:
                work.append(SceneWork([], scene, project(scene, self._session.config)))
        ItemFinder(self._session, self._log, self._read, self._warn).find(work)
        for one in work:
            self._compare(one)

    def _compare(self, one: SceneWork) -> None:
        if one.error is not None:
            if not isinstance(one.error, PlexNotFound | PlexAmbiguousMatch):
                raise one.error  # Plex could not be asked: nothing may be concluded from that
            self.sums[MISSING if isinstance(one.error, PlexNotFound) else AMBIGUOUS] += 1
            self._report.add(f"\n{one.scene.label}\n  {one.error}")
            return
        records: dict[PlexItem, ItemRecord] = {}
        lines = [f"  {words}" for words in one.elsewhere]
        edited = False
        for item in one.items:
            records[item], edit, _ = plan_item(
                self._log, self._server_id, one, item, preserve=self._preserve
            )
            self.fields.update(edit.fields.keys())
            edited = edited or bool(edit)
            of_item = lines_of(item, edit) + self._unlocked(one, item, records[item])
            if of_item:
                lines += [f"  item {item.rating_key}, {item.files[0]}"]
                lines += [f"    {line}" for line in of_item]
        lines += self._covers(one, records)
        self.sums[_outcome(one, edited=edited, more=len(lines) > len(one.elsewhere))] += 1
        if lines:
            self._report.add("\n".join(["", one.scene.label, *lines]))

    def _unlocked(self, one: SceneWork, item: PlexItem, record: ItemRecord) -> list[str]:
        targets = targets_of(one.desired, {item: record}, preserve=self._preserve)
        kinds = [target.kind for target in targets if target.lacks_lock]
        return [f"locked as they are: {', '.join(kinds)}"] if kinds else []

    def _covers(self, one: SceneWork, records: Mapping[PlexItem, ItemRecord]) -> list[str]:
        """Say whether the cover would be looked at; what it is only its bytes can tell."""
        targets = targets_of(one.desired, records, preserve=self._preserve)
        if not targets or not may_differ(one.scene, targets, self._log.scene(one.scene.id)):
            return []
        kinds = dict.fromkeys(target.kind for target in targets)
        return [f"  cover: would be compared with what was sent as {' and '.join(kinds)}"]


def _outcome(one: SceneWork, *, edited: bool, more: bool) -> str:
    if not one.items:
        return ELSEWHERE
    if edited:
        return CHANGES
    return COVERS if more else IN_STEP

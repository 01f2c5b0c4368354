"""Preview Sync: what a sync would change, as a report; it changes nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from plex.exceptions import PlexAmbiguousMatch, PlexNotFound
from plex.item_reader import READ_BATCH
from tasks.answer import Answer
from tasks.arguments import scene_argument
from tasks.context import TaskContext
from tasks.errors import TaskError
from tasks.preview_report import PreviewReport, lines_of
from validation.scene_extractor import StashScene
from worker.inspection import Inspection, SceneInspector
from worker.session import SyncSession

SEEN, CHANGES, COVERS, IN_STEP = "looked at", "would change", "with a cover to compare", "in step"
MISSING, AMBIGUOUS, ELSEWHERE = "not in Plex", "ambiguous", "whose item shows another scene"
NO_METADATA, NO_FILE = "without metadata yet", "without a file"
UNSEEN = "that Plex lists but did not show"
_ALL = (SEEN, CHANGES, COVERS, IN_STEP, MISSING, AMBIGUOUS, ELSEWHERE, NO_METADATA, NO_FILE)


def preview_sync(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
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
    return Answer(
        f"Scenes: {sums}. Nothing was changed; the report is {path}",
        data={"scenes": dict(preview.sums), "fields": dict(preview.fields), "report": path},
    )


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
    """Writes down what the inspection of each scene says.

    Attributes:
        sums: how many scenes came to what.
        fields: how many items would change in which field.
    """

    def __init__(self, context: TaskContext, session: SyncSession, report: PreviewReport) -> None:
        self.sums = dict.fromkeys(_ALL, 0)
        self.fields: Counter[str] = Counter()
        self._report = report
        self._inspector = SceneInspector(
            session, context.queue.sync_log, context.scenes.read, context.log.warning
        )

    def look_at(self, scenes: list[StashScene]) -> None:
        """Find out what would be sent for these scenes."""
        for one in self._inspector.inspect(scenes):
            self.sums[SEEN] += 1
            if not one.scene.files:
                self.sums[NO_FILE] += 1
            elif one.lacks_metadata:
                self.sums[NO_METADATA] += 1
            else:
                self._tell(one)

    def _tell(self, one: Inspection) -> None:
        if one.error is not None:
            if one.unseen:
                self.sums[UNSEEN] = self.sums.get(UNSEEN, 0) + 1
            elif isinstance(one.error, PlexNotFound | PlexAmbiguousMatch):
                self.sums[MISSING if isinstance(one.error, PlexNotFound) else AMBIGUOUS] += 1
            else:
                raise one.error  # Plex could not be asked: nothing may be concluded from that
            self._report.add(f"\n{one.scene.label}\n  {one.error}")
            return
        lines = [f"  {words}" for words in one.elsewhere]
        unlocked = dict(one.unlocked)
        for item, edit in one.edits:
            self.fields.update(edit.fields.keys())
            of_item = lines_of(item, edit)
            if item in unlocked:
                of_item.append(f"locked as they are: {', '.join(unlocked[item])}")
            if of_item:
                lines += [f"  item {item.rating_key}, {item.files[0]}"]
                lines += [f"    {line}" for line in of_item]
        if one.cover_for:
            kinds = " and ".join(one.cover_for)
            lines.append(f"  cover: would be compared with what was sent as {kinds}")
        self.sums[_outcome(one, more=len(lines) > len(one.elsewhere))] += 1
        if lines:
            self._report.add("\n".join(["", one.scene.label, *lines]))


def _outcome(one: Inspection, *, more: bool) -> str:
    if not one.edits:
        return ELSEWHERE
    if any(edit for _, edit in one.edits):
        return CHANGES
    return COVERS if more else IN_STEP

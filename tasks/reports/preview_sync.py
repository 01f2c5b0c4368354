"""Preview Sync: writes a report of the changes that a sync would make."""

import contextlib
import datetime
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self, TextIO

from plex.client import READ_BATCH
from plex.diff import ItemEdit
from plex.exceptions import PlexAmbiguousMatch, PlexNotFound
from plex.items import PlexItem
from reconciliation.detector import changes_of
from shared.files import replace_file
from tasks.answer import Answer, TaskError
from tasks.arguments import scene_argument
from validation.scene_extractor import StashScene
from worker.services import Services
from worker.sync.inspection import Inspection, inspect_scenes
from worker.sync.session import SyncSession

KEPT_REPORTS = 5
LONGEST_VALUE = 200  # characters of a value in the report
_PREFIX, _SUFFIX = "preview-", ".txt"
_UNFINISHED = ".unfinished"
SEEN, CHANGES, COVERS, IN_STEP = "checked", "would change", "with a cover to compare", "in step"
MISSING, AMBIGUOUS, ELSEWHERE = "not in Plex", "ambiguous", "whose item shows another scene"
NO_METADATA, NO_FILE = "without metadata yet", "without a file"
UNSEEN = "that Plex lists but did not return"
_ALL = (SEEN, CHANGES, COVERS, IN_STEP, MISSING, AMBIGUOUS, ELSEWHERE, NO_METADATA, NO_FILE)


class PreviewReport:
    """A report file; as a context manager it deletes an unfinished report.

    Lines are written at once, so that memory use does not grow with the library.
    """

    def __init__(self, folder: str, now: float) -> None:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._folder = folder
        self._time = datetime.datetime.fromtimestamp(now).astimezone()
        name = f"{_PREFIX}{self._time:%Y-%m-%d-%H%M%S}{_SUFFIX}"
        self.path = os.path.join(folder, name)
        self._body: TextIO | None = None

    def __enter__(self) -> Self:
        self._body = _create(self.path + _UNFINISHED)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._body is not None:
            self._body.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path + _UNFINISHED)

    def add(self, line: str) -> None:
        """Write a line."""
        assert self._body is not None  # noqa: S101 - used as a context
        self._body.write(line + "\n")

    def finish(self, sums: Mapping[str, int], fields: Counter[str]) -> str:
        """Write the sums before the lines, delete old reports, and return the path."""
        assert self._body is not None  # noqa: S101 - used as a context
        self._body.close()
        whole = self.path + _UNFINISHED + ".whole"
        with _create(whole) as file, open(self.path + _UNFINISHED, encoding="utf-8") as body:
            file.write(f"What a sync would change, as of {self._time:%Y-%m-%d %H:%M:%S %Z}.\n")
            file.write("Nothing was changed by looking.\n\nScenes\n")
            file.writelines(f"  {words}: {number}\n" for words, number in sums.items())
            file.write("\nItems that would change, by field\n")
            file.writelines(f"  {name}: {number}\n" for name, number in fields.most_common())
            file.write("" if fields else "  none\n")
            file.write("\nOne by one\n")
            shutil.copyfileobj(body, file)
        replace_file(whole, self.path)
        self._drop_old()
        return self.path

    def _drop_old(self) -> None:
        """Delete old reports, and unfinished ones of killed processes."""
        names = sorted(name for name in os.listdir(self._folder) if name.startswith(_PREFIX))
        finished = [name for name in names if name.endswith(_SUFFIX)]
        in_use = os.path.basename(self.path) + _UNFINISHED
        unfinished = [name for name in names if _UNFINISHED in name and name != in_use]
        for name in [*finished[:-KEPT_REPORTS], *unfinished]:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self._folder, name))


def lines_of(item: PlexItem, edit: ItemEdit) -> list[str]:
    """Return the changes of an edit, a line per field: before -> after."""
    changes = changes_of(edit)
    lines = [
        f"{name}: {_shown(getattr(item, name, ''))} -> {_shown(value)}"
        for name, value in changes.items()
    ]
    only_locked = [name for name in edit.fields if name not in changes]
    if only_locked:
        lines.append(f"locked as they are: {', '.join(only_locked)}")
    return lines


def _shown(value: str | tuple[str, ...]) -> str:
    text = repr(value) if isinstance(value, str) else f"[{', '.join(value)}]"
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text)} long)"


def _create(path: str) -> TextIO:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace")


def preview_sync(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Write the report for a scene or for all scenes."""
    scene_id = scene_argument(arguments)
    session = context.sessions.current()
    session.library.prepare()
    total = context.scenes.count() if scene_id is None else 1
    with PreviewReport(context.folder.reports, context.clock()) as report:
        preview = _Preview(context, session, report)
        for batch in _batches(context, scene_id):
            preview.add(batch)
            context.log.progress(min(1.0, preview.sums[SEEN] / max(total, 1)))
        path = report.finish(preview.sums, preview.fields)
    sums = ", ".join(f"{number} {words}" for words, number in preview.sums.items())
    return Answer(
        f"Scenes: {sums}. Nothing was changed. Report: {path}",
        data={"scenes": dict(preview.sums), "fields": dict(preview.fields), "report": path},
    )


def _batches(context: Services, scene_id: int | None) -> Iterator[list[StashScene]]:
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
    """Inspects scenes and writes the report.

    Attributes:
        sums: outcome in words → number of scenes.
        fields: field → number of items that would change.
    """

    def __init__(self, context: Services, session: SyncSession, report: PreviewReport) -> None:
        self.sums = dict.fromkeys(_ALL, 0)
        self.fields: Counter[str] = Counter()
        self._report = report
        self._context = context
        self._session = session

    def add(self, scenes: list[StashScene]) -> None:
        """Add scenes to the report."""
        for inspection in inspect_scenes(self._context, self._session, scenes):
            self.sums[SEEN] += 1
            if not inspection.scene.files:
                self.sums[NO_FILE] += 1
            elif inspection.lacks_metadata:
                self.sums[NO_METADATA] += 1
            else:
                self._add_inspection(inspection)

    def _add_inspection(self, inspection: Inspection) -> None:
        if inspection.error is not None:
            if inspection.unseen:
                self.sums[UNSEEN] = self.sums.get(UNSEEN, 0) + 1
            elif isinstance(inspection.error, PlexNotFound | PlexAmbiguousMatch):
                self.sums[MISSING if isinstance(inspection.error, PlexNotFound) else AMBIGUOUS] += 1
            else:
                raise inspection.error  # Plex failed to answer, so no conclusion is possible
            self._report.add(f"\n{inspection.scene.label}\n  {inspection.error}")
            return
        lines = [f"  {words}" for words in inspection.elsewhere]
        unlocked = dict(inspection.unlocked)
        for item, edit in inspection.edits:
            self.fields.update(edit.fields.keys())
            of_item = lines_of(item, edit)
            if item in unlocked:
                of_item.append(f"locked as they are: {', '.join(unlocked[item])}")
            if of_item:
                lines += [f"  item {item.rating_key}, {item.files[0]}"]
                lines += [f"    {line}" for line in of_item]
        if inspection.cover_for:
            kinds = " and ".join(inspection.cover_for)
            lines.append(f"  cover: would be compared with the last sent {kinds}")
        self.sums[_outcome(inspection, more=len(lines) > len(inspection.elsewhere))] += 1
        if lines:
            self._report.add("\n".join(["", inspection.scene.label, *lines]))


def _outcome(inspection: Inspection, *, more: bool) -> str:
    if not inspection.edits:
        return ELSEWHERE
    if any(edit for _, edit in inspection.edits):
        return CHANGES
    return COVERS if more else IN_STEP

import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from plex.client import READ_BATCH
from plex.diff import ItemEdit
from plex.exceptions import PlexAmbiguousMatch, PlexNotFound
from plex.items import PlexItem
from reconciliation.detector import changes_of
from shared.files import keep_newest, replace_file
from tasks.answer import Answer, TaskError
from validation.scene_extractor import StashScene
from validation.values import counted, counts_text
from worker.services import Services
from worker.sync.inspection import Inspection, inspect_scenes

KEPT_REPORTS = 5
EXAMPLES, MOST_SEEN = 5, 1000
LONGEST_VALUE = 200
SEEN, CHANGES, IN_STEP = "checked", "would change", "up to date"
COVERS = "whose cover may have changed"
MISSING, AMBIGUOUS, ELSEWHERE = "not in Plex", "ambiguous", "whose Plex item shows another scene"
NO_METADATA, NO_FILE = "without metadata in Stash", "without a file"
NOT_SELECTED = "not selected by the settings"
RESTORED = "its items would get the values from before the first sync"
UNSEEN = "that Plex lists but does not return"
_ALL = (SEEN, CHANGES, COVERS, IN_STEP, MISSING, AMBIGUOUS, ELSEWHERE, NO_METADATA, NO_FILE)


def preview_sync(services: Services, *, scene_id: int | None) -> Answer:
    session, folder = services.sessions.current(), services.folder.reports
    session.library.prepare()
    total = services.scenes.count() if scene_id is None else 1
    os.makedirs(folder, mode=0o700, exist_ok=True)
    sums, fields = Counter(dict.fromkeys(_ALL, 0)), Counter[str]()
    # The report of a large library may not fit into memory, so a temporary file collects its lines.
    with tempfile.TemporaryFile(
        "w+", dir=folder, encoding="utf-8", errors="backslashreplace"
    ) as body:
        for batch in _batches(services, scene_id):
            for inspection in inspect_scenes(services, session, batch):
                sums[SEEN] += 1
                outcome, lines = _outcome(inspection)
                sums[outcome] += 1
                if lines:
                    body.write(f"\n{inspection.scene.label}\n")
                    body.writelines(f"  {line}\n" for line in lines)
                for _, edit in inspection.edits:
                    fields.update(edit.fields.keys())
            services.log.progress(min(1.0, sums[SEEN] / max(total, 1)))
        body.seek(0)
        title, head = "What a sync would change", _report_head(sums, fields)
        path = write_report(services, "preview", title, head, body)
    numbers = counts_text((number, words) for words, number in sums.items())
    sums["without metadata yet"] = sums[NO_METADATA]  # old name, which users' scripts may read
    return Answer(
        f"Scenes: {numbers or 'none'}. Nothing was changed. Report: {path}",
        data={"scenes": dict(sums), "fields": dict(fields), "report": path},
    )


def _report_head(sums: Counter[str], fields: Counter[str]) -> Iterator[str]:
    yield from ("The preview changed nothing.", "", "Scenes")
    yield from (f"  {words}: {number}" for words, number in sums.items())
    yield from ("", "Items that would change, by field")
    yield from (f"  {name}: {number}" for name, number in fields.most_common())
    if not fields:
        yield "  none"
    yield from ("", "One by one")


def preview_examples(services: Services) -> Answer:
    session = services.sessions.current()
    session.library.prepare()
    seen, examples = 0, list[dict[str, Any]]()
    for batch in _batches(services, None):
        inspections = inspect_scenes(services, session, batch)
        seen += len(inspections)
        examples += [found for found in map(_example, inspections) if found["items"]]
        if len(examples) >= EXAMPLES or seen >= MOST_SEEN:
            break
    del examples[EXAMPLES:]
    text = f"The first {counted(len(examples), 'scene')} that a sync would change in Plex"
    if not examples:
        text = f"A sync would change nothing in Plex; {counted(seen, 'scene')} checked"
    return Answer(text, data={"examples": examples, "seen": seen})


def _example(inspection: Inspection) -> dict[str, Any]:
    return {
        "scene_id": inspection.scene.id,
        "title": inspection.scene.name,
        "items": [
            {"rating_key": item.rating_key, "differences": differences}
            for item, edit in inspection.edits
            if (differences := differences_of(item, edit))
        ],
        "images": inspection.cover_for,
    }


def differences_of(item: PlexItem, edit: ItemEdit) -> dict[str, Any]:
    return {
        name: {"in_plex": getattr(item, name), "wanted": wanted}
        for name, wanted in changes_of(edit).items()
    }


def write_report(
    services: Services, kind: str, title: str, head: Iterable[str], body: Iterable[str] = ()
) -> str:
    """Write a report. Lines of `body` end with a line break, and lines of `head` do not."""
    folder, time = services.folder.reports, datetime.fromtimestamp(services.clock()).astimezone()
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, f"{kind}-{time:%Y-%m-%d-%H%M%S}.txt")
    with open(f"{path}.unfinished", "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"{title}, as of {time:%Y-%m-%d %H:%M:%S %Z}.\n")
        file.writelines(f"{line}\n" for line in head)
        file.writelines(body)
    replace_file(f"{path}.unfinished", path)
    keep_newest(folder, rf"{kind}-.*\.txt", KEPT_REPORTS)
    keep_newest(folder, rf"{kind}-.*\.unfinished.*", 0)
    return path


def lines_of(item: PlexItem, edit: ItemEdit) -> list[str]:
    changes = changes_of(edit)
    lines = [
        f"{name.replace('_', ' ')}: {_shown(getattr(item, name, ''))} → {_shown(value)}"
        for name, value in changes.items()
    ]
    for value, words in (("1", "locked"), ("0", "unlocked")):
        names = [
            n for n, given in edit.fields.items() if n not in changes and value in given.values()
        ]
        if names:
            lines.append(f"fields that would only be {words}: {', '.join(names)}")
    return lines


def _shown(value: str | tuple[str, ...]) -> str:
    text = repr(value) if isinstance(value, str) else f"[{', '.join(value)}]"
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text)} long)"


def _batches(services: Services, scene_id: int | None) -> Iterator[list[StashScene]]:
    if scene_id is not None:
        scenes = list(services.scenes.read([scene_id]).values())
        if not scenes:
            raise TaskError(f"Stash has no scene {scene_id}")
        yield scenes
        return
    for page in services.scenes.walk():
        for start in range(0, len(page), READ_BATCH):
            yield page[start : start + READ_BATCH]


def _outcome(inspection: Inspection) -> tuple[str, list[str]]:
    error = inspection.error
    if not inspection.scene.files:
        return NO_FILE, []
    if inspection.not_selected:
        restored = [RESTORED] if inspection.restores else []
        return NOT_SELECTED, [inspection.not_selected, *restored]
    if inspection.lacks_metadata:
        return NO_METADATA, []
    if error is not None:
        if not inspection.unseen and not isinstance(error, PlexNotFound | PlexAmbiguousMatch):
            raise error
        found = MISSING if isinstance(error, PlexNotFound) else AMBIGUOUS
        return UNSEEN if inspection.unseen else found, [str(error)]
    lines = changes_by_item(inspection, dict(inspection.unlocked_images))
    if inspection.cover_for:
        kinds = " and ".join(inspection.cover_for)
        lines.append(f"cover: would be compared with the last sent {kinds}")
    outcome = COVERS if lines else IN_STEP
    if not inspection.edits:
        outcome = ELSEWHERE
    elif any(edit for _, edit in inspection.edits):
        outcome = CHANGES
    return outcome, [*inspection.elsewhere, *lines]


def changes_by_item(
    inspection: Inspection, unlocked: Mapping[PlexItem, Iterable[str]]
) -> list[str]:
    lines = []
    for item, edit in inspection.edits:
        of_item = lines_of(item, edit)
        if item in unlocked:
            of_item.append(f"fields that would only be locked: {', '.join(unlocked[item])}")
        if of_item:
            lines.append(f"item {item.rating_key}, {item.files[0] if item.files else 'no file'}")
            lines += [f"  {line}" for line in of_item]
    return lines

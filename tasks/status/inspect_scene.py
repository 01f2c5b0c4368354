from collections.abc import Iterator
from typing import Any

from plex.exceptions import PlexAmbiguousMatch, PlexError, PlexNotFound
from plex.items import PlexItem
from plex.matcher import Matching
from reconciliation.detector import changes_of
from stash.exceptions import StashError
from sync_queue.queue_view import JobState, QueuedJob
from sync_queue.sync_log import SceneRecord, SentItem
from tasks.answer import Answer, Level, shortened
from tasks.sync.preview_sync import differences_of, lines_of
from validation.scene_extractor import SceneFile, StashScene
from validation.values import counted
from worker.outage_history import format_duration, format_elapsed_since
from worker.services import Services
from worker.sync.inspection import Inspection, inspect_scenes
from worker.sync.session import ConfigFault, SyncSession


class PlexFacts:
    def __init__(self, services: Services, scene: StashScene) -> None:
        session = services.sessions.current()
        self.inspection = inspect_one(services, session, scene)
        matcher, sections = session.matcher, session.library.sections_known()
        self.files = [
            (file, matcher.to_plex(file.path), matcher.find([file], scene.id))
            for file in scene.files
        ]
        self.libraries = {section.key: section.title for section in sections}
        listings = (session.library.index.last_listing(section.key) for section in sections)
        self.looked_at = max((found.looked_at for found in listings if found), default=None)

    def library_of(self, item: PlexItem) -> str:
        return self.libraries.get(item.section_key, str(item.section_key))


class SceneFacts:
    def __init__(self, services: Services, scene_id: int) -> None:
        self.scene_id, self.enabled = scene_id, True
        self.scene: StashScene | None = None
        self.plex: PlexFacts | None = None
        self.stash_problem = self.plex_problem = ""
        try:
            self.scene = services.scenes.read([scene_id]).get(scene_id)
            self.enabled = services.sessions.config().enabled
        except StashError as error:
            self.stash_problem = str(error)
        if self.scene is not None and self.scene.files:
            try:
                self.plex = PlexFacts(services, self.scene)
            except (ConfigFault, PlexError, StashError) as error:
                self.plex_problem = str(error)
        queue, self.now = services.queue, services.clock()
        self.jobs = queue.jobs_of(scene_id)
        self.letters = queue.dead_letters.of_scene(scene_id)
        self.last = queue.sync_log.scene(scene_id)
        self.sent = queue.sync_log.sent_for(scene_id)


def inspect_scene(services: Services, *, scene_id: int) -> Answer:
    facts = SceneFacts(services, scene_id)
    state, text, level = _verdict(facts)
    label = facts.scene.label if facts.scene else f"Scene {scene_id}"
    return Answer(
        f"{label}{text}",
        details=list(_details(facts)),
        data={"state": state, **_data(facts)},
        level=level,
    )


def inspect_one(services: Services, session: SyncSession, scene: StashScene) -> Inspection:
    session.library.prepare()
    (inspection,) = inspect_scenes(services, session, [scene])
    error = inspection.error
    if error is not None and not isinstance(error, PlexNotFound | PlexAmbiguousMatch):
        raise error
    return inspection


def _verdict(facts: SceneFacts) -> tuple[str, str, Level]:
    if facts.stash_problem:
        return "unknown", f": {facts.stash_problem}. {_last_known(facts)}", Level.FAULT
    if facts.scene is None:
        text = " is not in Stash. It was deleted, or merged into another scene"
        return "not_in_stash", text, Level.WARNING
    if not facts.scene.files:
        return "no_file", " is not in Plex, because the scene has no file in Stash", Level.WARNING
    if facts.plex is None:
        text = f" could not be looked up in Plex: {facts.plex_problem}. {_last_known(facts)}"
        return "unknown", text, Level.FAULT
    problem = problem_of(facts.plex.inspection)
    if problem is not None:
        return (*problem, Level.WARNING)
    gap, where = _gap(facts.plex.inspection), _where(facts.plex)
    if not gap:
        return "in_step", f" is in Plex and up to date ({where})", Level.OK
    level = Level.OK if facts.jobs and facts.enabled else Level.WARNING
    return "differs", f" is in Plex ({where}), but {gap}. {_what_happens_next(facts)}", level


def problem_of(inspection: Inspection) -> tuple[str, str] | None:
    if inspection.not_selected:
        text = f" is excluded by your settings: {inspection.not_selected}"
        restored = ". Its next job gives Plex back the values from before the first sync"
        return "not_selected", f"{text}{restored if inspection.restores else ''}"
    if inspection.lacks_metadata:
        return "no_metadata", (
            " is not sent to Plex yet, because the scene has no studio, performers, tags, details "
            "or date. Add one of these in Stash, and save the scene"
        )
    if isinstance(inspection.error, PlexAmbiguousMatch):
        return "ambiguous", f" is not synced: {inspection.error}"
    if inspection.error is not None:
        return "not_in_plex", f" is not in Plex: {inspection.error}"
    if inspection.edits:
        return None
    if inspection.elsewhere:
        return "shown_elsewhere", f" is not shown by Plex: {inspection.elsewhere[0]}"
    return "not_shown", ": Plex lists its file, but not its item. Run the task again in a minute"


def _where(plex: PlexFacts) -> str:
    items = [item for item, _ in plex.inspection.edits]
    names = ", ".join(dict.fromkeys(f"'{plex.library_of(item)}'" for item in items))
    if len(items) == 1:
        return f"item {items[0].rating_key} in the library {names}"
    return f"{counted(len(items), 'item')} in {names}"


def _gap(inspection: Inspection) -> str:
    edits = [edit for _, edit in inspection.edits]
    fields = list(dict.fromkeys(name for edit in edits for name in changes_of(edit)))
    if fields:
        return f"these fields differ: {', '.join(fields)}"
    if inspection.cover_for:
        return "its cover was not compared yet"
    unlocked = [name for edit in edits for name in edit.fields]
    unlocked += [name for _, kinds in inspection.unlocked_images for name in kinds]
    return f"these fields are not locked: {', '.join(dict.fromkeys(unlocked))}" if unlocked else ""


def _what_happens_next(facts: SceneFacts) -> str:
    if not facts.enabled:
        return "The setting Enabled is off, so nothing is sent"
    if any(queued.state is JobState.IN_PROGRESS for queued in facts.jobs):
        return "The scene is being sent now"
    if facts.jobs:
        job = facts.jobs[0].job
        if job.next_retry_at > facts.now:
            wait = format_duration(job.next_retry_at - facts.now)
            return f"The scene is queued; next try in {wait} (last error: {job.last_error_type})"
        return "The scene is queued and will be sent automatically"
    if facts.letters:
        letter = facts.letters[-1]
        ago = format_elapsed_since(letter.moment, facts.now)
        text = f"The sync failed permanently {ago} ({shortened(letter.error_message)})"
        return f"{text}. The task 'Retry Dead Letters' queues the scene again"
    return "Nothing is queued. Save the scene in Stash again, or run 'Sync All Scenes to Plex'"


def _last_known(facts: SceneFacts) -> str:
    known = _last_job(facts.last, facts.now) if facts.last else "The scene was never synced"
    return f"{known}{'; a job of the scene is queued' if facts.jobs else ''}"


def _last_job(last: SceneRecord, now: float) -> str:
    return f"The scene's last job ended {format_elapsed_since(last.at, now)} ({last.outcome})"


def _details(facts: SceneFacts) -> Iterator[str]:
    now, last = facts.now, facts.last
    if facts.plex is not None:
        yield from _plex_lines(facts.plex, now)
    for sent in facts.sent:
        yield _sent_line(sent, now)
    if last is not None:
        yield f"{_last_job(last, now)}{f': {shortened(last.detail)}' if last.detail else ''}"
    for queued in facts.jobs:
        yield _job_line(queued, now)
    for letter in facts.letters:
        ago = format_elapsed_since(letter.moment, now)
        yield f"Failed permanently {ago} ({letter.error_type}): {shortened(letter.error_message)}"


def _plex_lines(plex: PlexFacts, now: float) -> Iterator[str]:
    yield from (_file_line(*file) for file in plex.files)
    for item, edit in plex.inspection.edits:
        label = f"Next sync of item {item.rating_key}"
        yield from (f"{label}: {line}" for line in lines_of(item, edit))
        if edit.preserved:
            yield f"{label}: kept because a user edited it in Plex: {', '.join(edit.preserved)}"
        if edit.refused:
            yield f"{label}: not sent, because Plex refused {', '.join(edit.refused)}"
    if plex.inspection.cover_for:
        kinds = " and ".join(plex.inspection.cover_for)
        yield f"Cover: not compared here. The next sync compares it with the last sent {kinds}"
    yield from (words[:1].upper() + words[1:] for words in plex.inspection.elsewhere)
    if plex.looked_at is not None:
        yield f"Plex's libraries were last listed {format_elapsed_since(plex.looked_at, now)}"


def _file_line(file: SceneFile, plex_path: str, matching: Matching) -> str:
    size = f"{file.size:,} bytes" if file.size else "size unknown"
    name = f"File {file.path} ({size})"
    if matching.rule is not None:
        found = ", ".join(f"item {match.rating_key} ({match.path})" for match in matching.matches)
        return f"{name} matches {found} by {matching.rule.value}"
    if matching.candidates:
        return f"{name}: {len(matching.candidates)} files in Plex may match. Set a path map"
    return f"{name} is not in Plex. Its path in Plex would be {plex_path}"


def _sent_line(sent: SentItem, now: float) -> str:
    values = ", ".join(
        f"{name} {shortened(value, 100)!r}"
        if isinstance(value, str)
        else f"{name} [{', '.join(value)}]"
        for name, value in sent.record.sent.items()
    )
    ago = format_elapsed_since(sent.at, now)
    return shortened(f"Values last sent to item {sent.rating_key}, {ago}: {values or 'none'}", 1000)


def _job_line(queued: QueuedJob, now: float) -> str:
    job = queued.job
    text = f"In the queue: a job of type {job.update_type}, {queued.state.value.replace('_', ' ')}"
    if job.enqueued_at:
        text += f", queued {format_elapsed_since(job.enqueued_at, now)}"
    if queued.state is JobState.WAITING and job.next_retry_at > now:
        text += f", next try in {format_duration(job.next_retry_at - now)}"
    return f"{text}, last error {job.last_error_type}" if job.last_error_type else text


def _data(facts: SceneFacts) -> dict[str, Any]:
    last = facts.last
    return {
        "now": facts.now,
        "scene_id": facts.scene_id,
        "title": facts.scene.name if facts.scene else None,
        "enabled": facts.enabled,
        "stash_problem": facts.stash_problem or None,
        "plex_problem": facts.plex_problem or None,
        **_plex_data(facts.plex),
        "sent": [
            {"rating_key": item.rating_key, "sent_at": item.at, "fields": dict(item.record.sent)}
            for item in facts.sent
        ],
        "last_job": last and {"ended_at": last.at, "outcome": last.outcome, "detail": last.detail},
        "jobs": [
            {
                "update_type": queued.job.update_type,
                "state": queued.state.value,
                "queued_at": queued.job.enqueued_at or None,
                "next_try_at": queued.job.postponed_until or None,
                "tries": queued.job.retry_count,
                "last_error_type": queued.job.last_error_type,
            }
            for queued in facts.jobs
        ],
        "dead_letters": [
            {
                "error_type": letter.error_type,
                "message": letter.error_message,
                "failed_at": letter.moment,
            }
            for letter in facts.letters
        ],
    }


def _plex_data(plex: PlexFacts | None) -> dict[str, Any]:
    if plex is None:
        lists = ("files", "items", "shown_elsewhere", "cover_to_compare")
        return {"plex_looked_at": None, **{name: [] for name in lists}}
    return {
        "plex_looked_at": plex.looked_at,
        "files": [
            {
                "path": file.path,
                "size_bytes": file.size or None,
                "plex_path": plex_path,
                "rule": matching.rule.name.lower() if matching.rule else None,
                "rating_keys": [match.rating_key for match in matching.matches],
                "candidates": [
                    {
                        "path": part.path,
                        "rating_key": part.rating_key,
                        "library": plex.libraries.get(part.section),
                    }
                    for part in matching.candidates
                ],
            }
            for file, plex_path, matching in plex.files
        ],
        "items": [
            {
                "rating_key": item.rating_key,
                "library": plex.library_of(item),
                "files": item.files,
                "differences": differences_of(item, edit),
                "to_lock": [name for name in edit.fields if name not in changes_of(edit)],
                "preserved": edit.preserved,
                "refused": list(edit.refused),
            }
            for item, edit in plex.inspection.edits
        ],
        "shown_elsewhere": plex.inspection.elsewhere,
        "cover_to_compare": plex.inspection.cover_for,
    }

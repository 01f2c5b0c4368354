"""Inspect Scene: tells why a scene is or is not in Plex."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from plex.diff import ItemEdit
from plex.exceptions import PlexAmbiguousMatch
from plex.items import LibraryPart, PlexItem
from reconciliation.detector import changes_of
from sync_queue.dlq import DeadLetter
from sync_queue.queue_view import JobState, QueuedJob
from sync_queue.sync_records import FieldValues, SentItem
from tasks.answer import Answer, Level, shortened
from tasks.arguments import required_scene
from tasks.reports.preview_sync import lines_of
from tasks.status.scene_facts import FileFact, PlexFacts, SceneFacts, facts_of
from validation.values import counted
from worker.outage_history import format_duration, format_elapsed_since
from worker.services import Services
from worker.sync.inspection import Inspection

_HOW_TO_NAME_IT = (
    "the number of the scene, as in the address of its page in Stash, /scenes/12. Stash's button "
    "cannot ask for it: run 'python3 Stash2Plex.py inspect 12', or the operation 'inspect' "
    "(docs/operations.md)"
)


class State(Enum):
    """The state of a scene; the values are documented in docs/operations.md."""

    IN_STEP = "in_step"
    DIFFERS = "differs"
    NOT_IN_PLEX = "not_in_plex"
    AMBIGUOUS = "ambiguous"
    SHOWN_ELSEWHERE = "shown_elsewhere"
    NOT_SHOWN = "not_shown"
    NO_METADATA = "no_metadata"
    NO_FILE = "no_file"
    NOT_IN_STASH = "not_in_stash"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class _Verdict:
    state: State
    text: str
    level: Level = Level.WARNING


def inspect_scene(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Return the scene's items in Plex, its queue and sync log, and the differences."""
    facts = facts_of(context, required_scene(arguments, _HOW_TO_NAME_IT))
    verdict = _verdict(facts)
    return Answer(
        verdict.text,
        details=details_of(facts),
        data={"state": verdict.state.value, **data_of(facts)},
        level=verdict.level,
    )


def _verdict(facts: SceneFacts) -> _Verdict:
    label = facts.label
    if facts.stash_problem:
        text = f"{label}: {facts.stash_problem}; {_last_known(facts)}"
        return _Verdict(State.UNKNOWN, text, Level.FAULT)
    if facts.scene is None:
        text = f"{label} is not in Stash: it was removed, or merged into another scene"
        return _Verdict(State.NOT_IN_STASH, text)
    if not facts.scene.files:
        text = f"{label} is not in Plex: it has no file in Stash"
        return _Verdict(State.NO_FILE, text)
    if facts.plex is None:
        text = (
            f"{label}: whether it is in Plex is not known, {facts.plex_problem}; "
            f"{_last_known(facts)}"
        )
        return _Verdict(State.UNKNOWN, text, Level.FAULT)
    return _in_plex(facts, facts.plex)


def _in_plex(facts: SceneFacts, plex: PlexFacts) -> _Verdict:
    inspection, label = plex.inspection, facts.label
    if inspection.lacks_metadata:
        text = (
            f"{label} is not sent to Plex yet: it has no studio, performers, tags, details or "
            "date. Add one in Stash; saving it sends it"
        )
        return _Verdict(State.NO_METADATA, text)
    if isinstance(inspection.error, PlexAmbiguousMatch):
        return _Verdict(State.AMBIGUOUS, f"{label} is not synced: {inspection.error}")
    if inspection.error is not None:
        return _Verdict(State.NOT_IN_PLEX, f"{label} is not in Plex: {inspection.error}")
    if not inspection.edits and inspection.elsewhere:
        return _Verdict(
            State.SHOWN_ELSEWHERE, f"{label} is not shown by Plex: {inspection.elsewhere[0]}"
        )
    if not inspection.edits:
        text = (
            f"{label}: Plex lists its file, but did not return the item. Run the task again in a "
            "minute"
        )
        return _Verdict(State.NOT_SHOWN, text)
    gap = _gap(inspection)
    where = _where(plex)
    if not gap:
        return _Verdict(State.IN_STEP, f"{label} is in Plex and in step: {where}", Level.OK)
    text = f"{label} is in Plex ({where}), but {gap}: {_what_happens_next(facts)}"
    under_way = bool(facts.jobs) and facts.enabled
    return _Verdict(State.DIFFERS, text, Level.OK if under_way else Level.WARNING)


def _where(plex: PlexFacts) -> str:
    items = [item for item, _ in plex.inspection.edits]
    names = ", ".join(dict.fromkeys(f"'{plex.library_of(item)}'" for item in items))
    if len(items) == 1:
        return f"item {items[0].rating_key} in library {names}"
    return f"{counted(len(items), 'item')} in {names}"


def _gap(inspection: Inspection) -> str:
    """Return the differences in words; empty without any."""
    fields = differing(inspection)
    if fields:
        return f"{', '.join(fields)} {'differs' if len(fields) == 1 else 'differ'}"
    if inspection.cover_for:
        return "its cover is not compared yet"
    unlocked = [name for _, edit in inspection.edits for name in edit.fields]
    unlocked += [name for _, kinds in inspection.unlocked for name in kinds]
    return f"not locked yet: {', '.join(dict.fromkeys(unlocked))}" if unlocked else ""


def _what_happens_next(facts: SceneFacts) -> str:
    """Return what happens next to a scene that is out of step, or the remedy."""
    if not facts.enabled:
        return "the setting Enabled is off, so nothing is sent"
    if any(queued.state is JobState.IN_PROGRESS for queued in facts.jobs):
        return "it is being sent now"
    if facts.jobs:
        job = facts.jobs[0].job
        if job.next_retry_at > facts.now:
            wait = format_duration(job.next_retry_at - facts.now)
            return f"it is queued; next try in {wait} (last error: {job.last_error_type})"
        return "it is queued and will be sent automatically"
    if facts.letters:
        letter = facts.letters[-1]
        ago = format_elapsed_since(letter.moment, facts.now)
        return (
            f"it failed permanently {ago} ({shortened(letter.error_message)}); the task 'Retry "
            "Dead Letters' queues it again"
        )
    return (
        "nothing is queued. Save the scene in Stash again, or run the task 'Sync All Scenes to "
        "Plex'"
    )


def _last_known(facts: SceneFacts) -> str:
    queued = "; a job of the scene waits" if facts.jobs else ""
    if facts.last is None:
        return f"it was never synced{queued}"
    ago = format_elapsed_since(facts.last.at, facts.now)
    return f"its last job ended {ago}: {facts.last.outcome}{queued}"


def differing(inspection: Inspection) -> list[str]:
    """Return the fields that a sync would change in any of the scene's items."""
    return list(dict.fromkeys(name for _, edit in inspection.edits for name in changes_of(edit)))


# -- for users --------------------------------------------------------------------------------


def details_of(facts: SceneFacts) -> list[str]:
    """Return the details of the answer."""
    return [
        *(_plex_lines(facts.plex, facts.now) if facts.plex is not None else ()),
        *(_sent_line(sent, facts.now) for sent in facts.sent),
        *_last_lines(facts),
        *(_job_line(queued, facts.now) for queued in facts.jobs),
        *(_letter_line(letter, facts.now) for letter in facts.letters),
    ]


def _plex_lines(plex: PlexFacts, now: float) -> Iterator[str]:
    for fact in plex.files:
        yield _file_line(fact)
    for item, edit in plex.inspection.edits:
        yield from (f"Item {item.rating_key}: {line}" for line in lines_of(item, edit))
        if edit.preserved:
            names = ", ".join(edit.preserved)
            yield f"Item {item.rating_key}: edited in Plex and therefore kept: {names}"
        if edit.refused:
            yield f"Item {item.rating_key}: refused by Plex before: {', '.join(edit.refused)}"
    if plex.inspection.cover_for:
        kinds = " and ".join(plex.inspection.cover_for)
        yield f"Its cover would be compared with the last sent {kinds}"
    yield from (words[:1].upper() + words[1:] for words in plex.inspection.elsewhere)
    if plex.looked_at is not None:
        ago = format_elapsed_since(plex.looked_at, now)
        yield f"Plex's libraries were last listed {ago}"


def _file_line(fact: FileFact) -> str:
    size = f"{fact.file.size:,} bytes" if fact.file.size else "size unknown"
    name = f"File {fact.file.path} ({size})"
    if fact.matching.rule is not None:
        found = ", ".join(
            f"item {match.rating_key} as {match.path}" for match in fact.matching.matches
        )
        return f"{name}: {found}, by {fact.matching.rule.value}"
    if fact.matching.candidates:
        return f"{name}: may be one of {len(fact.matching.candidates)} files in Plex"
    return f"{name}: expected in Plex as {fact.plex_path}; Plex does not have it"


def _sent_line(sent: SentItem, now: float) -> str:
    values = ", ".join(f"{name} {_shown(value)}" for name, value in sent.record.sent.items())
    ago = format_elapsed_since(sent.at, now)
    return shortened(f"Item {sent.rating_key} was last sent {ago}: {values or 'nothing'}", 1000)


def _shown(value: str | list[str]) -> str:
    return repr(shortened(value, 100)) if isinstance(value, str) else f"[{', '.join(value)}]"


def _last_lines(facts: SceneFacts) -> list[str]:
    if facts.last is None:
        return []
    ago = format_elapsed_since(facts.last.at, facts.now)
    detail = f": {shortened(facts.last.detail)}" if facts.last.detail else ""
    return [f"Its last job ended {ago}, {facts.last.outcome}{detail}"]


def _job_line(queued: QueuedJob, now: float) -> str:
    job = queued.job
    text = f"In the queue: {job.update_type}, {queued.state.value.replace('_', ' ')}"
    if job.enqueued_at:
        text += f", queued {format_elapsed_since(job.enqueued_at, now)}"
    if queued.state is JobState.WAITING and job.next_retry_at > now:
        text += f", next try in {format_duration(job.next_retry_at - now)}"
    if job.last_error_type:
        text += f", last error {job.last_error_type}"
    return text


def _letter_line(letter: DeadLetter, now: float) -> str:
    ago = format_elapsed_since(letter.moment, now)
    return f"Dead letter, {ago}: {letter.error_type}: {shortened(letter.error_message)}"


# -- for programs: names and units are documented in docs/operations.md --------------------------


def data_of(facts: SceneFacts) -> dict[str, Any]:
    """Return the data of the answer; times are in seconds since the epoch."""
    plex = facts.plex
    return {
        "now": facts.now,
        "scene_id": facts.scene_id,
        "title": facts.scene.name if facts.scene else None,
        "enabled": facts.enabled,
        "stash_problem": facts.stash_problem or None,
        "plex_problem": facts.plex_problem or None,
        "plex_looked_at": plex.looked_at if plex else None,
        "files": [_file_data(plex, fact) for fact in plex.files] if plex else [],
        "items": [_item_data(plex, *item_and_edit) for item_and_edit in plex.inspection.edits]
        if plex
        else [],
        "shown_elsewhere": list(plex.inspection.elsewhere) if plex else [],
        "cover_to_compare": list(plex.inspection.cover_for) if plex else [],
        "sent": [_sent_data(sent) for sent in facts.sent],
        "last_job": facts.last
        and {"ended_at": facts.last.at, "outcome": facts.last.outcome, "detail": facts.last.detail},
        "jobs": [_job_data(queued) for queued in facts.jobs],
        "dead_letters": [
            {
                "error_type": letter.error_type,
                "message": letter.error_message,
                "failed_at": letter.moment,
            }
            for letter in facts.letters
        ],
    }


def _file_data(plex: PlexFacts, fact: FileFact) -> dict[str, Any]:
    return {
        "path": fact.file.path,
        "size_bytes": fact.file.size or None,
        "plex_path": fact.plex_path,
        "rule": fact.matching.rule.name.lower() if fact.matching.rule else None,
        "rating_keys": [match.rating_key for match in fact.matching.matches],
        "candidates": [_part_data(plex, part) for part in fact.matching.candidates],
    }


def _part_data(plex: PlexFacts, part: LibraryPart) -> dict[str, Any]:
    library = plex.libraries.get(part.section)
    return {"path": part.path, "rating_key": part.rating_key, "library": library}


def _item_data(plex: PlexFacts, item: PlexItem, edit: ItemEdit) -> dict[str, Any]:
    return {
        "rating_key": item.rating_key,
        "library": plex.library_of(item),
        "files": list(item.files),
        "differences": {
            name: {"in_plex": _listed(getattr(item, name)), "wanted": _listed(wanted)}
            for name, wanted in changes_of(edit).items()
        },
        "to_lock": [name for name in edit.fields if name not in changes_of(edit)],
        "preserved": list(edit.preserved),
        "refused": list(edit.refused),
    }


def _listed(value: str | tuple[str, ...]) -> str | list[str]:
    return value if isinstance(value, str) else list(value)


def _sent_data(sent: SentItem) -> dict[str, Any]:
    fields: FieldValues = sent.record.sent
    return {"rating_key": sent.rating_key, "sent_at": sent.at, "fields": dict(fields)}


def _job_data(queued: QueuedJob) -> dict[str, Any]:
    job = queued.job
    return {
        "update_type": job.update_type,
        "state": queued.state.value,
        "queued_at": job.enqueued_at or None,
        "next_try_at": job.next_retry_at or None,
        "tries": job.retry_count,
        "last_error_type": job.last_error_type,
    }

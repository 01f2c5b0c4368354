"""Inspect Scene: the answer to "why is my scene not in Plex?", in one line."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from plex.exceptions import PlexAmbiguousMatch
from shared.frozen import frozen
from sync_queue.dlq import moment_of
from sync_queue.queue_view import JobState
from tasks.answer import Answer, Level, TaskError, counted, shortened
from tasks.arguments import one_scene
from tasks.context import TaskContext
from tasks.inspect_report import data_of, details_of, differing
from tasks.scene_facts import PlexFacts, SceneFacts, facts_of
from worker.inspection import Inspection
from worker.outage_history import format_duration, format_elapsed_since


class State(Enum):
    """How a scene stands; the values are for programs and promised in docs/operations.md."""

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


@frozen
class _Verdict:
    state: State
    text: str
    level: Level = Level.WARNING


def inspect_scene(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Tell where a scene's file is in Plex and by which rule, what was sent, what differs now.

    Raises:
        TaskError: `scene_id` is no number of a scene.
    """
    facts = facts_of(context, _scene_id(arguments))
    verdict = _verdict(facts)
    return Answer(
        verdict.text,
        details=details_of(facts),
        data={"state": verdict.state.value, **data_of(facts)},
        level=verdict.level,
    )


def _scene_id(arguments: Mapping[str, Any]) -> int:
    scene_id = one_scene(arguments)
    if scene_id is not None:
        return scene_id
    message = (
        "scene_id is missing: the number of the scene, as in the address of its page in Stash, "
        "/scenes/12. Stash's button cannot ask for it: run 'python3 Stash2Plex.py inspect 12', "
        "or the operation 'inspect' (docs/operations.md)"
    )
    raise TaskError(message)


def _verdict(facts: SceneFacts) -> _Verdict:
    label = facts.label
    if facts.stash_problem:
        text = f"{label}: {facts.stash_problem}; {_last_known(facts)}"
        return _Verdict(State.UNKNOWN, text, Level.FAULT)
    if facts.scene is None:
        text = f"{label} is not in Stash: it was removed, or merged into another scene"
        return _Verdict(State.NOT_IN_STASH, text)
    if not facts.scene.files:
        text = f"{label} is not in Plex: it has no file in Stash, so nothing can be looked for"
        return _Verdict(State.NO_FILE, text)
    if facts.plex is None:
        text = (
            f"{label}: whether it is in Plex is not known, {facts.plex_problem}; "
            f"{_last_known(facts)}"
        )
        return _Verdict(State.UNKNOWN, text, Level.FAULT)
    return _in_plex(facts, facts.plex)


def _in_plex(facts: SceneFacts, plex: PlexFacts) -> _Verdict:
    one, label = plex.inspection, facts.label
    if one.lacks_metadata:
        text = (
            f"{label} is not sent to Plex yet: it has no studio, performers, tags, details or "
            "date. Add one in Stash; saving it sends it"
        )
        return _Verdict(State.NO_METADATA, text)
    if isinstance(one.error, PlexAmbiguousMatch):
        return _Verdict(State.AMBIGUOUS, f"{label} is left alone: {one.error}")
    if one.error is not None:
        return _Verdict(State.NOT_IN_PLEX, f"{label} is not in Plex: {one.error}")
    if not one.edits and one.elsewhere:
        return _Verdict(State.SHOWN_ELSEWHERE, f"{label} is not shown by Plex: {one.elsewhere[0]}")
    if not one.edits:
        text = (
            f"{label}: Plex lists its file, but did not show the item when it was asked. Look "
            "again in a minute"
        )
        return _Verdict(State.NOT_SHOWN, text)
    gap = _gap(one)
    where = _where(plex)
    if not gap:
        return _Verdict(State.IN_STEP, f"{label} is in Plex and in step: {where}", Level.OK)
    text = f"{label} is in Plex ({where}), but {gap}: {_fate(facts)}"
    under_way = bool(facts.jobs) and facts.enabled
    return _Verdict(State.DIFFERS, text, Level.OK if under_way else Level.WARNING)


def _where(plex: PlexFacts) -> str:
    items = [item for item, _ in plex.inspection.edits]
    names = ", ".join(dict.fromkeys(f"'{plex.library_of(item)}'" for item in items))
    if len(items) == 1:
        return f"item {items[0].rating_key} in library {names}"
    return f"{counted(len(items), 'item')} in {names}"


def _gap(one: Inspection) -> str:
    """Return what is not as it should be, in words; empty when all is."""
    fields = differing(one)
    if fields:
        return f"{', '.join(fields)} {'differs' if len(fields) == 1 else 'differ'}"
    if one.cover_for:
        return "its cover is to be compared"
    unlocked = [name for _, edit in one.edits for name in edit.fields]
    unlocked += [name for _, kinds in one.unlocked for name in kinds]
    return f"not locked yet: {', '.join(dict.fromkeys(unlocked))}" if unlocked else ""


def _fate(facts: SceneFacts) -> str:
    """Return what becomes of a scene that is out of step, or what to do."""
    if not facts.enabled:
        return "the setting Enabled is off, so nothing is sent"
    if any(one.state is JobState.IN_PROGRESS for one in facts.jobs):
        return "it is being sent now"
    if facts.jobs:
        job = facts.jobs[0].job
        if job.next_retry_at > facts.now:
            wait = format_duration(job.next_retry_at - facts.now)
            return f"it is queued, the next try is in {wait} (last error: {job.last_error_type})"
        return "it is queued and goes to Plex by itself"
    if facts.letters:
        letter = facts.letters[-1]
        ago = format_elapsed_since(moment_of(letter.failed_at), facts.now)
        return (
            f"it failed for good {ago} ({shortened(letter.error_message)}); the task 'Retry Dead "
            "Letters' tries it again"
        )
    return (
        "nothing is queued. Save the scene in Stash once more, or run the task 'Sync All Scenes "
        "to Plex'"
    )


def _last_known(facts: SceneFacts) -> str:
    queued = ", a job of it waits" if facts.jobs else ""
    if facts.last is None:
        return f"nothing was sent of it so far{queued}"
    ago = format_elapsed_since(facts.last.at, facts.now)
    return f"its last job ended {ago}: {facts.last.outcome}{queued}"

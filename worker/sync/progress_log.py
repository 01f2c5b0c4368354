from collections import Counter
from collections.abc import Callable, Sequence

from plex.diff import COLLECTIONS, PERFORMERS, PLEX_NAMES, TAGS, ItemEdit, Value
from plex.edit_sender import EditOutcome
from plex.items import PlexItem
from shared.events import Event
from shared.log import DEBUG, INFO, JOB_ENDS, Log
from sync_queue.models import Claim
from validation.metadata import OPTIONAL, SceneMetadata
from validation.scene_extractor import StashScene
from validation.values import counted
from worker.sync.cover_sync import CoverResult
from worker.sync.scene_work import SceneWork

JOBS_BETWEEN_SUMS, SECONDS_BETWEEN_SUMS = 10, 30.0
_LONGEST_VALUE = 60
_COUNTED = {PERFORMERS: "performer", TAGS: "tag", COLLECTIONS: "collection"}


class ProgressLog:
    def __init__(self, log: Log, monotonic: Callable[[], float], most: int | None = None) -> None:
        self._log = log
        self._monotonic = monotonic
        self._most = most
        self._begin()

    def report(
        self, event: Event, *, again: bool = False, cause: str = "", **fields: object
    ) -> None:
        if not self._ends:
            self._begun = self._summed_at = self._monotonic()
        self._ends[event.code] += 1
        jobs, level = self._ends.total(), event.level
        if event is not Event.JOB_DEAD_LETTERED:
            if self._most is not None and jobs > self._most:
                level = DEBUG
            elif again or cause in self._causes:
                level = INFO
            elif event is Event.JOB_RETRIED:
                self._causes |= {cause} - {""}
        self._log.event(event, level=level, **fields)
        if self._most is None and jobs - self._summed >= JOBS_BETWEEN_SUMS:
            self._sum(Event.DRAIN_PROGRESS)

    def batch_ended(self) -> None:
        is_late = self._monotonic() - self._summed_at >= SECONDS_BETWEEN_SUMS
        if self._most is None and is_late and self._ends.total() > self._summed:
            self._sum(Event.DRAIN_PROGRESS)

    def drain_ended(self) -> None:
        if self._ends.total() > (self._most or 1):
            self._sum(Event.DRAIN_ENDED)
        self._begin()

    def _begin(self) -> None:
        self._summed = 0
        self._begun = self._summed_at = float("-inf")
        self._ends: Counter[str] = Counter()
        self._causes: set[str] = set()

    def _sum(self, event: Event) -> None:
        now = self._monotonic()
        self._summed, self._summed_at = self._ends.total(), now
        ends = [f"{self._ends[end]} {word}" for end, word in JOB_ENDS.items() if end in self._ends]
        self._log.event(event, jobs=self._summed, seconds=now - self._begun, ends=ends)


def words_of(changed: Sequence[str], desired: SceneMetadata) -> tuple[str, ...]:
    words = []
    for name in changed:
        value, noun = getattr(desired, name, None), _COUNTED.get(name, "")
        if noun:
            words.append(counted(len(value), noun) if value else f"{noun}s cleared")
        elif name in OPTIONAL and not value:
            words.append(f"{name.replace('_', ' ')} reset to Plex's own")
        else:
            # A Plex item always has a title, even if its scene has none.
            is_cleared = value == "" and name != "title"
            words.append(f"{name} cleared" if is_cleared else name.replace("_", " "))
    return tuple(words)


def trace_scene(log: Log, scene: StashScene, claims: Sequence[Claim]) -> None:
    if not log.show_steps:
        return
    jobs = ", ".join(
        f"{claim.job.update_type}, try {claim.job.retry_count + 1}" for claim in claims
    )
    files = ", ".join(f"{file.path} ({file.size} bytes)" for file in scene.files)
    updated = f"updated in Stash at {scene.updated_at or 'an unknown time'}"
    started = f"started {counted(len(claims), 'job')} ({jobs})"
    log.step(f"{scene.label}: {started}; {updated}; files: {files or 'none'}")


def trace_matches(log: Log, work: SceneWork, to_plex: Callable[[str], str]) -> None:
    if not log.show_steps:
        return
    label, matching = work.scene.label, work.matching
    for file in work.scene.files:
        log.step(f"{label}: {file.path} is {to_plex(file.path)} in Plex")
    kept = {item.rating_key for item in work.items}
    rule = f" by {matching.rule.value}" if matching.rule else ""
    for match in matching.matches:
        is_kept = match.rating_key in kept
        use = "uses" if is_kept else "does not use a deleted or foreign item:"
        log.step(f"{label} {use} item {match.rating_key}, found{rule} ({match.path})")
    if not matching.matches:
        candidates = ", ".join(part.path for part in matching.candidates) or "none"
        log.step(f"{label} has no item in Plex; similar files: {candidates}")


def trace_comparison(log: Log, work: SceneWork, item: PlexItem, edit: ItemEdit) -> None:
    if not log.show_steps:
        return
    names = [name for name in PLEX_NAMES if name not in OPTIONAL or work.desired.is_set(name)]
    names += [name for name in edit.fields if name not in names]
    fields = (f"{name}: {_decision(name, work.desired, item, edit, log)}" for name in names)
    log.step(f"{work.scene.label}: item {item.rating_key}: {'; '.join(fields)}")


def _decision(name: str, desired: SceneMetadata, item: PlexItem, edit: ItemEdit, log: Log) -> str:
    wanted, shown = getattr(desired, name), getattr(item, name)
    if name in edit.fields and not desired.is_set(name):
        return "not synced any more, its original value is restored"
    if wanted is None:
        return "not synced, because its setting is off"
    if name in edit.preserved:
        return "preserved, because a user set it in Plex"
    if name in edit.fields:
        if all(key.endswith(".locked") for key in edit.fields[name]):
            return "same, only its lock is sent"
        # An obfuscated log must not contain the values, which may be titles.
        if log.obfuscate is not None:
            return "differs, is sent"
        return f"differs, is sent ({_clipped(shown)} → {_clipped(wanted)})"
    return "refused by Plex earlier" if name in edit.refused else "same"


def _clipped(value: Value | tuple[str, ...]) -> str:
    text = value if isinstance(value, str) else ", ".join(value)
    return repr(text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…")


def trace_edit(log: Log, work: SceneWork, item: PlexItem, outcome: EditOutcome) -> None:
    refused = ", ".join(outcome.refused) or "nothing"
    log.step(
        f"{work.scene.label}: item {item.rating_key} edited and locked by "
        f"{counted(outcome.requests, 'request')}. Plex refused {refused}"
    )


def trace_cover(log: Log, work: SceneWork, cover: CoverResult) -> None:
    if not log.show_steps:
        return
    uploaded = ", ".join(sorted(cover.uploaded))
    locks = ", ".join(sorted({kind for kinds in cover.to_lock.values() for kind in kinds}))
    log.step(
        f"{work.scene.label}: cover: {f'sent as {uploaded}' if uploaded else cover.why}"
        + (f"; to be locked: {locks}" if locks else "")
    )

"""Reads the plugin's status from the data folder, and describes it in one sentence.

Programs need a fast answer, so no module imported here needs an installed package.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reconciliation.run import Run, run_of_today
from reconciliation.state import ReconciliationState, StateFile
from tasks.answer import Level
from validation.values import counted
from worker.circuit_breaker import CircuitBreaker, CircuitState
from worker.outage_history import OutageHistory
from worker.recovery import RecoveryScheduler
from worker.state import StatusSource

SINCE = "{since}"  # placeholder in a sentence; the page replaces it by the local time


@dataclass(frozen=True, slots=True)
class StatusSnapshot:
    """The status of the plugin at one time. Times are in seconds since 1970."""

    now: float
    pending: int
    in_progress: int
    retrying: int
    next_try: float | None  # time of the next retry; None if no job waits for a retry
    done: Mapping[str, int]  # number of jobs by result (`worker.stats.SyncStats.counts`)
    dead: Mapping[str, int]  # number of dead letters by error type
    needing_attention: int  # number of scenes with dead letters
    has_synced: bool  # whether any scene was ever synced
    missing: int  # number of waiting jobs whose scenes Plex does not have
    breaker: CircuitBreaker
    recovery: RecoveryScheduler
    outages: OutageHistory
    pause: tuple[str, float]  # why and since when the sync is paused; else an empty text
    past: ReconciliationState  # the results of past reconciliations
    run: Run | None  # the unfinished reconciliation, if any

    @property
    def unfinished(self) -> int:
        """The number of jobs that wait or are in progress."""
        return self.pending + self.in_progress + self.retrying

    @property
    def missing_text(self) -> str:
        """The number of scenes that Plex lacks, and the remedy. Empty if Plex lacks no scene."""
        if not self.missing:
            return ""
        return (
            f"Plex does not have {counted(self.missing, 'scene')} yet: let Plex scan its "
            "libraries, or run the task 'Check Path Mapping'"
        )

    @property
    def is_away(self) -> bool:
        """Whether the circuit breaker has stopped the sync because Plex is down."""
        return self.breaker.state is not CircuitState.CLOSED

    @property
    def down_since(self) -> float | None:
        """The start of the current outage. None if Plex is not down."""
        if not self.is_away:
            return None
        ongoing = self.outages.ongoing
        return ongoing.started_at if ongoing is not None else self.breaker.opened_at

    @property
    def next_probe_at(self) -> float | None:
        """The time of the next health check of Plex. None if Plex is not down."""
        return self.now + self.recovery.seconds_to_next_probe(self.now) if self.is_away else None


def read_status(source: StatusSource) -> StatusSnapshot:
    """Read the status; raise sqlite3.Error if the database is not readable."""
    now, queue = source.clock(), source.queue
    return StatusSnapshot(
        now=now,
        **queue.stats(),
        next_try=queue.next_try(),
        done=source.stats().counts,
        dead=queue.dead_letters.counts_by_type(),
        needing_attention=queue.dead_letters.count_scenes(),
        has_synced=queue.sync_log.has_synced(),
        missing=queue.count_waiting_with_error("PlexNotFound"),
        breaker=source.breaker(),
        recovery=source.recovery(),
        outages=source.outages(),
        pause=source.pause(),
        past=StateFile(source.folder.reconciliation_state, source.report, source.clock).read(),
        run=run_of_today(queue.gaps.run(), now),
    )


@dataclass(frozen=True, slots=True)
class State:
    """The state of the plugin: a word for programs and a sentence for users."""

    kind: str  # a word, such as `paused`
    level: Level
    sentence: str  # may contain the placeholder `{since}`
    since: float | None = None  # the time for `{since}`, in seconds since 1970
    remedy: str = ""  # without a full stop; empty if the sentence contains the remedy

    @property
    def is_blocked(self) -> bool:
        """Whether this state prevents every sync."""
        return self.kind in ("unconfigured", "disabled", "down", "paused")

    def text(self, now: float, sentence: str = "") -> str:
        """Replace the placeholder by the local time, with the date unless it is today.

        `sentence` is used instead of the state's sentence, and may also contain the placeholder.
        """
        sentence = sentence or self.sentence
        if self.since is None:
            return sentence
        since = datetime.fromtimestamp(self.since, UTC).astimezone()
        is_today = since.date() == datetime.fromtimestamp(now, UTC).astimezone().date()
        return sentence.replace(SINCE, f"{since:{'%H:%M' if is_today else '%Y-%m-%d %H:%M'}}")


def state_of(status: StatusSnapshot, fault: str = "", *, enabled: bool = True) -> State:
    """Return the most important state of the plugin, with the number of waiting scenes.

    `fault` is the reason why the settings are unusable. Empty if they are usable.
    """
    jobs, attention = status.unfinished, status.needing_attention
    waiting = f"; {jobs:,} {'scene waits' if jobs == 1 else 'scenes wait'}" if jobs else ""
    if fault:
        return State("unconfigured", Level.FAULT, f"Nothing can be sent to Plex: {fault}{waiting}")
    if not enabled:
        remedy = "Switch 'Enabled' on in the settings"
        text = "Stash2Plex is disabled: nothing is sent"
        return State("disabled", Level.WARNING, text, remedy=remedy)
    if status.down_since is not None:
        remedy = (
            "Start Plex; 'Test connection' shows why it does not answer. Waiting scenes are sent "
            "automatically once it does"
        )
        text = f"Plex has been down since {SINCE}{waiting or '; no scene waits'}"
        return State("down", Level.FAULT, text, status.down_since, remedy)
    pause, paused_since = status.pause
    if pause and jobs:
        text = f"Sync paused since {SINCE}: {pause}{waiting}"
        return State("paused", Level.FAULT, text, paused_since)
    if attention:
        need = "scene needs" if attention == 1 else "scenes need"
        return State("needs_you", Level.WARNING, f"{attention:,} {need} attention{waiting}")
    if jobs and status.breaker.failure_count:
        text = f"Plex did not answer the last request{waiting}; the next try is automatic"
        return State("trying", Level.WARNING, text)
    arriving = jobs - status.missing
    are = "scene is" if arriving == 1 else "scenes are"
    on_the_way = f"{arriving:,} {are} on the way to Plex"
    if status.missing:
        texts = ([on_the_way] if arriving > 0 else []) + [status.missing_text]
        return State("missing", Level.WARNING, "; ".join(texts))
    if jobs:
        return State("on_the_way", Level.OK, on_the_way)
    if not status.has_synced:
        text = "Nothing sent yet: edit a scene, or run the task 'Sync All Scenes to Plex'"
        return State("nothing_yet", Level.OK, text)
    return State("in_step", Level.OK, "All synced scenes are up to date in Plex")


def state_data(state: State, status: StatusSnapshot) -> dict[str, Any]:
    return {
        "kind": state.kind,
        "level": state.level.value,
        "sentence": state.sentence,
        "since": state.since,
        "remedy": state.remedy,
        "waiting": status.unfinished,
        "need_you": status.needing_attention,
    }

"""Reads the plugin's status.

It imports no installed package, because the page needs a fast answer.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from reconciliation.state import GapStore, ReconciliationState, Run, StateFile
from tasks.answer import Level
from worker.circuit_breaker import CircuitBreaker, CircuitState
from worker.outage_history import OutageHistory
from worker.pauses import Pause
from worker.recovery import RecoveryScheduler
from worker.state_files import StatusSource

# The settings page replaces this placeholder with a time in the browser's time zone.
SINCE = "{since}"


@dataclass(frozen=True, slots=True)
class StatusSnapshot:
    now: float
    pending: int
    in_progress: int
    retrying: int
    next_try: float | None
    done: Mapping[str, int]
    dead: Mapping[str, int]
    needing_attention: int
    has_synced: bool
    # `missing` is the number of waiting jobs whose scene has no item in Plex.
    missing: int
    breaker: CircuitBreaker
    recovery: RecoveryScheduler
    outages: OutageHistory
    pause: Pause
    past: ReconciliationState
    run: Run | None

    @property
    def unfinished(self) -> int:
        return self.pending + self.in_progress + self.retrying

    @property
    def missing_text(self) -> str:
        lacks = f"{self.missing:,} scene{' is' if self.missing == 1 else 's are'} not in Plex yet"
        return f"{lacks}: let Plex scan its libraries, or run the task 'Check Path Mapping'"

    @property
    def is_plex_down(self) -> bool:
        return self.breaker.state is not CircuitState.CLOSED

    @property
    def down_since(self) -> float | None:
        if not self.is_plex_down:
            return None
        ongoing = self.outages.ongoing
        return ongoing.started_at if ongoing is not None else self.breaker.opened_at

    @property
    def next_probe_at(self) -> float | None:
        return (
            self.now + self.recovery.seconds_to_next_probe(self.now) if self.is_plex_down else None
        )


def read_status(source: StatusSource) -> StatusSnapshot:
    now, queue = source.clock(), source.queue
    return StatusSnapshot(
        now=now,
        **queue.stats(),
        next_try=queue.next_due(after=now),
        done=source.stats().counts,
        dead=queue.dead_letters.counts_by_type(),
        needing_attention=queue.dead_letters.count_scenes(),
        has_synced=queue.sync_log.has_synced(),
        missing=queue.count_waiting_with_error("PlexNotFound"),
        breaker=source.breaker(),
        recovery=source.recovery(),
        outages=source.outages(),
        pause=source.pause(),
        past=StateFile(source.folder.reconciliation_state, source.log.event, source.clock).read(),
        run=GapStore(queue.connection).run(now),
    )


@dataclass(frozen=True, slots=True)
class State:
    kind: str
    level: Level
    sentence: str
    since: float | None = None
    remedy: str = ""

    @property
    def is_blocked(self) -> bool:
        return self.kind in ("unconfigured", "disabled", "down", "paused")

    def text(self, now: float) -> str:
        if self.since is None:
            return self.sentence
        since = datetime.fromtimestamp(self.since, UTC).astimezone()
        is_today = since.date() == datetime.fromtimestamp(now, UTC).astimezone().date()
        return self.sentence.replace(SINCE, f"{since:{'%H:%M' if is_today else '%Y-%m-%d %H:%M'}}")


def state_of(status: StatusSnapshot, settings_fault: str = "", *, enabled: bool = True) -> State:
    jobs, attention = status.unfinished, status.needing_attention
    waiting = (
        f"; {jobs:,} {'scene waits' if jobs == 1 else 'scenes wait'} to be synced" if jobs else ""
    )
    if settings_fault:
        return State(
            "unconfigured", Level.FAULT, f"Nothing can be sent to Plex: {settings_fault}{waiting}"
        )
    if not enabled:
        remedy = "Switch 'Enabled' on in the settings"
        text = "Stash2Plex is disabled: nothing is sent"
        return State("disabled", Level.WARNING, text, remedy=remedy)
    if status.down_since is not None:
        remedy = "Start Plex to sync the waiting scenes. 'Test connection' shows what is wrong"
        text = f"Plex has been down since {SINCE}{waiting or '; no scene waits'}"
        return State("down", Level.FAULT, text, status.down_since, remedy)
    pause = status.pause
    if pause.reason and jobs:
        why = f" {pause.reason}" if pause.is_wanted else f" since {SINCE}: {pause.reason}"
        level = Level.OK if pause.is_wanted else Level.FAULT
        return State("paused", level, f"Sync paused{why}{waiting}", pause.since)
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
        **asdict(state),
        "level": state.level.value,
        "waiting": status.unfinished,
        "need_you": status.needing_attention,
    }

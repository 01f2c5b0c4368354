"""The state of the plugin as one sentence."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tasks.answer import Level
from tasks.status.snapshot import StatusSnapshot
from worker.services import Services
from worker.sync.session import ConfigFault

_SWITCH_ON = "Switch 'Enabled' on in the settings"
_START_PLEX = (
    "Start Plex; 'Test connection' shows why it does not answer. Waiting scenes are sent "
    "automatically once it does"
)
SINCE = "{since}"  # placeholder; the page inserts the local time of its reader


@dataclass(frozen=True, slots=True)
class State:
    """The state of the plugin.

    Attributes:
        kind: a word for programs.
        sentence: for users; it may contain the placeholder `{since}`.
        since: seconds since the epoch; None without the placeholder.
        remedy: without a full stop; empty if the sentence contains it.
    """

    kind: str
    level: Level
    sentence: str
    since: float | None = None
    remedy: str = ""

    @property
    def is_blocked(self) -> bool:
        """Whether nothing is sent in this state."""
        return self.kind in ("unconfigured", "disabled", "down", "paused")

    def text(self, now: float) -> str:
        """Return the sentence with the time in UTC, and with the date unless it is today."""
        if self.since is None:
            return self.sentence
        since = datetime.fromtimestamp(self.since, UTC)
        today = since.date() == datetime.fromtimestamp(now, UTC).date()
        words = since.strftime("%H:%M UTC" if today else "%Y-%m-%d %H:%M UTC")
        return self.sentence.replace(SINCE, words)


def state_of(status: StatusSnapshot, fault: str = "", *, enabled: bool = True) -> State:
    """Return the most important fact, and how many scenes wait.

    `fault` tells why the settings name no usable Plex server; it is empty if they do.
    """
    waiting = _waiting(status.unfinished)
    if fault:
        return State("unconfigured", Level.FAULT, f"Nothing can be sent to Plex: {fault}{waiting}")
    if not enabled:
        text = "Stash2Plex is disabled: nothing is sent"
        return State("disabled", Level.WARNING, text, remedy=_SWITCH_ON)
    if status.down_since is not None:
        text = f"Plex has been down since {SINCE}{waiting or '; no scene waits'}"
        return State("down", Level.FAULT, text, status.down_since, _START_PLEX)
    pause, paused_since = status.pause
    if pause and status.unfinished:
        text = f"Sync paused since {SINCE}: {pause}{waiting}"
        return State("paused", Level.FAULT, text, paused_since)
    if status.needing_attention:
        verb = "scene needs" if status.needing_attention == 1 else "scenes need"
        return State(
            "needs_you", Level.WARNING, f"{status.needing_attention:,} {verb} attention{waiting}"
        )
    if status.unfinished and status.breaker.failure_count:
        text = f"Plex did not answer the last try{waiting}; the next try is automatic"
        return State("trying", Level.WARNING, text)
    if status.unfinished:
        is_or_are = "scene is" if status.unfinished == 1 else "scenes are"
        text = f"{status.unfinished:,} {is_or_are} on the way to Plex"
        return State("on_the_way", Level.OK, text)
    if not status.has_history:
        text = "Nothing sent yet: edit a scene, or run the task 'Sync All Scenes to Plex'"
        return State("nothing_yet", Level.OK, text)
    return State("in_step", Level.OK, "Everything is in Plex")


def _waiting(jobs: int) -> str:
    return f"; {jobs:,} {'scene waits' if jobs == 1 else 'scenes wait'}" if jobs else ""


def read_state(context: Services, status: StatusSnapshot) -> State:
    """Return the state with the current settings; raise StashError if they are unreadable."""
    enabled = context.sessions.config().enabled
    try:
        context.sessions.current()
    except ConfigFault as error:
        return state_of(status, str(error), enabled=enabled)
    return state_of(status, enabled=enabled)


def state_data(state: State, status: StatusSnapshot) -> dict[str, Any]:
    """Return the state for programs."""
    return {
        "kind": state.kind,
        "level": state.level.value,
        "sentence": state.sentence,
        "since": state.since,
        "remedy": state.remedy,
        "waiting": status.unfinished,
        "need_you": status.needing_attention,
    }

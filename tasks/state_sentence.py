"""One sentence that says how things stand: the first that a person wants to know."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sync_queue.glance import Glance
from tasks.answer import Level
from tasks.context import TaskContext
from worker.circuit_breaker import CircuitState
from worker.session import ConfigFault

_SWITCH_ON = "Switch 'Enabled' on in the settings"
_START_PLEX = (
    "Start Plex; 'Test connection' tells why it does not answer. What waits is sent by itself once "
    "it does"
)
SINCE = "{since}"  # where a program puts the moment in the words of its reader's clock


@dataclass(frozen=True, slots=True)
class Situation:
    """What the sentence depends on.

    Attributes:
        fault: why the settings name no usable Plex server; empty when they do.
        enabled: the setting.
        down_since: when the outage that lasts began, in seconds since the epoch; None without one.
        pause: why nothing goes on although jobs wait; empty when it does.
        paused_since: in seconds since the epoch.
        suspicious: Plex did not answer the last try; too early to call it an outage.
        waiting: jobs that wait or are in progress.
        need_you: scenes with dead letters.
        ever: whether any scene was ever looked at.
    """

    fault: str = ""
    enabled: bool = True
    down_since: float | None = None
    pause: str = ""
    paused_since: float = 0.0
    suspicious: bool = False
    waiting: int = 0
    need_you: int = 0
    ever: bool = True


@dataclass(frozen=True, slots=True)
class State:
    """How things stand.

    Attributes:
        kind: a word for programs.
        level: whether that is as it should be.
        sentence: for people; `{since}` in it stands for `since`.
        since: in seconds since the epoch; None where the sentence has no moment.
        remedy: what to do, where the sentence does not say it; no full stop.
    """

    kind: str
    level: Level
    sentence: str
    since: float | None = None
    remedy: str = ""

    @property
    def stands_still(self) -> bool:
        """Whether nothing is sent until somebody or something changes that."""
        return self.kind in ("unconfigured", "disabled", "down", "paused")

    def text(self, now: float) -> str:
        """Return the sentence with its moment by UTC, with the date where that is not today's."""
        if self.since is None:
            return self.sentence
        since = datetime.fromtimestamp(self.since, UTC)
        today = since.date() == datetime.fromtimestamp(now, UTC).date()
        words = since.strftime("%H:%M UTC" if today else "%Y-%m-%d %H:%M UTC")
        return self.sentence.replace(SINCE, words)


def state_of(situation: Situation) -> State:
    """Return the one thing that matters most, with what waits for it."""
    one = situation
    if one.fault:
        text = f"Nothing can be sent to Plex: {one.fault}{_waiting(one)}"
        return State("unconfigured", Level.FAULT, text)
    if not one.enabled:
        text = "Stash2Plex is switched off: nothing is sent"
        return State("disabled", Level.WARNING, text, remedy=_SWITCH_ON)
    if one.down_since is not None:
        text = f"Plex is down since {SINCE}{_waiting(one) or '; nothing waits'}"
        return State("down", Level.FAULT, text, one.down_since, _START_PLEX)
    if one.pause and one.waiting:
        text = f"Nothing goes on since {SINCE}: {one.pause}{_waiting(one)}"
        return State("paused", Level.FAULT, text, one.paused_since)
    if one.need_you:
        verb = "scene needs" if one.need_you == 1 else "scenes need"
        return State("needs_you", Level.WARNING, f"{one.need_you:,} {verb} you{_waiting(one)}")
    if one.waiting and one.suspicious:
        text = f"Plex did not answer the last try{_waiting(one)}, and the next comes by itself"
        return State("trying", Level.WARNING, text)
    if one.waiting:
        is_or_are = "scene is" if one.waiting == 1 else "scenes are"
        return State("on_the_way", Level.OK, f"{one.waiting:,} {is_or_are} on the way to Plex")
    if not one.ever:
        text = "Nothing was sent yet: edit a scene, or run the task 'Sync All Scenes to Plex'"
        return State("nothing_yet", Level.OK, text)
    return State("in_step", Level.OK, "Everything is in Plex")


def _waiting(one: Situation) -> str:
    if not one.waiting:
        return ""
    return f"; {one.waiting:,} {'scene waits' if one.waiting == 1 else 'scenes wait'}"


def situation_of(context: TaskContext) -> Situation:
    """Return the situation of this moment.

    Raises:
        StashError: the settings could not be read.
    """
    config = context.sessions.config()
    fault = ""
    try:
        context.sessions.current()
    except ConfigFault as error:
        fault = str(error)
    breaker = context.records.breaker()
    ongoing = context.records.outages().ongoing
    away = breaker.state is not CircuitState.CLOSED
    began = ongoing.started_at if ongoing is not None else breaker.opened_at
    pause, paused_since = context.records.pause()
    glance = Glance(context.queue.connection)
    return Situation(
        fault=fault,
        enabled=config.enabled,
        down_since=began if away else None,
        pause=pause,
        paused_since=paused_since,
        suspicious=breaker.failure_count > 0,
        waiting=context.queue.waiting(),
        need_you=glance.scenes_with_letters(),
        ever=bool(glance.recent(1)),
    )


def state_data(state: State, situation: Situation) -> dict[str, Any]:
    """Return the state for a program."""
    return {
        "kind": state.kind,
        "level": state.level.value,
        "sentence": state.sentence,
        "since": state.since,
        "remedy": state.remedy,
        "waiting": situation.waiting,
        "need_you": situation.need_you,
    }

"""The tasks about Plex being away: its health now, and its record."""

from collections.abc import Mapping
from typing import Any

from plex.exceptions import PlexError
from plex.health import PlexHealth, check_plex_health
from tasks.answer import Answer
from tasks.context import TaskContext, TaskError
from worker.circuit_breaker import CircuitState
from worker.outage_history import (
    OutageRecord,
    calculate_outage_metrics,
    format_duration,
    format_elapsed_since,
)

NEWEST_SHOWN = 10  # spec.md §1


def health_check(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Tell whether Plex answers, accepts the token and has the libraries, and what to do if not.

    Raises:
        TaskError: something is wrong with Plex; the text says what and what to do.
        ConfigFault: the settings name no usable Plex server.
        StashError: the settings could not be read.
    """
    del arguments
    session = context.sessions.current()
    health = check_plex_health(session.client)
    waiting = context.queue.waiting()
    if waiting:
        context.ensure_worker()
    state = f"{waiting} jobs wait; circuit breaker {context.records.breaker().state.value}"
    if health.error is not None:
        raise TaskError(f"Plex: {_remedy(health)}. {state}")
    try:
        sections = session.library.sections()
    except PlexError as error:
        raise TaskError(f"Plex answers, but {error}. {state}") from None
    names = ", ".join(section.title for section in sections)
    if not sections:
        message = f"Plex has no library of videos: add one in Plex, type Other Videos. {state}"
        raise TaskError(message)
    return Answer(
        f"Plex answers in {health.latency * 1000:.0f} ms and accepts the token; "
        f"libraries: {names}. {state}"
    )


def _remedy(health: PlexHealth) -> str:
    if not health.reachable:
        return f"{health.error}. Start it, or correct plex_url"
    return str(health.error)


def outage_summary(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Tell how often and how long Plex was away; the last outages go into the log, newest first."""
    del arguments
    now = context.clock()
    records = context.records.outages().records
    if not records:
        return Answer("No outage of Plex is on record", data={"outages": []})
    completed = [record for record in records if record.duration is not None]
    metrics = calculate_outage_metrics(records)
    ongoing = context.records.outages().ongoing
    return Answer(
        f"{len(records)} outages tracked, {len(completed)} completed, "
        f"{format_duration(sum(record.duration or 0.0 for record in completed))} in total; "
        f"MTTR {format_duration(metrics.mttr)}, MTBF {format_duration(metrics.mtbf)}, "
        f"availability {metrics.availability:.2f} %"
        + (f"; ongoing since {format_elapsed_since(ongoing.started_at, now)}" if ongoing else ""),
        details=[outage_line(one, now) for one in list(reversed(records))[:NEWEST_SHOWN]],
    )


def breaker_line(context: TaskContext) -> str:
    """Return the breaker's state and since when."""
    breaker = context.records.breaker()
    if breaker.state is CircuitState.CLOSED or breaker.opened_at is None:
        return breaker.state.value
    since = format_elapsed_since(breaker.opened_at, context.clock())
    return f"{breaker.state.value}, opened {since}"


def outage_line(record: OutageRecord, now: float) -> str:
    """Return one outage in words."""
    began = format_elapsed_since(record.started_at, now)
    lasted = "ongoing" if record.duration is None else f"lasted {format_duration(record.duration)}"
    about = "about, " if record.estimated else ""
    return f"Outage {began}: {about}{lasted}, {record.jobs_affected} scenes waited"

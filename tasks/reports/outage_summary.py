"""Outage Summary Report: number, duration and metrics of Plex's outages."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tasks.answer import Answer, Level
from validation.values import counted
from worker.outage_history import (
    OutageRecord,
    calculate_outage_metrics,
    format_duration,
    format_elapsed_since,
)
from worker.state import StatusSource

if TYPE_CHECKING:  # a question of a program starts faster without it
    from worker.services import Services

NEWEST_SHOWN = 10


def outage_summary(context: "Services", arguments: Mapping[str, Any]) -> Answer:
    """Return the metrics of all outages, and the last outages as details."""
    del arguments
    return summary_of(context.status_source)


def summary_of(source: StatusSource) -> Answer:
    """Return the metrics of all outages, and the last outages as details."""
    now = source.clock()
    history = source.outages()
    newest_first = list(reversed(history.records))
    metrics = calculate_outage_metrics(history.records)
    ongoing = history.ongoing
    data = {
        "now": now,
        "tracked": len(newest_first),
        "completed": metrics.outage_count,
        "total_downtime_seconds": metrics.total_downtime,
        "mttr_seconds": metrics.mttr,
        "mtbf_seconds": metrics.mtbf,
        "availability_percent": round(metrics.availability, 4),
        "ongoing": None if ongoing is None else outage_data(ongoing),
        "outages": [outage_data(record) for record in newest_first],
    }
    if not newest_first:
        return Answer("No outage of Plex is recorded", data=data)
    return Answer(
        f"{counted(len(newest_first), 'outage')} tracked, {metrics.outage_count} completed, "
        f"{format_duration(metrics.total_downtime)} in total; "
        f"MTTR {format_duration(metrics.mttr)}, MTBF {format_duration(metrics.mtbf)}, "
        f"availability {metrics.availability:.2f} %" + (_ongoing(ongoing, now) if ongoing else ""),
        details=[outage_line(record, now) for record in newest_first[:NEWEST_SHOWN]],
        data=data,
        level=Level.FAULT if ongoing else Level.OK,
    )


def _ongoing(ongoing: OutageRecord, now: float) -> str:
    return (
        f"; the current outage began {format_elapsed_since(ongoing.started_at, now)}. If Plex is "
        "running, run the task 'Health Check' for the cause"
    )


def outage_line(record: OutageRecord, now: float) -> str:
    """Return an outage in words."""
    began = format_elapsed_since(record.started_at, now)
    lasted = "ongoing" if record.duration is None else f"lasted {format_duration(record.duration)}"
    about = "about, " if record.estimated else ""
    return f"Outage {began}: {about}{lasted}, {counted(record.jobs_affected, 'scene')} waited"


def outage_data(record: OutageRecord) -> dict[str, Any]:
    """Return an outage for programs; times are in seconds since the epoch."""
    return {
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "duration_seconds": record.duration,
        "scenes_waited": record.jobs_affected,
        "estimated": record.estimated,
    }

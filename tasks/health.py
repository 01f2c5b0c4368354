"""Health Check: whether Plex answers, accepts the token and has the libraries."""

from collections.abc import Mapping, Sequence
from typing import Any

from plex.exceptions import PlexError
from plex.health import PlexHealth, check_plex_health
from plex.items import Section
from tasks.answer import Answer, Level
from tasks.arguments import wants_json
from tasks.context import TaskContext
from tasks.errors import TaskError
from tasks.wording import counted
from worker.session import SyncSession


def health_check(context: TaskContext, arguments: Mapping[str, Any]) -> Answer:
    """Tell whether Plex answers, accepts the token and has the libraries, and what to do if not.

    Raises:
        TaskError: something is wrong with Plex; the text says what and what to do. A program gets
            an answer of level fault instead.
        ConfigFault: the settings name no usable Plex server.
        StashError: the settings could not be read.
    """
    as_json = wants_json(arguments)
    session = context.sessions.current()
    health = check_plex_health(session.client)
    waiting = context.queue.waiting()
    if waiting and not as_json:
        context.ensure_worker()
    sections, problem = _sections(session, health)
    breaker = context.records.breaker().state.value
    jobs = f"{counted(waiting, 'job')} {'waits' if waiting == 1 else 'wait'}"
    answer = Answer(
        f"{problem or _all_well(health, sections)}. {jobs}; circuit breaker {breaker}",
        data={
            "reachable": health.reachable,
            "latency_seconds": round(health.latency, 4),
            "token_accepted": health.token_ok,
            "libraries": [section.title for section in sections],
            "waiting": waiting,
            "breaker_state": breaker,
        },
        level=Level.FAULT if problem else Level.OK,
    )
    if problem and not as_json:
        raise TaskError(answer.text)
    return answer


def _sections(session: SyncSession, health: PlexHealth) -> tuple[Sequence[Section], str]:
    """Return the libraries in use, and what is wrong; nothing is when that is empty."""
    if health.error is not None:
        remedy = "" if health.reachable else ". Start it, or correct plex_url"
        return [], f"Plex: {health.error}{remedy}"
    try:
        sections = session.library.sections()
    except PlexError as error:
        return [], f"Plex answers, but {error}"
    if not sections:
        return [], "Plex has no library of videos: add one in Plex, type Other Videos"
    return sections, ""


def _all_well(health: PlexHealth, sections: Sequence[Section]) -> str:
    names = ", ".join(section.title for section in sections)
    return (
        f"Plex answers in {health.latency * 1000:.0f} ms and accepts the token; libraries: {names}"
    )

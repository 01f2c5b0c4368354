from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from plex.exceptions import PlexError, PlexRedirectError, PlexTlsError
from plex.health import PlexHealth, check_plex_health
from plex.items import Section
from plex.library_choice import choose_libraries, entry_for
from plex.listing import count_videos
from tasks.answer import Answer, Level, TaskError
from validation.config import SHORT_LIVED, refused_settings
from worker.circuit_breaker import CHECKS_TO_CLOSE, CircuitState
from worker.outage_guard import OutageGuard
from worker.process.lock_handover import LockHeldError
from worker.services import Services
from worker.sync.session import ConfigFault, SyncSession

CONNECTION = frozenset(
    ("plex_url", "plex_token", "plex_library", "plex_verify_tls", "connect_timeout", "read_timeout")
)

_BREAKER = {
    "open": "The circuit breaker is open: no job runs until Plex works again",
    "half_open": "The circuit breaker is half-open: the next job tests whether Plex works again",
}


def health_check(services: Services, *, format: str) -> Answer:  # noqa: A002 - the argument's name
    is_user = format == "text"
    session = services.sessions.current()
    answer = _test(services, session, ends_outage=is_user, is_trial=False)
    if answer.level is Level.FAULT and is_user:
        raise TaskError(answer.text)
    return answer


def test_connection(services: Services, *, settings: Mapping[str, Any]) -> Answer:
    sessions = services.sessions
    stored = sessions.config()
    typed = {name: value for name, value in settings.items() if name in CONNECTION}
    refused = refused_settings(typed, stored)
    if refused:
        text = f"Nothing was tested: {'; '.join(refused.values())}"
        return Answer(text, data={"refused": refused}, level=Level.FAULT)
    sessions.try_out(typed)
    session = sessions.current()
    answer = _test(services, session, ends_outage=session.config == stored, is_trial=True)
    return replace(answer, data={**answer.data, "refused": {}})


def _test(services: Services, session: SyncSession, *, ends_outage: bool, is_trial: bool) -> Answer:
    health = check_plex_health(session.client)
    sections, may_edit, problem = _rights(session, health)
    if ends_outage and not problem:
        end_outage(services)
    names = [section.title for section in sections]
    waiting, pause = services.queue.waiting(), services.pause()
    breaker = services.breaker().state.value
    expires, latency = session.config.token_expires, f"{health.latency * 1000:.0f} ms"
    well = f"Plex answers in {latency} and accepts the token; libraries: {', '.join(names)}"
    sentences = (
        problem or well,
        f"Sync paused {pause.reason}" if pause.is_wanted and waiting else "",
        "" if is_trial else _BREAKER.get(breaker, ""),
        f"Jobs waiting in the queue: {waiting:,}" if waiting else "",
        SHORT_LIVED if expires else "",
    )
    return Answer(
        ". ".join(filter(None, sentences)),
        data={
            "reachable": health.reachable,
            "latency_seconds": round(health.latency, 4),
            "token_accepted": health.token_ok,
            "token_may_edit": may_edit,
            "token_expires": expires,
            "libraries": names,
            "libraries_in_plex": [section.title for section in session.library.sections_known()],
            "library_choices": _choices(session, are_counted=is_trial),
            "waiting": waiting,
            "breaker_state": breaker,
        },
        level=Level.FAULT if problem else Level.WARNING if expires else Level.OK,
    )


def _rights(session: SyncSession, health: PlexHealth) -> tuple[Sequence[Section], bool | None, str]:
    if health.error is not None:
        is_there = health.reachable or isinstance(health.error, PlexTlsError | PlexRedirectError)
        remedy = "" if is_there else ". Start Plex, or correct plex_url"
        return [], None, f"Plex cannot be used: {health.error}{remedy}"
    may_edit: bool | None = None
    try:
        may_edit = session.client.may_edit()
        sections = session.library.sections()
    except PlexError as error:
        return [], may_edit, f"Plex answers, but {error}"
    problem = ""
    if not may_edit:
        problem = "plex_token is a guest's token, which cannot edit. Set the server owner's token"
    elif not sections:
        problem = "Plex has no video library. Add one of the type Other Videos in Plex"
    return sections, may_edit, problem


def _choices(session: SyncSession, *, are_counted: bool) -> list[dict[str, Any]]:
    sections = session.library.sections_known()
    choice = choose_libraries(session.config.plex_library, sections)
    chosen = {section.key for section in choice.sections} if choice.entries else set()
    return [
        {
            "name": section.title,
            "entry": entry_for(section, sections),
            "chosen": section.key in chosen,
            **({"items": _count(session, section)} if are_counted else {}),
        }
        for section in sections
    ]


def _count(session: SyncSession, section: Section) -> int | None:
    with suppress(PlexError):
        return count_videos(session.client.read, section)
    return None


def end_outage(services: Services) -> None:
    """Record the end of an outage or a pause if Plex answers now. Waiting jobs then run at once."""
    queue, pause = services.queue, services.pause()
    is_fault = bool(pause.reason) and not pause.is_wanted
    if services.breaker().state is CircuitState.CLOSED and not is_fault:
        return
    with suppress(ConfigFault, LockHeldError):
        client = services.sessions.current().client
        if not check_plex_health(client).healthy:
            return
        with services.hold_worker_lock():
            guard = OutageGuard(services)
            # A single successful check lets one waiting job run. The outage ends when this job
            # succeeds.
            for _ in range(1 if queue.has_unfinished() else CHECKS_TO_CLOSE):
                guard.check(client)

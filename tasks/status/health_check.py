"""Health Check: tests the connection to Plex, the token and the libraries."""

from collections.abc import Mapping, Sequence
from typing import Any

from plex.exceptions import PlexError, PlexTlsError
from plex.health import PlexHealth, check_plex_health
from plex.items import Section
from plex.library_choice import choose_libraries, entry_for
from tasks.answer import Answer, Level, TaskError
from tasks.arguments import wants_json
from validation.config import SHORT_LIVED
from validation.values import counted
from worker.services import Services
from worker.sync.session import SyncSession

_LIKE_A_GUESTS = (
    "Plex accepts the token, but it is a guest's token, which cannot edit: set plex_token to the "
    "token of the server's owner"
)


def health_check(context: Services, arguments: Mapping[str, Any]) -> Answer:
    """Test Plex; for programs a fault is in the answer, for users it is a TaskError."""
    as_json = wants_json(arguments)
    session = context.sessions.current()
    health = check_plex_health(session.client)
    waiting = context.queue.waiting()
    if waiting and not as_json:
        context.ensure_worker()
    sections, may_edit, problem = _rights(session, health)
    breaker = context.status_source.breaker().state.value
    jobs = f"{counted(waiting, 'job')} {'waits' if waiting == 1 else 'wait'}"
    expires = session.config.token_expires
    warning = f". {SHORT_LIVED}" if expires else ""
    healthy = Level.WARNING if expires else Level.OK
    answer = Answer(
        f"{problem or _all_well(health, sections)}. {jobs}; circuit breaker {breaker}{warning}",
        data={
            "reachable": health.reachable,
            "latency_seconds": round(health.latency, 4),
            "token_accepted": health.token_ok,
            "token_may_edit": may_edit,
            "token_expires": expires,
            "libraries": [section.title for section in sections],
            "libraries_in_plex": [section.title for section in session.library.sections_known()],
            "library_choices": _offered(session),
            "waiting": waiting,
            "breaker_state": breaker,
        },
        level=Level.FAULT if problem else healthy,
    )
    if problem and not as_json:
        raise TaskError(answer.text)
    return answer


def _rights(session: SyncSession, health: PlexHealth) -> tuple[Sequence[Section], bool | None, str]:
    """Return the libraries in use, whether the token may edit, and the problem, if any."""
    if health.error is not None:
        is_away = not (health.reachable or isinstance(health.error, PlexTlsError))
        remedy = ". Start it, or correct plex_url" if is_away else ""
        return [], None, f"Plex: {health.error}{remedy}"
    may_edit: bool | None = None
    try:
        may_edit = session.client.may_edit()
        sections = session.library.sections()
    except PlexError as error:
        return [], may_edit, f"Plex answers, but {error}"
    if not may_edit:
        return sections, may_edit, _LIKE_A_GUESTS
    if not sections:
        return [], may_edit, "Plex has no video library: add one in Plex, type Other Videos"
    return sections, may_edit, ""


def _offered(session: SyncSession) -> list[dict[str, object]]:
    """Return all video libraries, each with the value of plex_library that selects it."""
    sections = session.library.sections_known()
    choice = choose_libraries(session.config.plex_library, sections)
    chosen = {section.key for section in choice.sections} if choice.entries else set()
    return [
        {
            "name": section.title,
            "entry": entry_for(section, sections),
            "chosen": section.key in chosen,
        }
        for section in sections
    ]


def _all_well(health: PlexHealth, sections: Sequence[Section]) -> str:
    names = ", ".join(section.title for section in sections)
    return (
        f"Plex answers in {health.latency * 1000:.0f} ms and accepts the token; libraries: {names}"
    )

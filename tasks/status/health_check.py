"""Health Check: tests the connection to Plex, the token and the libraries."""

from collections.abc import Sequence

from plex.exceptions import PlexError, PlexTlsError
from plex.health import PlexHealth, check_plex_health
from plex.items import Section
from plex.library_choice import choose_libraries, entry_for
from tasks.answer import Answer, Level, TaskError
from validation.config import SHORT_LIVED
from validation.values import counted
from worker.services import Services
from worker.sync.session import SyncSession


def health_check(services: Services, *, format: str) -> Answer:  # noqa: A002 - the argument's name
    """Test Plex; for programs a fault is in the answer, for users it is a TaskError."""
    session = services.sessions.current()
    health = check_plex_health(session.client)
    waiting = services.queue.waiting()
    sections, may_edit, problem = _rights(session, health)
    breaker = services.status_source.breaker().state.value
    expires = session.config.token_expires
    names = ", ".join(section.title for section in sections)
    well = (
        f"Plex answers in {health.latency * 1000:.0f} ms and accepts the token; libraries: {names}"
    )
    text = (
        f"{problem or well}. {counted(waiting, 'job')} {'waits' if waiting == 1 else 'wait'}; "
        f"circuit breaker {breaker}{f'. {SHORT_LIVED}' if expires else ''}"
    )
    if problem and format == "text":
        raise TaskError(text)
    return Answer(
        text,
        data={
            "reachable": health.reachable,
            "latency_seconds": round(health.latency, 4),
            "token_accepted": health.token_ok,
            "token_may_edit": may_edit,
            "token_expires": expires,
            "libraries": [section.title for section in sections],
            "libraries_in_plex": [section.title for section in session.library.sections_known()],
            "library_choices": _choices(session),
            "waiting": waiting,
            "breaker_state": breaker,
        },
        level=Level.FAULT if problem else Level.WARNING if expires else Level.OK,
    )


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
    problem = ""
    if not may_edit:
        problem = (
            "Plex accepts the token, but it is a guest's token, which cannot edit: set plex_token "
            "to the token of the server's owner"
        )
    elif not sections:
        problem = "Plex has no video library: add one in Plex, type Other Videos"
    return sections, may_edit, problem


def _choices(session: SyncSession) -> list[dict[str, object]]:
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

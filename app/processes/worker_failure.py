"""Leaves word of a worker that has no log yet, for the next hook or task to tell (`app.relay`)."""

import contextlib
import json
import os
import sys

from app.processes.worker_log import record_line
from shared.data_folder import resolve_data_folder
from shared.events import Event
from shared.files import replace_file
from shared.log import one_line


def leave_word(news: str, event: Event, problem: str) -> None:
    """Write it into the file that hooks and tasks look for anyway, unless one lies there untold.

    Args:
        news: the file; see `create_worker_log`.
        event: what happened.
        problem: why, without secrets.
    """
    with contextlib.suppress(OSError):
        if os.path.exists(news) and os.path.getsize(news):
            return
        temporary = f"{news}.tmp-{os.getpid()}"
        text = one_line(event.sentence({"problem": problem}))
        with open(temporary, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(record_line(event.level, text, event.code, {}) + "\n")
        replace_file(temporary, news)


def problem_of(error: Exception) -> str:
    """Return class and text of an error that only a developer knows."""
    return f"{type(error).__name__}: {error}"


def leave_word_of_loading(script: str, error: Exception) -> int:
    """Leave word that the worker's own modules cannot be loaded; return the exit status.

    Args:
        error: what loading them ended with; Stash's connection has not been read yet.
    """
    with contextlib.suppress(OSError, ValueError):
        connection = json.loads(sys.stdin.buffer.read())
        stash_dir = connection.get("Dir") if isinstance(connection, dict) else None
        folder = resolve_data_folder(os.path.dirname(script), str(stash_dir or ""), os.environ)
        leave_word(folder.news, Event.WORKER_INCOMPLETE, problem_of(error))
    return 1

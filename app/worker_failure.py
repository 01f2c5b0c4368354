"""Leaves word of a worker that has no log yet, for the next hook or task to tell (`app.relay`)."""

import contextlib
import json
import os
import sys
import time

from shared.data_folder import resolve_data_folder
from shared.files import replace_file
from shared.log import one_line


def leave_word(news: str, text: str) -> None:
    """Write it into the file that hooks and tasks look for anyway, unless one lies there untold.

    Args:
        news: the file; see `create_worker_log`.
        text: what happened and what to do, without secrets.
    """
    with contextlib.suppress(OSError):
        if os.path.exists(news) and os.path.getsize(news):
            return
        temporary = f"{news}.tmp-{os.getpid()}"
        with open(temporary, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S,000')} ERROR {one_line(text)}\n")
        replace_file(temporary, news)


def loading_fault(error: Exception) -> str:
    """Return what to report when a module of the worker cannot be loaded."""
    return (
        f"The worker could not start ({type(error).__name__}: {error}); the jobs are kept. Files "
        "of the plugin are missing or do not fit together: install Stash2Plex again in Stash, "
        "Settings > Plugins, then the next edit or task syncs the jobs"
    )


def leave_word_of_loading(script: str, error: Exception) -> int:
    """Leave word that the worker's own modules cannot be loaded; return the exit status.

    Args:
        error: what loading them ended with; Stash's connection has not been read yet.
    """
    with contextlib.suppress(OSError, ValueError):
        connection = json.loads(sys.stdin.buffer.read())
        stash_dir = connection.get("Dir") if isinstance(connection, dict) else None
        folder = resolve_data_folder(os.path.dirname(script), str(stash_dir or ""), os.environ)
        leave_word(folder.news, loading_fault(error))
    return 1

"""Answers for programs out of the data folder alone: a status page may ask every few seconds.

What a task needs besides (plexapi, stashapp-tools, requests, persist-queue) costs most of a task's
time and is not loaded for these.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.dependencies import activate_dependencies, dependency_problem
from shared.data_folder import DataFolder, resolve_data_folder
from shared.log import Log
from shared.redaction import Secrets
from stash.exceptions import StashError
from sync_queue.database import NewerSchemaError, connect
from sync_queue.queue_view import QueueView
from tasks.answer import Answer, TaskError, unusable_database
from tasks.arguments import check, mode_of
from tasks.dead_letters.show import letters_of
from tasks.reports.outage_summary import summary_of
from tasks.status.queue_status import status_of
from worker.state import StatusSource

QUESTIONS: Mapping[str, Callable[[StatusSource], Answer]] = {
    "queue_status": status_of,
    "outage_summary": summary_of,
    "show_dlq": letters_of,
}


def answer_question(
    script: str,
    connection: Mapping[str, Any],
    arguments: Mapping[str, Any],
    log: Log,
    secrets: Secrets,
) -> Answer:
    """Answer a program's question; nothing is started or changed.

    Args:
        arguments: their mode is one of `QUESTIONS`.
        log: is told about a file that cannot be read.
        secrets: learns Stash's cookie where Stash is asked.

    Raises:
        TaskError: the data folder cannot be read, or there is no such argument.
    """
    mode = mode_of(arguments)
    check(arguments, mode, {})
    plugin_dir = os.path.dirname(script)
    try:
        folder = resolve_data_folder(plugin_dir, str(connection.get("Dir") or ""), os.environ)
        names = _StashNames(plugin_dir, connection, secrets)
        return QUESTIONS[mode](_readings(folder, log, names))
    except sqlite3.Error as error:
        raise TaskError(unusable_database(error)) from error
    except (NewerSchemaError, OSError) as error:
        raise TaskError(str(error)) from error


def _readings(
    folder: DataFolder, log: Log, names: Callable[[Sequence[int]], Mapping[int, str]]
) -> StatusSource:
    return StatusSource(
        folder=folder,
        report=log.event,
        clock=time.time,
        queue=QueueView(connect(folder.queue_database), folder.queue_folder, time.time),
        names=names,
    )


class _StashNames:
    """Asks Stash what people call scenes; only then its client is loaded."""

    def __init__(
        self, plugin_dir: str, server_connection: Mapping[str, Any], secrets: Secrets
    ) -> None:
        self._plugin_dir = plugin_dir
        self._server_connection = server_connection
        self._secrets = secrets

    def __call__(self, scene_ids: Sequence[int]) -> Mapping[int, str]:
        activate_dependencies(self._plugin_dir)
        try:
            # Only here: most answers hold no scene, and these two are half of a task's start.
            from stash.connection import StashConnection, parse_address  # noqa: PLC0415
            from stash.scenes import StashScenes  # noqa: PLC0415
        except ImportError as error:
            raise StashError(dependency_problem(self._plugin_dir) or str(error)) from None
        connection = StashConnection(parse_address(self._server_connection), self._secrets.add)
        return StashScenes(connection).names(scene_ids)

"""Imports the jobs of hooks from the spool, and jobs of older versions from `queue/inbox/`."""

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterable
from typing import Any

from shared.events import Event, Report
from shared.files import keep_newest, locked, names_in, remove_file, replace_file
from sync_queue.models import JobFormatError, SyncJob
from sync_queue.operations import FOLDER_SCAN, entity_job, scene_job
from sync_queue.spool import CONNECTION, UNFINISHED

# A folder scan is delayed by these seconds, because Stash may add more scenes to the folder.
SCAN_DELAY = 20.0
UNREADABLE, KEPT_UNREADABLE = ".unreadable", 20
_NAME = re.compile(
    r"(\d{20})-\d{7,}-\d{4,}\.(?:"
    r"(metadata|path|scan|forget)\.scene_(\d{1,19})((?:\.cover_changed)*)|"
    r"entity\.(performer|studio|tag|group)_(\d{1,19}))"
)


def job_of(name: str) -> SyncJob | None:
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    moment, update_type, scene_id, hint, kind, entity_id = match.groups()
    now = int(moment) / 1e9
    if kind:
        return entity_job(kind, int(entity_id), now)
    due = now + SCAN_DELAY if update_type == FOLDER_SCAN else 0.0
    hints = {"cover_changed": True} if hint else {}
    return scene_job(int(scene_id), update_type, now, hints, due)


def read_spool(queue_folder: str) -> dict[str, SyncJob]:
    folder = os.path.join(queue_folder, "spool")
    jobs = {os.path.join(folder, name): job_of(name) for name in names_in(folder)}
    return {path: job for path, job in jobs.items() if job is not None}


class Spool:
    def __init__(self, queue_folder: str) -> None:
        self._folder = queue_folder
        self._spool = os.path.join(queue_folder, "spool")
        self._inbox = os.path.join(queue_folder, "inbox")
        self._stuck: set[str] = set()

    def is_empty(self) -> bool:
        return not self._new() and not self._inbox_files()

    def names(self) -> frozenset[str]:
        names = names_in(self._spool)
        return frozenset(name for name in names if name[0].isdigit() or name == CONNECTION)

    def move(self, enqueue: Callable[[Iterable[SyncJob]], object], report: Report) -> int:
        if self.is_empty():
            return 0
        with locked(os.path.join(self._folder, "import.lock")):
            found = self._read_inbox(report) | self._new()
            if found:
                enqueue(found.values())
            for path in found:
                self._remove(path, report)
            with contextlib.suppress(OSError):
                os.rmdir(self._inbox)
            return len(found)

    def take_connection(self) -> Any:
        path = os.path.join(self._spool, CONNECTION)
        try:
            with open(path, "rb") as file:
                content = file.read()
            remove_file(path)
            return json.loads(content)
        except (OSError, ValueError, RecursionError):
            return None

    def compact(self) -> None:
        """Keep only the newest file of each job, because files pile up while no worker can run."""
        self.take_connection()
        paths = list(self._new())
        newest = {os.path.basename(path).split(".", 1)[1]: path for path in paths}
        for path in set(paths) - set(newest.values()):
            with contextlib.suppress(OSError):
                remove_file(path)

    def mark_unfinished(self) -> None:
        path = os.path.join(self._spool, UNFINISHED)
        if not os.path.exists(path):
            os.makedirs(self._spool, mode=0o700, exist_ok=True)
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))

    def mark_finished(self) -> None:
        """Remove the marker file `unfinished`.

        The caller must hold a write transaction of the database.
        """
        with contextlib.suppress(FileNotFoundError):
            remove_file(os.path.join(self._spool, UNFINISHED))

    def _new(self) -> dict[str, SyncJob]:
        jobs = read_spool(self._folder)
        return {path: job for path, job in jobs.items() if path not in self._stuck}

    def _inbox_files(self) -> list[str]:
        paths = (os.path.join(self._inbox, name) for name in names_in(self._inbox))
        return [path for path in paths if path.endswith(".json") and path not in self._stuck]

    def _remove(self, path: str, report: Report) -> None:
        try:
            remove_file(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._stuck.add(path)
            report(Event.EDIT_NOT_REMOVED, file=path, error=error)

    def _read_inbox(self, report: Report) -> dict[str, SyncJob]:
        found = {}
        for path in self._inbox_files():
            try:
                with open(path, "rb") as file:
                    found[path] = SyncJob.parse(file.read())
            except OSError:
                self._stuck.add(path)
            except JobFormatError:
                replace_file(path, path + UNREADABLE)
                keep_newest(os.path.dirname(path), ".*" + re.escape(UNREADABLE), KEPT_UNREADABLE)
                report(Event.EDIT_UNREADABLE, kept=path + UNREADABLE)
        return found

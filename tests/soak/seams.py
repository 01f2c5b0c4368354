"""Kills a process of the plugin at a named point of its work with files, database or HTTP.

The plugin's processes import this module (see `simulators.alterations`). It replaces functions of
the standard library and of requests by ones that pass a point before and after each effect: a
statement that writes, a request, a file that is renamed, flushed or removed, a started process.
A folder tells what to do at a point:

- `recording` exists: add the point to the file `events`.
- `armed` holds a role, a point and a number n: when a process of that role passes the point for the
  n-th time, rename `armed` to `reached` and kill the process.
"""

import json
import os
import re
import signal
import sqlite3
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

WORKER, OTHER = "worker", "other"
NO_EFFECT = ("worker.log", "burst")  # files that decide nothing about an edit

_rename, _write, _connect = os.rename, os.write, sqlite3.connect
_WRITING = re.compile(r"INSERT|UPDATE|DELETE|REPLACE|CREATE|ALTER|BEGIN|COMMIT|ROLLBACK")
_TABLE = re.compile(r"\b(?:INTO|UPDATE|FROM|TABLE)\s+(?:OR \w+\s+)?(\w+)")
_COLUMN = re.compile(r"(?:SET|,)\s+(\w+)\s*=")
_OPERATION = re.compile(r"(?:query|mutation)\s+(\w+)|\{\s*(\w+)")
_VARIABLE = re.compile(r"[0-9a-f]{16}|\d+(?:\.\d+)?")


class Points:
    """Passes points: records them, or kills the process at one.

    Args:
        folder: the files `recording`, `events`, `armed` and `reached` lie there.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._passed = 0

    def at(self, point: str) -> None:
        role = WORKER if "--worker" in sys.argv else OTHER
        if os.path.exists(self._path("recording")):
            events = os.open(self._path("events"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            _write(events, f"{role}\t{point}\n".encode())
            os.close(events)
        try:
            with open(self._path("armed"), encoding="utf-8") as file:
                armed_role, armed, number = file.read().split("\t")
        except FileNotFoundError:
            return
        if (armed_role, armed) != (role, point):
            return
        self._passed += 1
        if self._passed == int(number):
            _rename(self._path("armed"), self._path("reached"))
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()

    def around(self, name: str, act: Callable[..., Any], *args: Any, **options: Any) -> Any:
        self.at(f"{name}:before")
        result = act(*args, **options)
        self.at(f"{name}:after")
        return result

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)


def watch_files(points: Points) -> None:
    """Pass points around what changes files durably, and around the start of processes."""

    def by_path(verb: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def acts(*paths: Any, **options: Any) -> Any:
            name = f"file:{verb} {_shown(os.path.basename(paths[-1]))}"
            return points.around(name, act, *paths, **options)

        return acts

    def by_descriptor(verb: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def acts(descriptor: int, *args: Any) -> Any:
            target = os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))
            if descriptor <= 2 or target in NO_EFFECT:
                return act(descriptor, *args)
            name = f"file:{verb} {_shown(target.split(':')[0])}"
            return points.around(name, act, descriptor, *args)

        return acts

    create = os.open

    def opens(path: Any, flags: int, *args: Any, **options: Any) -> int:
        if not flags & os.O_EXCL:
            return create(path, flags, *args, **options)
        name = f"file:create {_shown(os.path.basename(path))}"
        descriptor: int = points.around(name, create, path, flags, *args, **options)
        return descriptor

    os.open = opens
    for verb in ("rename", "replace", "unlink", "remove"):
        setattr(os, verb, by_path(verb, getattr(os, verb)))
    for verb in ("fsync", "write"):
        setattr(os, verb, by_descriptor(verb, getattr(os, verb)))
    os.posix_spawn = partial(points.around, "process:spawn", os.posix_spawn)


def watch_database(points: Points) -> None:
    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            act = super().execute
            name = _statement(sql)
            result: sqlite3.Cursor
            result = points.around(name, act, sql, *args) if name else act(sql, *args)
            return result

        def executemany(self, sql: str, *args: Any) -> sqlite3.Cursor:
            result: sqlite3.Cursor
            result = points.around(str(_statement(sql)), super().executemany, sql, *args)
            return result

        def __exit__(self, *error: Any) -> Any:
            if not self.in_transaction:
                return super().__exit__(*error)
            name = "sql:COMMIT" if error[0] is None else "sql:ROLLBACK"
            return points.around(name, super().__exit__, *error)

    sqlite3.connect = partial(_connect, factory=Connection)  # type: ignore[assignment]


def watch_requests(points: Points, session: type) -> None:
    """Pass a point before each request, and one when its answer has arrived.

    Args:
        points: these.
        session: `requests.Session`.
    """
    send = session.send  # type: ignore[attr-defined]

    def sends(self: Any, request: Any, **options: Any) -> Any:
        path = str(request.url).split("?")[0].split("/", 3)[-1]
        name = f"http:{request.method} /{_shown(path)}"
        if request.body and path == "graphql":
            query = _OPERATION.search(json.loads(request.body)["query"])
            name += f" {query[1] or query[2]}" if query else ""
        return points.around(name, send, self, request, **options)

    session.send = sends  # type: ignore[attr-defined]


def _statement(sql: str) -> str | None:
    verb = _WRITING.match(sql.lstrip())
    if verb is None:
        setting = re.match(r"PRAGMA (journal_mode|user_version)\s*=", sql)
        return f"sql:PRAGMA {setting[1]}" if setting else None
    table = _TABLE.search(sql) if verb[0] != "CREATE" else None  # all tables are made at once
    columns = _COLUMN.findall(sql.split("WHERE", maxsplit=1)[0]) if verb[0] == "UPDATE" else []
    return " ".join([f"sql:{verb[0]}", *([table[1]] if table else []), ",".join(columns)]).strip()


def _shown(name: str) -> str:
    return _VARIABLE.sub("#", name)

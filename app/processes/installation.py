"""Reads the plugin's version, and detects an update of the plugin while a process runs."""

import os
from contextlib import suppress


class Installation:
    def __init__(self, script: str) -> None:
        self._files = (script, _manifest(script))
        self._seen = self._look()

    def unchanged(self) -> bool:
        return self._look() == self._seen

    def exists(self) -> bool:
        return os.path.exists(self._files[0])

    def _look(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(_stamp(path) for path in self._files)


def installed_version(script: str) -> str:
    with suppress(OSError, UnicodeDecodeError), open(_manifest(script), encoding="utf-8") as file:
        for line in file:
            if line.startswith("version:"):
                return line.partition(":")[2].strip()
    return "unknown"


def _manifest(script: str) -> str:
    return os.path.splitext(script)[0] + ".yml"


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size

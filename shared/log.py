r"""Stash's log protocol: each record is a line `\x01<level>\x02<text>`.

Stash shows a line without this prefix as an error, so line breaks in a record are escaped.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from shared.redaction import Secrets

if TYPE_CHECKING:
    from shared.events import Event

# Stash stops reading a plugin's stderr at a line over 64 KiB.
MAX_RECORD_BYTES = 16_000
_LONGEST_FIELD, _MOST_PARTS = 200, 20

DEBUG, INFO, WARNING, ERROR, PROGRESS = "diwep"
LEVEL_NAMES = {DEBUG: "debug", INFO: "info", WARNING: "warning", ERROR: "error"}
STEP = "step"
# Maps each event that ends a job to its word in a summary such as "12 synced, 3 skipped".
JOB_ENDS = {
    "scene_synced": "synced",
    "scene_in_step": "already up to date",
    "scene_skipped": "skipped",
    "job_done": "removed",
    "job_retried": "waiting for retry",
    "job_dead_lettered": "failed permanently",
}

Fields = Mapping[str, object]
Sink = Callable[[str, str, str, Fields], None]


def one_line(text: str) -> str:
    text = text[: MAX_RECORD_BYTES + 1]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else _escaped(c) for c in text)
    encoded = text.encode("utf-8", "backslashreplace")
    if len(encoded) > MAX_RECORD_BYTES:
        kept = encoded[: MAX_RECORD_BYTES - 20].decode("utf-8", "ignore")
        return kept + " … (cut)"
    return text


def _escaped(character: str) -> str:
    if character == "\n":
        return "\\n"
    if character.isspace():
        return " "
    return character.encode("unicode_escape").decode("ascii")


class Log:
    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.secrets = Secrets()
        self.show_steps = False
        self.obfuscate: Callable[[str], str] | None = None

    def _emit(self, level: str, text: str, code: str = "", fields: Fields | None = None) -> None:
        # The log file omits the field `label`, because a label may contain the title of a scene.
        items = (fields or {}).items()
        facts = {name: self._fact(value) for name, value in items if name != "label"}
        self._sink(level, self._shown(text), code, facts)

    def _shown(self, text: str) -> str:
        return one_line(self.redact(text)) or "(empty)"

    def _fact(self, value: object) -> object:
        if value is None or isinstance(value, int):
            return value
        if isinstance(value, float):
            return round(value, 3)
        if isinstance(value, list | tuple):
            return [self._fact(part) for part in value[:_MOST_PARTS]]
        text = type(value).__name__ if isinstance(value, Exception) else str(value)
        return self._shown(text)[:_LONGEST_FIELD]

    def redact(self, text: str) -> str:
        text = self.secrets.redact(text)
        return text if self.obfuscate is None else self.obfuscate(text)

    def event(self, event: "Event", /, *, level: str = "", **fields: object) -> None:
        self._emit(level or event.level, event.sentence(fields), event.code, fields)

    def step(self, text: str) -> None:
        """Log a decision of the worker, at level info because Stash hides level debug."""
        if self.show_steps:
            self._emit(INFO, "[DEBUG] " + text, STEP)

    def debug(self, text: str) -> None:
        self._emit(DEBUG, text)

    def info(self, text: str) -> None:
        self._emit(INFO, text)

    def warning(self, text: str) -> None:
        self._emit(WARNING, text)

    def error(self, text: str) -> None:
        self._emit(ERROR, text)

    def progress(self, fraction: float) -> None:
        self._emit(PROGRESS, f"{min(1.0, max(0.0, fraction)):.4f}")


def create_logger() -> Log:
    def sink(level: str, text: str, _code: str, _fields: Fields) -> None:
        with suppress(OSError):
            os.write(2, f"\x01{level}\x02{text}\n".encode("utf-8", "backslashreplace"))

    return Log(sink)

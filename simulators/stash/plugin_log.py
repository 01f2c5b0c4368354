"""Stash's reading of a plugin's stderr: the log protocol."""

import re
from collections.abc import Callable
from dataclasses import dataclass

MAX_LINE = 64 * 1024
"""Bytes without a line feed at which Go's line scanner gives up."""

_LEVELS = {
    ord("t"): "trace",
    ord("d"): "debug",
    ord("i"): "info",
    ord("w"): "warning",
    ord("e"): "error",
    ord("p"): "progress",
    0: "none",
}
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(inf|infinity)|nan", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line as it appears in Stash's log.

    Attributes:
        level: trace, debug, info, warning or error.
        text: the message.
        prefix: what Stash puts before it, `[Plugin / name] `.
        prefixed: whether the plugin marked the line with its level, as it should.
    """

    level: str
    text: str
    prefix: str = ""
    prefixed: bool = True


class LineTooLongError(Exception):
    """Stash stops reading this plugin's stderr and closes the pipe."""


class LogReader:
    """Turns the bytes of a plugin's stderr into log entries and progress.

    Args:
        name: the plugin's name in the log prefix.
        err_log: level of lines without a prefix.
        on_progress: takes progress; None where Stash ignores it.
    """

    def __init__(
        self, name: str, err_log: str = "error", on_progress: Callable[[float], None] | None = None
    ) -> None:
        self.entries: list[LogEntry] = []
        self.raw = bytearray()
        self._prefix = f"[Plugin / {name}] "
        self._err_log = err_log
        self._on_progress = on_progress
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Takes the next bytes.

        Raises:
            LineTooLongError: a line reached `MAX_LINE` bytes.
        """
        self.raw += data
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._accept(line)
        if len(self._rest) >= MAX_LINE:
            raise LineTooLongError

    def end(self) -> None:
        """Takes the last line, if it had no line feed."""
        line, self._rest = self._rest, b""
        self._accept(line)

    def _accept(self, line: bytes) -> None:
        if len(line) >= MAX_LINE:
            raise LineTooLongError
        line = line.removesuffix(b"\r")
        if not line:
            return
        prefixed = len(line) > 3 and line[0] == 1 and line[2] == 2 and line[1] in _LEVELS
        level = _LEVELS[line[1]] if prefixed else self._err_log
        text = (line[3:].strip() if prefixed else line).decode("utf-8", "replace")
        if level == "progress":
            self._progress(text)
        elif level != "none":
            self.entries.append(LogEntry(level, text, self._prefix, prefixed))

    def _progress(self, text: str) -> None:
        if not _FLOAT.fullmatch(text):
            why = f"strconv.ParseFloat: parsing {text!r}: invalid syntax"
            message = f"Error parsing progress value '{text}': {why}"
            self.entries.append(LogEntry("error", message))
        elif self._on_progress is not None:
            self._on_progress(float(text))

import json
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

_LEVELS = {
    ord("t"): "trace",
    ord("d"): "debug",
    ord("i"): "info",
    ord("w"): "warning",
    ord("e"): "error",
    ord("p"): "progress",
}


@dataclass(frozen=True, slots=True)
class LogEntry:
    level: str
    text: str
    prefix: str = ""
    prefixed: bool = True


class LogReader:
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
        self.raw += data
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._accept(line)

    def end(self) -> None:
        self._accept(self._rest)

    def _accept(self, line: bytes) -> None:
        line = line.removesuffix(b"\r")
        if not line:
            return
        prefixed = len(line) > 3 and line[0] == 1 and line[2] == 2 and line[1] in _LEVELS
        level = _LEVELS[line[1]] if prefixed else self._err_log
        text = (line[3:].strip() if prefixed else line).decode("utf-8", "replace")
        if level != "progress":
            self.entries.append(LogEntry(level, text, self._prefix, prefixed))
        elif self._on_progress is not None:
            self._on_progress(float(text))


def decode(stdout: bytes, exit_code: int) -> tuple[Any, str | None]:
    output, error = _decode(stdout.decode("utf-8", "replace"))
    if exit_code > 0 and error is None:
        error = f"exit status {exit_code}"
    elif exit_code < 0 and error is None:
        error = f"signal: {str(signal.strsignal(-exit_code)).lower()}"
    return output, error


def _decode(text: str) -> tuple[Any, str | None]:
    try:
        document = json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text, None
    if document is None:
        return None, None
    if not isinstance(document, dict):
        return text, None
    # Go's JSON parser, which Stash uses, ignores the case of keys.
    known = {key.lower(): value for key, value in document.items()}
    error = known.get("error")
    is_typed = isinstance(error, str | None)
    return (known.get("output"), error) if is_typed else (text, "")


def _refuse(constant: str) -> NoReturn:
    msg = f"{constant} is not JSON"
    raise ValueError(msg)

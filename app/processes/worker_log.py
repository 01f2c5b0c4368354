"""The detached worker's own log: JSON lines in the data folder, for nobody reads its stderr."""

import contextlib
import json
import logging
import logging.handlers
import os
from collections.abc import Mapping
from datetime import datetime

from shared.log import DEBUG, ERROR, INFO, MAX_RECORD_BYTES, PROGRESS, TRACE, WARNING, Log
from shared.redaction import Secrets

MAX_BYTES, OLD_FILES = 1_000_000, 1
_LONGEST_LINE = 3 * MAX_RECORD_BYTES  # a message of nothing but quotes, and its fields
_LEVELS = {TRACE: "trace", DEBUG: "debug", INFO: "info", WARNING: "warning", ERROR: "error"}


class _RotatingFile(logging.handlers.RotatingFileHandler):
    """Rotates while the longest line still fits: to know each one's length, it is made twice.

    Where a file that somebody reads cannot be renamed, as on Windows, it grows until it can be.
    """

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 - logging's name
        del record
        return self.stream is not None and self.stream.tell() > self.maxBytes - _LONGEST_LINE

    def doRollover(self) -> None:  # noqa: N802 - likewise
        try:
            super().doRollover()
        except OSError:
            self.stream = self._open()


def create_worker_log(path: str, secrets: Secrets, news: str | None = None) -> Log:
    """Return a log that writes to a rotating file, one JSON object a line.

    Args:
        path: the file.
        secrets: are not written.
        news: a file whose presence tells others that there is something to relay (`app.relay`).

    Raises:
        OSError: the file cannot be opened.
    """
    handler = _RotatingFile(
        path, maxBytes=MAX_BYTES, backupCount=OLD_FILES, encoding="utf-8", errors="backslashreplace"
    )

    def sink(level: str, text: str, code: str, fields: Mapping[str, object]) -> None:
        if level != PROGRESS:
            handler.handle(logging.makeLogRecord({"msg": record_line(level, text, code, fields)}))
            if news and level not in (TRACE, DEBUG) and not os.access(news, os.F_OK):
                with contextlib.suppress(OSError):
                    os.close(os.open(news, os.O_CREAT | os.O_WRONLY, 0o600))

    return Log(sink, secrets)


def record_line(level: str, text: str, code: str, fields: Mapping[str, object]) -> str:
    """Return a line of the worker's log file; its beginning, the time, tells files apart.

    Args:
        level: one of `shared.log`.
        text: for people.
        code: of the event (`shared.events`); empty for text that is none of the catalogue.
        fields: of the event.
    """
    time = datetime.now().astimezone().replace(tzinfo=None).isoformat(" ", "microseconds")
    record = {"time": time, "level": _LEVELS[level], "code": code, "message": text, **fields}
    return json.dumps(record, ensure_ascii=False)

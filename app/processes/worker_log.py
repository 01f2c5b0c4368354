import contextlib
import json
import logging
import logging.handlers
import os
import sys
from collections.abc import Mapping
from datetime import datetime

from shared.data_folder import data_folder_of
from shared.events import Event
from shared.files import replace_file
from shared.log import DEBUG, LEVEL_NAMES, MAX_RECORD_BYTES, PROGRESS, Log, one_line

MAX_BYTES, OLD_FILES = 1_000_000, 1
# Escapes in JSON can make a line of the log longer than its message.
_LONGEST_LINE = 3 * MAX_RECORD_BYTES


class _RotatingFile(logging.handlers.RotatingFileHandler):
    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 - logging's name
        del record
        return self.stream is not None and self.stream.tell() > self.maxBytes - _LONGEST_LINE

    def doRollover(self) -> None:  # noqa: N802 - logging's name
        try:
            super().doRollover()
        except OSError:
            # Windows refuses to rename a log that another process reads.
            self.stream = self._open()


def create_worker_log(path: str, marker: str | None = None) -> Log:
    handler = _RotatingFile(
        path, maxBytes=MAX_BYTES, backupCount=OLD_FILES, encoding="utf-8", errors="backslashreplace"
    )

    def sink(level: str, text: str, code: str, fields: Mapping[str, object]) -> None:
        if level != PROGRESS:
            handler.handle(logging.makeLogRecord({"msg": record_line(level, text, code, fields)}))
            if marker and level != DEBUG and not os.access(marker, os.F_OK):
                # A hook copies new lines to Stash's log only if the marker file exists.
                with contextlib.suppress(OSError):
                    os.close(os.open(marker, os.O_CREAT | os.O_WRONLY, 0o600))

    return Log(sink)


def record_line(level: str, text: str, code: str, fields: Mapping[str, object]) -> str:
    # The line begins with the time, so the first 80 bytes of each log file are unique.
    # `app/relay.py` identifies the file by these bytes.
    time = datetime.now().astimezone().replace(tzinfo=None).isoformat(" ", "microseconds")
    record = {"time": time, "level": LEVEL_NAMES[level], "code": code, "message": text, **fields}
    return json.dumps(record, ensure_ascii=False)


def leave_record(marker: str, event: Event, problem: str) -> None:
    """Store an error that the next hook copies to Stash's log. `problem` must contain no secret."""
    with contextlib.suppress(OSError):
        if os.path.exists(marker) and os.path.getsize(marker):
            return
        temporary = f"{marker}.tmp-{os.getpid()}"
        text = one_line(event.sentence({"problem": problem}))
        with open(temporary, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(record_line(event.level, text, event.code, {}) + "\n")
        replace_file(temporary, marker)


def leave_record_of_import(script: str, error: Exception) -> None:
    with contextlib.suppress(OSError, ValueError):
        connection = json.loads(sys.stdin.buffer.read())
        marker = data_folder_of(script, connection).unreported
        leave_record(marker, Event.WORKER_INCOMPLETE, f"{type(error).__name__}: {error}")

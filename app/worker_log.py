"""The detached worker's own log: a small file in the data folder, for nobody reads its stderr."""

import contextlib
import logging
import logging.handlers
import os

from shared.log import DEBUG, ERROR, INFO, MAX_RECORD_BYTES, PROGRESS, TRACE, WARNING, Log
from shared.redaction import Secrets

MAX_BYTES, OLD_FILES = 1_000_000, 1
_LONGEST_LINE = MAX_RECORD_BYTES + 100  # with its time and level
_LEVELS = {
    TRACE: logging.DEBUG,
    DEBUG: logging.DEBUG,
    INFO: logging.INFO,
    WARNING: logging.WARNING,
    ERROR: logging.ERROR,
}


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
    """Return a log that writes to a rotating file.

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
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.Logger("stash2plex.worker", logging.DEBUG)
    logger.addHandler(handler)

    def sink(level: str, text: str) -> None:
        if level != PROGRESS:
            logger.log(_LEVELS[level], "%s", text)
            if news and level not in (TRACE, DEBUG) and not os.access(news, os.F_OK):
                with contextlib.suppress(OSError):
                    os.close(os.open(news, os.O_CREAT | os.O_WRONLY, 0o600))

    return Log(sink, secrets)

"""The detached worker's own log: a small file in the data folder, for nobody reads its stderr."""

import logging
import logging.handlers

from shared.log import DEBUG, ERROR, INFO, PROGRESS, TRACE, WARNING, Log
from shared.redaction import Secrets

MAX_BYTES, OLD_FILES = 1_000_000, 1
_LEVELS = {
    TRACE: logging.DEBUG,
    DEBUG: logging.DEBUG,
    INFO: logging.INFO,
    WARNING: logging.WARNING,
    ERROR: logging.ERROR,
}


def create_worker_log(path: str, secrets: Secrets) -> Log:
    """Return a log that writes to a rotating file.

    Raises:
        OSError: the file cannot be opened.
    """
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=MAX_BYTES, backupCount=OLD_FILES, encoding="utf-8", errors="backslashreplace"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.Logger("stash2plex.worker", logging.DEBUG)
    logger.addHandler(handler)

    def sink(level: str, text: str) -> None:
        if level != PROGRESS:
            logger.log(_LEVELS[level], "%s", text)

    return Log(sink, secrets)

"""Stash's reading of a plugin's stdout."""

import json
import signal
from typing import Any, NoReturn


def decode(stdout: bytes, exit_code: int) -> tuple[Any, str | None]:
    """Output and error that a run counts as.

    Args:
        stdout: all it wrote.
        exit_code: as `subprocess` gives it, negative for a signal.
    """
    output, error = _decode(stdout.decode("utf-8", "replace"))
    if exit_code and error is None:
        error = _exit_text(exit_code)
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
    output: Any = None
    error: str | None = None
    mistyped = False
    for key, value in document.items():  # Go matches keys without regard to case
        if key.lower() == "output":
            output = value
        elif key.lower() == "error":
            mistyped = mistyped or not isinstance(value, str | None)
            error = "" if not isinstance(value, str | None) else value
    return (text if mistyped else output), error


def _refuse(constant: str) -> NoReturn:
    msg = f"{constant} is not JSON"
    raise ValueError(msg)


def _exit_text(exit_code: int) -> str:
    if exit_code > 0:
        return f"exit status {exit_code}"
    return f"signal: {(signal.strsignal(-exit_code) or str(-exit_code)).lower()}"

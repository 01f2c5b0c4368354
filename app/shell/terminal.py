"""What the command line shows: answers on stdout, what happens on the way on stderr."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from shared.log import DEBUG, ERROR, PROGRESS, TRACE, WARNING, one_line
from shared.redaction import Secrets
from tasks.answer import Answer

_PREFIXES = {WARNING: "warning: ", ERROR: "error: "}


class Terminal:
    """Writes to two streams, and nothing that breaks a terminal or tells a secret.

    Args:
        out: takes the answers.
        err: takes log lines; and, when a person is watching, the progress in percent.
        secrets: are redacted from the answers; the log redacts its own lines.
    """

    def __init__(self, out: TextIO, err: TextIO, secrets: Secrets) -> None:
        self._out = out
        self._err = err
        self._secrets = secrets
        self._watched = err.isatty()
        self._percent = ""

    def sink(self, level: str, text: str) -> None:
        """Write one record of a log (see `shared.log.Log`)."""
        if level == PROGRESS:
            self._show(f"{float(text) * 100:3.0f} %")
        elif level not in (TRACE, DEBUG):
            self._show("")
            self._err.write(f"{_PREFIXES.get(level, '')}{text}\n")
            self._err.flush()

    def _show(self, percent: str) -> None:
        """Show the progress in a line that the next one takes the place of."""
        if not self._watched or percent == self._percent:
            return
        self._err.write(f"\r{percent}" if percent else "\r      \r")
        self._err.flush()
        self._percent = percent

    def answer(self, answer: Answer) -> None:
        """Print an answer for people, its details first."""
        self._show("")
        for line in (*answer.details, answer.text):
            self._out.write(one_line(self._secrets.redact(line)) + "\n")
        self._out.flush()

    def answer_as_json(self, answer: dict[str, Any]) -> None:
        """Print an answer for programs."""
        self._show("")
        self._out.write(json.dumps(self._redacted(answer), indent=2) + "\n")
        self._out.flush()

    def _redacted(self, value: Any) -> Any:
        """Redact the texts themselves: JSON writes odd characters of a secret in another way."""
        if isinstance(value, str):
            return self._secrets.redact(value)
        if isinstance(value, Mapping):
            return {key: self._redacted(one) for key, one in value.items()}
        if isinstance(value, Sequence):
            return [self._redacted(one) for one in value]
        return value

"""What requirements.txt pins: of each distribution one version, and the hash of its one wheel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)\s+--hash=sha256:(?P<hash>\w{64})")


class ReleaseError(Exception):
    """Something about the repository or the wheels must not reach users; the text says what."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One distribution.

    Attributes:
        name: as the package index has it.
        version: the only one that is accepted.
        sha256: of its wheel, in lower-case hexadecimal.
    """

    name: str
    version: str
    sha256: str

    @property
    def stem(self) -> str:
        """How the names of its wheel and of its metadata folder begin, in lower case."""
        return f"{re.sub(r'[-_.]+', '_', self.name).lower()}-{self.version}"


def read_pins(requirements: Path) -> list[Pin]:
    """Return the pins in the file's order.

    Raises:
        ReleaseError: a line pins no version, or has not exactly one hash.
    """
    text = requirements.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    return [_pin(line) for line in lines if line and not line.startswith("#")]


def _pin(line: str) -> Pin:
    found = _PIN.fullmatch(line)
    if found is None:
        message = f"requirements.txt: not of the form name==version --hash=sha256:…: {line}"
        raise ReleaseError(message)
    return Pin(found["name"], found["version"], found["hash"])

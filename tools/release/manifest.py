"""What the release takes from the plugin's `.yml`; a test holds that Stash reads the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tools.release.errors import ReleaseError

_VALUE = r"^{key}: (?P<value>[^\s\"'|>&*!%@`\[{{#][^#\n]*)$"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Who the plugin is.

    Attributes:
        id: the name of its file.
        name: for people.
        description: one sentence, for people.
        version: three numbers.
    """

    id: str
    name: str
    description: str
    version: str


def read_manifest(path: Path) -> Manifest:
    """Read the keys of the top level that a plugin source repeats.

    Raises:
        ReleaseError: one is missing, there twice, or no plain text on its own line.
    """
    text = path.read_text(encoding="utf-8")

    def value_of(key: str) -> str:
        found = re.findall(_VALUE.format(key=key), text, re.MULTILINE)
        if len(found) != 1:
            message = f"{path.name} must have one line `{key}: …`, without quotes"
            raise ReleaseError(message)
        return str(found[0]).strip()

    return Manifest(path.stem, value_of("name"), value_of("description"), value_of("version"))

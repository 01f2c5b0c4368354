"""The result of a check, the report, and the mask that makes the report safe to share."""

import ipaddress
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tasks.answer import Answer, Level
from validation.values import counted

_HOMES = re.compile(r"(?:/home/|/Users/)[^/\s'\"]+|[A-Za-z]:\\Users\\[^\\'\"]+")
_ADDRESS = re.compile(r"\b(https?://)(?:[^\s/@'\"]*@)?(\[[^\]\s]*\]|[^\s/:,;'\"]+)")
HIDDEN = "…"
_OF_EVERYBODY = ("localhost", "support.plex.tv")
_RANKS = {Level.OK: 0, Level.WARNING: 1, Level.FAULT: 2}


class Mask:
    """Hides home folders, hosts, and secrets.

    Local and private addresses stay, because they reveal nothing and help with Docker.

    Args:
        redact: replaces secrets.
        home: the folder to show as `~`.
        hosts: host names to hide also outside of addresses. Names without a dot stay, because in
            containers Plex is often called `plex`.
    """

    def __init__(self, redact: Callable[[str], str], home: str, hosts: Sequence[str]) -> None:
        self._redact = redact
        self._home = home.rstrip("/\\") if os.path.isabs(home) else ""
        self._hosts = [host for host in hosts if "." in host and not _may_be_shown(host)]

    def __call__(self, text: str) -> str:
        """Return the masked text."""
        text = self._redact(text)
        text = _ADDRESS.sub(_hidden, text)
        for host in self._hosts:
            text = re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", HIDDEN, text, flags=re.I)
        if self._home:
            text = re.sub(rf"{re.escape(self._home)}(?=[/\\\s]|$)", "~", text)
        return _HOMES.sub("~", text)


def _hidden(found: re.Match[str]) -> str:
    host = found[2]
    return f"{found[1]}{host if _may_be_shown(host.strip('[]')) else HIDDEN}"


def _may_be_shown(host: str) -> bool:
    if host.casefold() in _OF_EVERYBODY:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_private or address.is_loopback


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check.

    Attributes:
        name: the checked subject.
        level: a check that could not run is a warning.
        text: the finding.
        remedy: a sentence; empty if no action is needed.
    """

    name: str
    level: Level
    text: str
    remedy: str = ""

    def line(self) -> str:
        """Return the result as a line."""
        remedy = f". {self.remedy}" if self.remedy else ""
        return f"{self.level.value}: {self.name}: {self.text}{remedy}"

    def as_json(self) -> dict[str, Any]:
        """Return the result for programs."""
        return {
            "name": self.name,
            "level": self.level.value,
            "text": self.text,
            "remedy": self.remedy,
        }


NamedCheck = tuple[str, Callable[[], Check]]


def ok(name: str, text: str) -> Check:
    """Return a result without a problem."""
    return Check(name, Level.OK, text)


def warning(name: str, text: str, remedy: str) -> Check:
    """Return a problem that does not stop the sync."""
    return Check(name, Level.WARNING, text, remedy)


def fault(name: str, text: str, remedy: str) -> Check:
    """Return a problem that keeps edits from reaching Plex."""
    return Check(name, Level.FAULT, text, remedy)


def unchecked(name: str, why: str) -> Check:
    """Return that a check could not run; the check of the cause has the remedy."""
    return Check(name, Level.WARNING, f"not checked: {why}")


def report(checks: Sequence[Check], mask: Callable[[str], str]) -> Answer:
    """Return the answer: a line per check, and a summary with the most important remedy."""
    shown = [replace(check, text=mask(check.text), remedy=mask(check.remedy)) for check in checks]
    return Answer(
        _summary(shown),
        details=[check.line() for check in shown],
        data={"checks": [check.as_json() for check in shown]},
        level=max((check.level for check in shown), key=_RANKS.__getitem__, default=Level.OK),
    )


def _summary(checks: Sequence[Check]) -> str:
    counts = [
        (sum(check.level is level for check in checks), level.value)
        for level in (Level.FAULT, Level.WARNING)
    ]
    found = ", ".join(counted(number, noun) for number, noun in counts if number)
    if not found:
        return f"Doctor: all {len(checks)} checks are ok"
    worst_first = sorted(checks, key=lambda check: -_RANKS[check.level])
    remedy = next((check.remedy for check in worst_first if check.remedy), "")
    return f"Doctor: {found}{': ' if remedy else ''}{remedy}"

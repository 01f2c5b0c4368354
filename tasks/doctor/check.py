"""The result of a check, the report of all checks, and the mask that makes it safe to share."""

import ipaddress
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tasks.answer import Answer, Level

_HOMES = re.compile(r"(?:/home/|/Users/)[^/\s'\"]+|[A-Za-z]:\\Users\\[^\\'\"]+")
_ADDRESS = re.compile(r"\b(https?://)(?:[^\s/@'\"]*@)?(\[[^\]\s]*\]|[^\s/:,;'\"]+)")
HIDDEN = "…"
_OF_EVERYBODY = ("localhost", "support.plex.tv")
_RANKS = {Level.OK: 0, Level.WARNING: 1, Level.FAULT: 2}


class Mask:
    """Hides home folders, hosts, and secrets.

    Args:
        redact: replaces the secrets.
        home: the folder that is shown as `~`; one that is no folder of a person's hides nothing.
        hosts: names of servers that are hidden wherever they stand, not in addresses only. One
            of a single word is not: in a container Plex is often called just `plex`.

    Addresses of this machine and of private networks are shown: they tell nobody anything, and help
    with Docker.
    """

    def __init__(self, redact: Callable[[str], str], home: str, hosts: Sequence[str]) -> None:
        self._redact = redact
        self._home = home.rstrip("/\\") if os.path.isabs(home) else ""
        self._hosts = [host for host in hosts if "." in host and not _may_be_shown(host)]

    def __call__(self, text: str) -> str:
        """Return the text without them."""
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
    """One finding.

    Attributes:
        name: what was checked.
        level: whether it is as it should be; a warning, too, when it could not be checked.
        text: what was found.
        remedy: what to do, a sentence; empty when nothing is.
    """

    name: str
    level: Level
    text: str
    remedy: str = ""

    def line(self) -> str:
        """Return the finding as one line."""
        remedy = f". {self.remedy}" if self.remedy else ""
        return f"{self.level.value}: {self.name}: {self.text}{remedy}"

    def as_json(self) -> dict[str, Any]:
        """Return the finding for programs."""
        return {
            "name": self.name,
            "level": self.level.value,
            "text": self.text,
            "remedy": self.remedy,
        }


NamedCheck = tuple[str, Callable[[], Check]]


def ok(name: str, text: str) -> Check:
    """Return that all is well."""
    return Check(name, Level.OK, text)


def warning(name: str, text: str, remedy: str) -> Check:
    """Return what works and is not as it should be."""
    return Check(name, Level.WARNING, text, remedy)


def fault(name: str, text: str, remedy: str) -> Check:
    """Return what keeps edits from reaching Plex."""
    return Check(name, Level.FAULT, text, remedy)


def unchecked(name: str, why: str) -> Check:
    """Return that something could not be looked at; what keeps it from that has its own remedy."""
    return Check(name, Level.WARNING, f"not checked: {why}")


def report(checks: Sequence[Check], mask: Callable[[str], str]) -> Answer:
    """Return the answer: one line a check, and a last one that says where to begin.

    Args:
        checks: in the order in which they are shown.
        mask: takes out of a text what must not be shared.
    """
    shown = [replace(check, text=mask(check.text), remedy=mask(check.remedy)) for check in checks]
    return Answer(
        _summary(shown),
        details=[check.line() for check in shown],
        data={"checks": [check.as_json() for check in shown]},
        level=max((check.level for check in shown), key=_RANKS.__getitem__, default=Level.OK),
    )


def _summary(checks: Sequence[Check]) -> str:
    counts = [
        _counted(sum(check.level is level for check in checks), level.value)
        for level in (Level.FAULT, Level.WARNING)
    ]
    found = ", ".join(count for count in counts if count)
    if not found:
        return f"Doctor: all {len(checks)} checks are ok"
    worst_first = sorted(checks, key=lambda check: -_RANKS[check.level])
    remedy = next((check.remedy for check in worst_first if check.remedy), "")
    return f"Doctor: {found}{': ' if remedy else ''}{remedy}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}" if number else ""

"""Takes out of a text what a person would not paste into a forum."""

import ipaddress
import os
import re
from collections.abc import Callable, Sequence

_HOMES = re.compile(r"(?:/home/|/Users/)[^/\s'\"]+|[A-Za-z]:\\Users\\[^\\'\"]+")
_ADDRESS = re.compile(r"\b(https?://)(?:[^\s/@'\"]*@)?(\[[^\]\s]*\]|[^\s/:,;'\"]+)")
HIDDEN = "…"
_OF_EVERYBODY = ("localhost", "support.plex.tv")


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

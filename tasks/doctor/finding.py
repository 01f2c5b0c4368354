import ipaddress
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from tasks.answer import Answer, Level
from validation.values import counted

_HOMES = re.compile(r"(?:/home/|/Users/)[^/\s'\"]+|[A-Za-z]:\\Users\\[^\\'\"]+")
_ADDRESS = re.compile(r"\b(https?://)(?:[^\s/@'\"]*@)?(\[[^\]\s]*\]|[^\s/:,;'\"]+)")
_HIDDEN = "…"


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    text: str
    remedy: str = ""


Check = Callable[[], Finding]


def ok(text: str) -> Finding:
    return Finding(Level.OK, text)


# A problem is a fault if it prevents the sync of edits to Plex, and otherwise a warning.
def warning(text: str, remedy: str) -> Finding:
    return Finding(Level.WARNING, text, remedy)


def fault(text: str, remedy: str) -> Finding:
    return Finding(Level.FAULT, text, remedy)


def unchecked(why: str) -> Finding:
    return Finding(Level.WARNING, f"not checked, because {why}")


def report(findings: Mapping[str, Finding], mask: Callable[[str], str]) -> Answer:
    shown = {
        name: replace(finding, text=mask(finding.text), remedy=mask(finding.remedy))
        for name, finding in findings.items()
    }
    names: dict[Finding, list[str]] = {}
    for name, finding in shown.items():
        names.setdefault(finding, []).append(name)
    levels = [finding.level for finding in names]
    problems = " and ".join(
        counted(levels.count(level), level.value)
        for level in (Level.FAULT, Level.WARNING)
        if level in levels
    )
    worst_first = sorted(names, key=lambda finding: -list(Level).index(finding.level))
    lines = {
        finding: f"{', '.join(of_finding)}: {finding.text}"
        + (f". {finding.remedy}" if finding.remedy else "")
        for finding, of_finding in names.items()
    }
    first = next(
        (f". The first one concerns {lines[found]}" for found in worst_first if found.remedy), ""
    )
    found = f"{problems}{first}" if problems else f"no problem in {len(shown)} checks"
    return Answer(
        f"The Doctor found {found}",
        details=[f"{finding.level.value}: {line}" for finding, line in lines.items()],
        detail_levels=levels,
        data={
            "checks": [
                {"name": name, **asdict(finding), "level": finding.level.value}
                for name, finding in shown.items()
            ]
        },
        level=worst_first[0].level,
    )


def masked(text: str, *, redact: Callable[[str], str], home: str, hosts: Sequence[str]) -> str:
    """Hide secrets, home folders and public hosts in a text, so a user can share the text."""
    text = _ADDRESS.sub(_masked_address, redact(text))
    for host in hosts:
        if "." in host and not _may_be_shown(host):
            text = re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", _HIDDEN, text, flags=re.I)
    home = home.rstrip("/\\")
    if os.path.isabs(home):
        text = re.sub(rf"{re.escape(home)}(?=[/\\\s\"]|$)", "~", text)
    text = _HOMES.sub("~", text)
    # A shell expands `~` only outside quotes, so `"~/a b"` becomes `~/"a b"`.
    return text.replace('"~/', '~/"').replace('"~"', "~").replace('"~\\', '"%USERPROFILE%\\')


def _masked_address(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2] if _may_be_shown(found[2].strip('[]')) else _HIDDEN}"


def _may_be_shown(host: str) -> bool:
    if host.casefold() in ("localhost", "support.plex.tv"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_private or address.is_loopback

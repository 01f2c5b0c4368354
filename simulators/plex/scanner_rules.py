"""Decides which files a scan adds to Plex, and which files become one item.

The rules come from the scanner that Plex has published. They share no code with the plugin.
"""

import re
from collections.abc import Iterable, Sequence

from simulators.plex.state import Part, Section, below

_SAMPLE_BYTES = 300 * 1024 * 1024
_MOVIES = "Plex Movie"
_EXTRA_FOLDERS = (
    r"\bextras?\b|!?samples?|bonus|.*bonus disc.*|bdmv|video_ts|interview.?$|scene.?$|trailer.?$|"
    r"deleted.?(scene.?)?$|behind.?the.?scenes$|featurette.?$|short.?$|other.?$"
)
_HIDDEN = r"\..*|@eaDir"
_EXTRA_FILES = (
    r"-(deleted|behindthescenes|interview|scene|featurette|short|other|trailer)\.|^movie-trailer"
)
_EPISODES = (r".*?s[0-9]+[._ ]*e[0-9]+", r".*?s[0-9]{2}[._\- ]+[0-9]+")
_STACKED = re.compile(r"(.*(?:cd|dvd|part|pt|disk|disc|scene)[ ._-]*)[1-9a-n]", re.IGNORECASE)


def is_listed(section: Section, part: Part) -> bool:
    if section.type != "movie":
        return False
    location = next((one for one in section.locations if below(part.file, one)), "")
    *folders, name = re.split(r"[/\\]", part.file[len(location) :].strip("/\\"))
    is_sample = _found(r"[-._]sample|sample[-._]", part.file) and part.size < _SAMPLE_BYTES
    stem = name.rpartition(".")[0]
    is_episode = section.scanner.startswith(_MOVIES) and any(
        re.match(rule, stem, re.IGNORECASE) for rule in _EPISODES
    )
    return not (
        any(re.match(_HIDDEN, folder, re.IGNORECASE) for folder in folders)
        or any(re.match(_EXTRA_FOLDERS, folder, re.IGNORECASE) for folder in folders[1:])
        or name.startswith(".")
        or _found(_EXTRA_FILES, name)
        or is_sample
        or is_episode
    )


def stacks(section: Section, parts: Iterable[Part]) -> list[Sequence[Part]]:
    found: dict[str, list[Part]] = {}
    for part in parts:
        stem, _, suffix = part.file.rpartition(".")
        stacked = _STACKED.fullmatch(stem) if section.scanner.startswith(_MOVIES) else None
        key = f"{stacked.group(1).casefold()}*.{suffix}" if stacked else part.file
        found.setdefault(key, []).append(part)
    return list(found.values())


def _found(rule: str, text: str) -> bool:
    return re.search(rule, text, re.IGNORECASE) is not None

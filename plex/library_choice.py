import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from plex.items import MOVIE, Section

_COMMA = re.compile(r" ?, ?")
_Division = tuple[str, tuple[Section, ...]]


@dataclass(frozen=True)
class Entry:
    position: int
    text: str
    found: tuple[Section, ...]


@dataclass(frozen=True)
class LibraryChoice:
    known: tuple[Section, ...]
    entries: tuple[Entry, ...]
    others: tuple[Section, ...]

    @property
    def unknown(self) -> list[Entry]:
        return [entry for entry in self.entries if not entry.found]

    @property
    def ambiguous(self) -> list[Entry]:
        return [entry for entry in self.entries if len(entry.found) > 1]

    @property
    def sections(self) -> list[Section]:
        keys = {section.key for entry in self.entries for section in entry.found}
        return [section for section in self.known if section.key in keys or not self.entries]

    @property
    def problem(self) -> str:
        kinds = {_folded(section.title): section.kind for section in self.others}
        for entry in self.unknown:
            if kind := kinds.get(_folded(entry.text)):
                return (
                    f"'{entry.text}' in plex_library is a library of {kind}s, which is not synced; "
                    f"Plex has these libraries of videos: {_listed(self.known)}"
                )
        unknown = ", ".join(f"'{entry.text}'" for entry in self.unknown)
        if unknown:
            return (
                f"Plex has no video library {unknown}. Plex's video libraries: "
                f"{_listed(self.known)}. Set plex_library to one of these names or numbers"
            )
        for entry in self.ambiguous:
            return (
                f"'{entry.text}' in plex_library may mean {_listed(entry.found)}: give the number "
                "behind the name instead"
            )
        return ""


def choose_libraries(setting: str, libraries: Sequence[Section]) -> LibraryChoice:
    """Parse the setting `plex_library`: names or numbers of libraries, separated by commas.

    A name may contain commas. Of all ways to split the text, take the one with the fewest unknown
    names.
    """
    sections = [section for section in libraries if section.kind == MOVIE]
    others = tuple(section for section in libraries if section.kind != MOVIE)
    pieces = setting.split(",")
    most_pieces = max((section.title.count(",") for section in sections), default=0) + 1
    best: list[tuple[tuple[int, int, int], tuple[_Division, ...]]] = [((0, 0, 0), ())]
    for start in range(len(pieces) - 1, -1, -1):
        options = []
        for end in range(start + 1, min(len(pieces), start + most_pieces) + 1):
            (unknown, inexact, count), entries = best[len(pieces) - end]
            text = ",".join(pieces[start:end]).strip()
            found, is_inexact = _find(",".join(pieces[start:end]), sections)
            if text and (found or end == start + 1):
                cost = (unknown + (not found), inexact + is_inexact, count + 1)
                options.append((cost, ((text, found), *entries)))
            elif end == start + 1:
                options.append(best[len(pieces) - end])
        best.append(min(options, key=lambda option: option[0]))
    entries = best[-1][1]
    numbered = (Entry(number, *entry) for number, entry in enumerate(entries, start=1))
    return LibraryChoice(tuple(sections), tuple(numbered), others)


def entry_for(section: Section, sections: Sequence[Section]) -> str:
    """Return a library's name, or its number if several libraries fit the name."""
    if "," not in section.title and section.title == section.title.strip():
        choice = choose_libraries(section.title, sections)
        if [entry.found for entry in choice.entries] == [(section,)]:
            return section.title
    return str(section.key)


def _find(text: str, sections: Sequence[Section]) -> tuple[tuple[Section, ...], bool]:
    exact = tuple(section for section in sections if section.title in (text, text.strip()))
    number = tuple(section for section in sections if str(section.key) == text.strip())
    if exact or number:
        return exact or number, False
    return tuple(entry for entry in sections if _folded(entry.title) == _folded(text)), True


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFC", " ".join(name.split()))
    return _COMMA.sub(",", plain).casefold()


def _listed(sections: Iterable[Section]) -> str:
    return ", ".join(f"'{section.title}' (number {section.key})" for section in sections) or "none"

"""Finds the libraries that the setting `plex_library` names. Pure functions."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from plex.items import Section

_COMMA = re.compile(r" ?, ?")


@dataclass(frozen=True)
class Entry:
    """A name or number in the setting."""

    position: int  # the place in the setting, from 1
    text: str  # the entry without surrounding blanks
    found: tuple[Section, ...]  # the matching libraries; exactly one in a usable setting


@dataclass(frozen=True)
class LibraryChoice:
    """The libraries that the setting selects."""

    known: tuple[Section, ...]  # all video libraries of the server
    entries: tuple[Entry, ...]  # the entries of the setting; none select all libraries
    others: tuple[Section, ...] = ()  # libraries of shows and photos, which are not synced

    @property
    def unknown(self) -> list[Entry]:
        """Entries without a matching library."""
        return [entry for entry in self.entries if not entry.found]

    @property
    def ambiguous(self) -> list[Entry]:
        """Entries with several matching libraries."""
        return [entry for entry in self.entries if len(entry.found) > 1]

    @property
    def sections(self) -> list[Section]:
        """The selected libraries in the server's order; only valid without a `problem`."""
        keys = {section.key for entry in self.entries for section in entry.found}
        return [section for section in self.known if section.key in keys or not self.entries]

    @property
    def problem(self) -> str:
        """Why the setting cannot be used, with the remedy; empty for a usable setting."""
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
                f"Plex has no video library {unknown}; it has {_listed(self.known)}: correct "
                "plex_library, by a name or by the number behind it"
            )
        for entry in self.ambiguous:
            return (
                f"'{entry.text}' in plex_library may mean {_listed(entry.found)}: give the number "
                "behind the name instead"
            )
        return ""


def choose_libraries(
    setting: str, sections: Sequence[Section], others: Sequence[Section] = ()
) -> LibraryChoice:
    """Read the setting: names or numbers of libraries, separated by commas.

    Names may contain commas. The best division of the setting has the fewest unknown entries, then
    the most exact names, then the longest names. If libraries with and without blanks around an
    entry exist, the entry matches both. A number counts where no name is exact. Names with other
    case, blanks or Unicode form count last.

    `sections` are all video libraries; `others` are those of shows and photos.
    """
    names = _Names(sections)
    pieces = setting.split(",")
    # For each piece, from last to first: the cost of the best division from that piece on, the end
    # of its first entry, and the libraries that match this entry.
    best: list[tuple[tuple[int, int, int], int, tuple[Section, ...]]] = [((0, 0, 0), 0, ())]
    for start in range(len(pieces) - 1, -1, -1):
        options = []
        for end in range(start + 1, min(len(pieces), start + names.most_pieces) + 1):
            text = ",".join(pieces[start:end])
            rest = best[len(pieces) - end][0]
            found, inexact = names.find(text)
            if text.strip() and (found or end == start + 1):
                cost = (rest[0] + (not found), rest[1] + inexact, rest[2] + 1)
                options.append((cost, end, found))
            elif end == start + 1:
                options.append((rest, end, ()))
        best.append(min(options, key=lambda option: option[0]))
    divisions = [(end, found) for _, end, found in reversed(best)]
    return LibraryChoice(tuple(sections), _entries(pieces, divisions), tuple(others))


def _entries(
    pieces: Sequence[str], divisions: Sequence[tuple[int, tuple[Section, ...]]]
) -> tuple[Entry, ...]:
    """Return the entries of a setting that was split at commas into pieces.

    `divisions` holds, for each piece, the end and the libraries of an entry that begins there.
    """
    entries: list[Entry] = []
    start = 0
    while start < len(pieces):
        end, found = divisions[start]
        text = ",".join(pieces[start:end]).strip()
        if text:
            entries.append(Entry(len(entries) + 1, text, found))
        start = end
    return tuple(entries)


def entry_for(section: Section, sections: Sequence[Section]) -> str:
    """Return an entry that selects only this library: its name, or else its number."""
    if "," not in section.title and section.title == section.title.strip():
        choice = choose_libraries(section.title, sections)
        if [entry.found for entry in choice.entries] == [(section,)]:
            return section.title
    return str(section.key)


class _Names:
    """Libraries by name and number.

    Attributes:
        most_pieces: number of comma-separated pieces in the longest name, at least 1.
    """

    def __init__(self, sections: Sequence[Section]) -> None:
        self._exact: dict[str, list[Section]] = {}
        self._folded: dict[str, list[Section]] = {}
        self._numbers = {str(section.key): section for section in sections}
        for section in sections:
            self._exact.setdefault(section.title, []).append(section)
            self._folded.setdefault(_folded(section.title), []).append(section)
        self.most_pieces = max((section.title.count(",") for section in sections), default=0) + 1

    def find(self, text: str) -> tuple[tuple[Section, ...], bool]:
        """Return the libraries that match an entry, and whether the match is inexact."""
        stripped = text.strip()
        exact = [section for name in {text, stripped} for section in self._exact.get(name, ())]
        if exact:
            return tuple(sorted(exact, key=lambda section: section.key)), False
        if stripped in self._numbers:
            return (self._numbers[stripped],), False
        return tuple(self._folded.get(_folded(text), ())), True


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFC", " ".join(name.split()))
    return _COMMA.sub(",", plain).casefold()


def _listed(sections: Iterable[Section]) -> str:
    return ", ".join(f"'{section.title}' ({section.key})" for section in sections) or "none"

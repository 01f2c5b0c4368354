"""How one file is asked for by its name: by which piece of it, and in which libraries."""

import re
from collections.abc import Sequence

from plex.items import Section
from plex.path_index import folded_path

# A comma means "or" to Plex (plex-protocol.md §2.2); the others cannot stand in an address.
_UNASKABLE = re.compile(r"[,\x00-\x1f\x7f\ud800-\udfff]")


def chunk_of(path: str) -> str:
    """Return the longest piece of the file's name that Plex takes for one text; "" for none."""
    name = re.split(r"[/\\]", path)[-1]
    return max((piece.strip() for piece in _UNASKABLE.split(name)), key=len)


def holders_of(path: str, sections: Sequence[Section]) -> list[Section]:
    """Return the libraries that have the innermost folder around this path; it may be several.

    Args:
        path: as Plex would name it, as far as anybody knows.
        sections: with their locations.
    """
    folded = folded_path(path)
    depths = {
        section.key: max((_depth(folded, one) for one in section.locations), default=0)
        for section in sections
    }
    deepest = max(depths.values(), default=0)
    return [one for one in sections if deepest and depths[one.key] == deepest]


def _depth(folded: str, location: str) -> int:
    """Return the length of a location that contains the path on a folder boundary, else 0."""
    folder = folded_path(location).rstrip("/") + "/"
    return len(folder) if folded.startswith(folder) else 0

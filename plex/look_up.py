"""How one file is asked for by its name: by which piece of it, and in which libraries."""

import re
from collections.abc import Sequence

from plex.items import Section
from validation.paths import components

# A comma means "or" in a filter of Plex. A network file system may have replaced those that
# Windows forbids (`validation.paths`). The others cannot stand in an address.
_UNASKABLE = re.compile(r'[,"*:<>?|\x00-\x1f\x7f\ud800-\udfff\uf001-\uf07c]')


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
    names = components(path)
    depths = {
        section.key: max((_depth(names, one) for one in section.locations), default=0)
        for section in sections
    }
    deepest = max(depths.values(), default=0)
    return [one for one in sections if deepest and depths[one.key] == deepest]


def _depth(names: tuple[str, ...], location: str) -> int:
    """Return 1 plus the number of folders of a location that contains the path, else 0."""
    folders = components(location)
    inside = bool(location) and len(folders) < len(names) and names[: len(folders)] == folders
    return 1 + len(folders) if inside else 0

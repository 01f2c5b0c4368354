"""Paths as folders and a name, compared as two systems may spell them.

One machine's path means nothing to another one's `os.path`: a Plex on Windows and a Stash in a
container name the same file. What both agree on is its last folders and its name.
"""

import re
import unicodedata
from collections.abc import Sequence

from shared.frozen import frozen

_COMPONENT = re.compile(r"[^/\\]+")
_WINDOWS = re.compile(r"[A-Za-z]:|\\\\")
_LONG_PATH = re.compile(r"^\\\\\?\\(?:UNC(?=\\))?")  # Windows' prefix of paths over 260 characters


def folded(text: str) -> str:
    """Return the form that two spellings of a name share: case and composition do not count."""
    return unicodedata.normalize("NFC", text.casefold())


def components(path: str) -> tuple[str, ...]:
    """Return folders and name, folded; separators, and how the path begins, do not count."""
    return tuple(folded(text) for text in _COMPONENT.findall(_LONG_PATH.sub("", path, count=1)))


def spelled(path: str) -> str:
    """Return a path's form in which composition and separators do not count.

    Case counts, unless the path is one of Windows.
    """
    if is_windows(path):
        return "/".join(components(path))
    return unicodedata.normalize("NFC", "/".join(_COMPONENT.findall(path)))


def is_windows(path: str) -> bool:
    """Tell whether a path begins with a drive or a share of Windows, where case never counts."""
    return _WINDOWS.match(path) is not None


def common_suffix(one: str, other: str) -> int:
    """Return how many components two paths share, counted from the name; 0: other names."""
    count = 0
    for mine, theirs in zip(reversed(components(one)), reversed(components(other)), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def without_last(path: str, count: int) -> str:
    """Return a path as it is spelled without so many components at its end, nor a separator."""
    spans = [match.start() for match in _COMPONENT.finditer(path)]
    return path[: spans[-count]].rstrip("/\\") if 0 < count <= len(spans) else path


def without_first(path: str, count: int) -> str:
    """Return a path without so many components at its beginning, but with the separator there."""
    path = _LONG_PATH.sub("", path, count=1)
    ends = [match.end() for match in _COMPONENT.finditer(path)]
    return path[ends[count - 1] :] if 0 < count <= len(ends) else path


def folders_above(path: str) -> list[str]:
    """Return the folders that a path lies in, as it spells them, the nearest first; not the root.

    >>> folders_above("/data/a/x.mp4")
    ['/data/a', '/data']
    """
    depth = len(_COMPONENT.findall(path))
    return [folder for count in range(1, depth) if (folder := without_last(path, count))]


@frozen
class Folders:
    """Some folders, for telling what lies in them."""

    roots: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, paths: Sequence[str]) -> "Folders":
        """Return these folders; a path without any component is none."""
        roots = (components(path) for path in paths)
        return cls(tuple(root for root in roots if root))

    def hold(self, path: str) -> bool:
        """Tell whether a path lies in one of them: as folder, not as the same letters."""
        parts = components(path)
        return any(parts[: len(root)] == root for root in self.roots)

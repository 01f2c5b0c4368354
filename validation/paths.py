"""Paths as folders and a name, compared as two systems may spell them.

One machine's path means nothing to another one's `os.path`: a Plex on Windows and a Stash in a
container name the same file. What both agree on is its last folders and its name.

Three comparisons exist. `spelled` ignores composition and separators. `folded_path` ignores case
too, and what a network file system changes in a name. `components` is `folded_path` in pieces.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_COMPONENT = re.compile(r"[^/\\]+")
_WINDOWS = re.compile(r"[A-Za-z]:|\\\\")
_DRIVE = re.compile(r"[a-z]:(?=/|$)")
_LONG_PATH = re.compile(r"^\\\\\?\\(?:UNC(?=\\))?")  # Windows' prefix of paths over 260 characters

# Windows allows none of `" * : < > ? |` and no backslash in a name, nor a dot or a blank at its
# end. File servers and mounts replace them by private-use characters, after one of two tables:
# U+F000 plus the character (Services for Unix, Linux mounts with `mapchars`), or U+F020 to U+F029
# (macOS and Samba). U+F022 is a quotation mark in one table and a colon in the other, so all fold
# to one character. A dot or a blank at the end of a name folds to it too.
_ANY = "?"
_REPLACED = re.compile('["*:<>?|\uf001-\uf02a\uf02e\uf03a\uf03c\uf03e\uf03f\uf05c\uf07c]')
_AT_THE_END = re.compile(r"[?. ]+(?=/|$)")
_SHORT_NAME = re.compile(r"[^a-z.\s]{1,7}~[0-9A-Z]{1,2}(?:\.[0-9A-Z]{1,3})?").fullmatch


def folded(text: str) -> str:
    """Return the form that two spellings of a text share: case and composition do not count."""
    text = text.casefold()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def components(path: str) -> tuple[str, ...]:
    """Return folders and name, folded; separators, and how the path begins, do not count.

    Neither does what a network file system replaces in a name.
    """
    joined = folded_path(path)
    return tuple(joined.split("/")) if joined else ()


def folded_path(path: str) -> str:
    """Return the form under which two systems may name the same file: its components, joined."""
    path = folded(without_long_path_prefix(path)).replace("\\", "/")
    while "//" in path:
        path = path.replace("//", "/")
    path = path.strip("/")
    if _REPLACED.search(path):
        drive = _DRIVE.match(path)
        start = drive.end() if drive else 0
        path = path[:start] + _REPLACED.sub(_ANY, path[start:])
    if "?/" in path or "./" in path or " /" in path or path.endswith(("?", ".", " ")):
        path = _AT_THE_END.sub(_ANY, path)
    return path


def folded_name(path: str) -> str:
    """Return the folded form of a path's last part: the file's name."""
    return folded_path(path).rsplit("/", 1)[-1]


def split_path(path: str) -> list[str]:
    """Return folders and name as the path spells them."""
    return _COMPONENT.findall(without_long_path_prefix(path))


def composed(text: str) -> str:
    """Return a text with composed letters: macOS names files in decomposed ones."""
    return unicodedata.normalize("NFC", text)


def spelled(path: str) -> str:
    """Return a path's form in which composition and separators do not count.

    Case counts, unless the path is one of Windows.
    """
    if is_windows(path):
        return folded("/".join(split_path(path)))
    return composed("/".join(_COMPONENT.findall(path)))


def short_name_in(path: str) -> str:
    """Return the first part of a path that looks like a name that a file server shortened.

    File servers give such a name, `MFKEWH~X.MP4`, to a file whose own name their client cannot
    have. Empty without any.
    """
    return next((name for name in split_path(path) if _SHORT_NAME(name)), "")


def without_long_path_prefix(path: str) -> str:
    """Return a path without the prefix by which Windows allows more than 260 characters."""
    return _LONG_PATH.sub("", path, count=1) if path.startswith("\\\\?") else path


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
    path = without_long_path_prefix(path)
    ends = [match.end() for match in _COMPONENT.finditer(path)]
    return path[ends[count - 1] :] if 0 < count <= len(ends) else path


def folders_above(path: str) -> list[str]:
    """Return the folders that a path lies in, as it spells them, the nearest first; not the root.

    >>> folders_above("/data/a/x.mp4")
    ['/data/a', '/data']
    """
    depth = len(_COMPONENT.findall(path))
    return [folder for count in range(1, depth) if (folder := without_last(path, count))]


@dataclass(frozen=True, slots=True)
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

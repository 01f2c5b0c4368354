"""Compares paths of one file that different operating systems spell differently.

Plex may run on Windows and Stash in a container, so `os.path` cannot be used. Their paths of a file
share only the last folders and the file's name.

`spelled` removes differences in Unicode composition and separators. `folded_path` also removes
case, Windows' long-path prefix, and the characters by which file servers replace others.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

_COMPONENT = re.compile(r"[^/\\]+")
_WINDOWS = re.compile(r"[A-Za-z]:|\\\\")
_DRIVE = re.compile(r"[a-z]:(?=/|$)")
_LONG_PATH = re.compile(r"^\\\\\?\\(?:UNC(?=\\))?")  # Windows' prefix of paths over 260 characters

# Windows allows neither `" * : < > ? | \` in a name, nor a dot or a blank at its end. File servers
# replace these by private-use characters, after one of two tables: U+F000 plus the character
# (Linux mounts with `mapchars`), or U+F020 to U+F029 (macOS and Samba). U+F022 is a quotation mark
# in one table and a colon in the other, so all these characters become `_ANY`.
_ANY = "?"
_REPLACED = re.compile('["*:<>?|\uf001-\uf02a\uf02e\uf03a\uf03c\uf03e\uf03f\uf05c\uf07c]')
_AT_THE_END = re.compile(r"[?. ]+(?=/|$)")
_SHORT_NAME = re.compile(r"[^a-z.\s]{1,7}~[0-9A-Z]{1,2}(?:\.[0-9A-Z]{1,3})?").fullmatch


def folded(text: str) -> str:
    """Return a text in lower case and composed letters; equal names have equal results."""
    text = text.casefold()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def components(path: str) -> tuple[str, ...]:
    """Return the folders and the name of a folded path."""
    joined = folded_path(path)
    return tuple(joined.split("/")) if joined else ()


def folded_path(path: str) -> str:
    """Return the same text for all spellings of a path."""
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
    """Return the file's name of a folded path."""
    return folded_path(path).rsplit("/", 1)[-1]


def split_path(path: str) -> list[str]:
    """Return the folders and the name of a path as they are spelled."""
    return _COMPONENT.findall(without_long_path_prefix(path))


def spelled(path: str) -> str:
    """Return a path with `/` and composed letters; a Windows path also in lower case."""
    if is_windows(path):
        return folded("/".join(split_path(path)))
    return unicodedata.normalize("NFC", "/".join(_COMPONENT.findall(path)))


def short_name_in(path: str) -> str:
    """Return the first name in a path that looks like `MFKEWH~X.MP4`; empty without such a name.

    A file server shows a short name where a client cannot use the real name.
    """
    return next((name for name in split_path(path) if _SHORT_NAME(name)), "")


def without_long_path_prefix(path: str) -> str:
    """Return a path without Windows' prefix for paths of over 260 characters."""
    return _LONG_PATH.sub("", path, count=1) if path.startswith("\\\\?") else path


def is_windows(path: str) -> bool:
    """Return whether a path begins with a Windows drive or share."""
    return _WINDOWS.match(path) is not None


def common_suffix(first: str, second: str) -> int:
    """Return the number of folders and names that two paths share at their ends."""
    pairs = zip(components(first)[::-1], components(second)[::-1], strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


def without_last(path: str, count: int) -> str:
    """Return a path without its last `count` components."""
    spans = [match.start() for match in _COMPONENT.finditer(path)]
    return path[: spans[-count]].rstrip("/\\") if 0 < count <= len(spans) else path


def without_first(path: str, count: int) -> str:
    """Return a path without its first `count` components; the result begins with a separator."""
    path = without_long_path_prefix(path)
    ends = [match.end() for match in _COMPONENT.finditer(path)]
    return path[ends[count - 1] :] if 0 < count <= len(ends) else path


def folders_above(path: str) -> list[str]:
    """Return the folders that contain a path, the nearest first: "/a/b/x" → ["/a/b", "/a"]."""
    depth = len(_COMPONENT.findall(path))
    return [folder for count in range(1, depth) if (folder := without_last(path, count))]


@dataclass(frozen=True, slots=True)
class Folders:
    """A set of folders."""

    roots: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, paths: Sequence[str]) -> "Folders":
        """Return the folders with these paths; a path without components (`/`) is left out."""
        roots = (components(path) for path in paths)
        return cls(tuple(root for root in roots if root))

    def hold(self, path: str) -> bool:
        parts = components(path)
        return any(parts[: len(root)] == root for root in self.roots)

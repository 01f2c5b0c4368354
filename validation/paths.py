"""Normalizes and compares paths that Stash and Plex spell differently.

Plex may run on Windows and Stash in a container, so `os.path` cannot parse both paths of a file.
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import takewhile

_COMPONENT = re.compile(r"[^/\\]+")
_WINDOWS = re.compile(r"[A-Za-z]:|\\\\")
_DRIVE = re.compile(r"[a-z]:(?=/|$)")
_LONG_PATH_PREFIX_OF_WINDOWS = re.compile(r"^\\\\\?\\(?:UNC(?=\\))?")

# File servers replace characters that Windows forbids, but not all by the same characters. A
# comparison treats all of these characters as equal.
_ANY = "?"
_REPLACED = re.compile('["*:<>?|\uf001-\uf02a\uf02e\uf03a\uf03c\uf03e\uf03f\uf05c\uf07c]')
_AT_THE_END = re.compile(r"[?. ]+(?=/|$)")
_WINDOWS_SHORT_NAME = re.compile(r"[^a-z.\s]{1,7}~[0-9A-Z]{1,2}(?:\.[0-9A-Z]{1,3})?").fullmatch


def folded(text: str) -> str:
    text = text.casefold()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def components(path: str) -> tuple[str, ...]:
    joined = folded_path(path)
    return tuple(joined.split("/")) if joined else ()


def folded_path(path: str) -> str:
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
    return folded_path(path).rsplit("/", 1)[-1]


def split_path(path: str) -> list[str]:
    return _COMPONENT.findall(without_long_path_prefix(path))


def spelled(path: str) -> str:
    if is_windows(path):
        return folded("/".join(split_path(path)))
    return unicodedata.normalize("NFC", "/".join(_COMPONENT.findall(path)))


def short_name_in(path: str) -> str:
    return next((name for name in split_path(path) if _WINDOWS_SHORT_NAME(name)), "")


def without_long_path_prefix(path: str) -> str:
    return _LONG_PATH_PREFIX_OF_WINDOWS.sub("", path, count=1) if path.startswith("\\\\?") else path


def is_windows(path: str) -> bool:
    return _WINDOWS.match(path) is not None


def common_suffix(first: str, second: str) -> int:
    pairs = zip(components(first)[::-1], components(second)[::-1], strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


def without_last(path: str, count: int) -> str:
    spans = [match.start() for match in _COMPONENT.finditer(path)]
    return path[: spans[-count]].rstrip("/\\") if 0 < count <= len(spans) else path


def without_first(path: str, count: int) -> str:
    """Return a path without its first `count` folders: ("/a/b/x", 1) → "/b/x"."""
    path = without_long_path_prefix(path)
    ends = [match.end() for match in _COMPONENT.finditer(path)]
    return path[ends[count - 1] :] if 0 < count <= len(ends) else path


def folders_above(path: str) -> list[str]:
    depth = len(_COMPONENT.findall(path))
    return [folder for count in range(1, depth) if (folder := without_last(path, count))]


def is_below(path: str, folders: Iterable[tuple[str, ...]]) -> bool:
    parts = components(path)
    return any(folder and parts[: len(folder)] == folder for folder in folders)

from dataclasses import dataclass
from typing import Any

from validation.paths import is_windows, spelled, without_first
from validation.values import PAIR, ValueProblem, entries, sides_of

_FORM = "pairs of the form /plex/prefix=>/stash/prefix"
_WINDOWS_SHARE = ("\\\\", "//")


@dataclass(frozen=True, slots=True)
class PrefixPair:
    plex: str
    stash: str

    def __str__(self) -> str:
        return f"{self.plex or '/'}{PAIR}{self.stash or '/'}"


@dataclass(frozen=True, slots=True)
class PathMap:
    pairs: tuple[PrefixPair, ...] = ()

    def __str__(self) -> str:
        return "; ".join(map(str, self.pairs))

    def find_plex(self, path: str) -> str | None:
        for pair in sorted(self.pairs, key=lambda pair: len(pair.stash), reverse=True):
            rest = _rest(path, pair.stash)
            if rest is not None:
                return pair.plex + _with_separators_of(rest, pair.plex)
        return None

    def to_plex(self, path: str) -> str:
        mapped = self.find_plex(path)
        return path if mapped is None else mapped


def parse_path_map(value: Any) -> PathMap:
    if not isinstance(value, str):
        raise ValueProblem(_FORM)
    pairs = []
    for part in entries(value):
        plex, stash = sides_of(part)
        if not plex or not stash:
            raise ValueProblem(f"{_FORM}, but '{part}' is not such a pair")
        pairs.append(PrefixPair(plex.rstrip("/\\"), stash.rstrip("/\\")))
    return PathMap(tuple(pairs))


def _rest(path: str, prefix: str) -> str | None:
    if path.startswith(prefix):
        rest = path[len(prefix) :]
        return rest if not rest or rest[0] in "/\\" else None
    if path.startswith(_WINDOWS_SHARE) and prefix.startswith(_WINDOWS_SHARE):
        path, prefix = path.replace("/", "\\"), prefix.replace("/", "\\")
    # macOS stores decomposed Unicode, but users type composed Unicode, so normalize both paths.
    folder = spelled(prefix).split("/")
    if is_windows(path) != is_windows(prefix) or spelled(path).split("/")[: len(folder)] != folder:
        return None
    return without_first(path, len(folder))


def _with_separators_of(rest: str, prefix: str) -> str:
    if "\\" in prefix and "/" not in prefix:
        return rest.replace("/", "\\")
    return rest.replace("\\", "/") if "/" in prefix else rest

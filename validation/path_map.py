"""The path map: pairs of prefixes by which Plex and Stash name the same folder."""

from dataclasses import dataclass

from validation.paths import is_windows, spelled, without_first

SEPARATOR, PAIR = ";", "=>"
_SHARE = ("\\\\", "//")  # the start of `\\nas\media` and of its other spelling, `//nas/media`


@dataclass(frozen=True, slots=True)
class PrefixPair:
    """A folder as Plex and as Stash see it, without a slash at the end."""

    plex: str
    stash: str

    def __str__(self) -> str:
        """Return the pair in the notation of the setting."""
        return f"{self.plex or '/'}{PAIR}{self.stash or '/'}"


@dataclass(frozen=True, slots=True)
class PathMap:
    """Prefix pairs, applied longest prefix first and on folder boundaries only."""

    pairs: tuple[PrefixPair, ...] = ()

    def __str__(self) -> str:
        """Return the pairs in the notation of the setting."""
        return f"{SEPARATOR} ".join(map(str, self.pairs))

    def find_plex(self, path: str) -> str | None:
        """Return Plex's path for a path in Stash; None where no pair fits."""
        for pair in sorted(self.pairs, key=lambda pair: len(pair.stash), reverse=True):
            rest = _rest(path, pair.stash)
            if rest is not None:
                return pair.plex + _with_separators_of(rest, pair.plex)
        return None

    def to_plex(self, path: str) -> str:
        """Return Plex's path for a path in Stash; the same path where no pair fits."""
        mapped = self.find_plex(path)
        return path if mapped is None else mapped


def parse_path_map(text: str) -> tuple[PathMap, list[str]]:
    """Read `/plex/prefix=>/stash/prefix; …`; return the map and a sentence per malformed pair."""
    pairs: list[PrefixPair] = []
    problems: list[str] = []
    for part in filter(None, map(str.strip, text.split(SEPARATOR))):
        plex, _, stash = (side.strip() for side in part.partition(PAIR))
        if not plex or not stash:
            problems.append(f"'{part}' is not a pair of the form /plex/prefix=>/stash/prefix")
        else:
            pairs.append(PrefixPair(plex.rstrip("/\\"), stash.rstrip("/\\")))
    return PathMap(tuple(pairs)), problems


def _rest(path: str, prefix: str) -> str | None:
    """Return the part of a path below a folder; None for a path elsewhere."""
    if path.startswith(prefix):
        rest = path[len(prefix) :]
        return rest if not rest or rest[0] in "/\\" else None
    if path.startswith(_SHARE) and prefix.startswith(_SHARE):
        path, prefix = path.replace("/", "\\"), prefix.replace("/", "\\")
    # macOS names files in decomposed letters, but users type composed letters.
    folder = spelled(prefix).split("/")
    if is_windows(path) != is_windows(prefix) or spelled(path).split("/")[: len(folder)] != folder:
        return None
    return without_first(path, len(folder))


def _with_separators_of(rest: str, prefix: str) -> str:
    if "\\" in prefix and "/" not in prefix:
        return rest.replace("/", "\\")
    if "/" in prefix:
        return rest.replace("\\", "/")
    return rest

"""Explains why Plex lists no item for a file, by rules from the source code of Plex's scanner."""

import re
from collections.abc import Sequence

from plex.items import MOVIE, PHOTO, SHOW, Section
from validation.paths import components, is_below, split_path

LARGEST_SAMPLE = 300 * 1024 * 1024

_MOVIES = "Plex Movie"
_HOLDS = {
    SHOW: "which holds shows, and episodes are not synced",
    PHOTO: "which holds photos, and Plex lists no videos there",
}
# Plex skips folders with these names, except directly below a library's folder.
_EXTRAS = re.compile(
    r"(?i)extras?\b|!?samples?|bonus|.*bonus disc|bdmv|video_ts|(?:interview|scene|trailer|"
    r"featurette|short|other).?$|deleted.?(?:scene.?)?$|behind.?the.?scenes$"
).match
_IGNORED_FOLDER = re.compile(
    r"(?i)\.|@eadir|.*_(?:unpack|failed)_|lost\+found|.*\.itlp$|[@#]recycle|.*\.photoslibrary|"
    r"@recently-snapshot"
).match
_IGNORED_TOP_FOLDER = re.compile(
    r"(?i)\$recycle\.bin|system volume information|temporary items|network trash folder"
).match
_EXTRA_FILE = re.compile(
    r"(?i)-(?:deleted|behindthescenes|interview|scene|featurette|short|other|trailer)\.|^movie-trailer"
).search
_SAMPLE = re.compile(r"(?i)[-._]sample|sample[-._]").search
_EPISODE = re.compile(
    r"(?i)s[0-9]+[._ ]*e[0-9]+"
    r"|s[0-9]{2}[._\- ]+[0-9]+"
    r"|(?<![0-9])[0-9]{1,2}x[0-9]+"
).search
_BRACKETS = re.compile(r"\[[^\]]*\]")
_YEAR = re.compile(r"[(\[.\-](?:19|20)[0-9]{2}[.\-)\]_,+]")


def why_unlisted(path: str, size: int, root: str, *, of_movies: bool) -> str:
    depth = len(components(root))
    names = split_path(path)[depth:]
    if not names or components(path)[:depth] != components(root):
        return ""
    *folders, file = names
    for level, folder in enumerate(folders):
        if _IGNORED_FOLDER(folder) or (level == 0 and _IGNORED_TOP_FOLDER(folder)):
            return f"Plex ignores files in a folder named '{folder}'; move the file elsewhere"
        if level > 0 and _EXTRAS(folder):
            return (
                f"Plex treats files in a folder named '{folder}' as extras of another video and "
                "does not list them; rename the folder"
            )
    if file.startswith("."):
        return "Plex ignores hidden files; rename the file so that it begins without a dot"
    extra = _EXTRA_FILE(file)
    if extra:
        return (
            f"Plex treats a file with '{extra.group()}' in its name as an extra of another video "
            "and does not list it; rename the file"
        )
    if 0 < size < LARGEST_SAMPLE and _SAMPLE(path):
        return (
            "Plex treats a file under 300 MB with 'sample' in its path as a sample and does not "
            "list it; rename the file or its folder"
        )
    episode = _EPISODE(_before_the_year(file)) if of_movies else None
    if episode:
        return (
            f"'{episode.group()}' in the file's name looks like an episode, and libraries of "
            "movies list no episodes; rename the file"
        )
    return ""


def why_absent(path: str, size: int, libraries: Sequence[Section]) -> str:
    folders = [
        (section, location)
        for section in sorted(libraries, key=lambda section: section.kind != MOVIE)
        for location in section.locations
        if is_below(path, [components(location)])
    ]
    reasons = [
        why_unlisted(path, size, location, of_movies=section.scanner.startswith(_MOVIES))
        for section, location in folders
        if section.kind == MOVIE
    ]
    if reasons or not folders:
        return reasons[0] if reasons and all(reasons) else ""
    other = folders[0][0]
    return (
        f"the file is in the library '{other.title}', {_HOLDS[other.kind]}; to sync the file, add "
        "its folder to a library of movies or other videos"
    )


def is_plex_version(path: str) -> bool:
    return "plex versions" in components(path)[:-1]


def _before_the_year(file: str) -> str:
    name = _BRACKETS.sub("", file.rpartition(".")[0] or file)
    year = _YEAR.search(name)
    return name[: year.start()] if year and year.start() else name

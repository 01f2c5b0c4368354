"""What people are told about scenes that have no item, or several that it may be."""

from collections.abc import Mapping, Sequence

from plex.items import LibraryPart, PlexItem
from plex.matcher import Sharing
from plex.path_evidence import prefix_pairs
from validation.paths import short_name_in
from validation.scene_extractor import SceneFile

MOST_NAMED = 5  # candidates in one message
_TASK = "the task 'Check Path Mapping'"


def ambiguous(file: SceneFile, candidates: Sequence[LibraryPart], titles: Mapping[int, str]) -> str:
    """Return which files of Plex may be this one, with their libraries, and what to do.

    Args:
        file: of the scene.
        candidates: of Plex.
        titles: the libraries' names by key.
    """
    return (
        f"several files of Plex may be {file.path}: {named(candidates, titles)}. Tell which "
        f"folder is which in plex_unmatched_path_map ({_TASK} helps), or rename the files"
    )


def not_found(
    file: SceneFile, reason: str, namesakes: Sequence[LibraryPart], titles: Mapping[int, str]
) -> str:
    """Return that Plex lacks a file, why or what comes near to it, and what to do.

    Args:
        file: of the scene.
        reason: why Plex does not list the file; empty where that is not known.
        namesakes: Plex's files of the same name.
        titles: the libraries' names by key.
    """
    text = f"Plex has no item for {file.path}"
    if reason:
        return f"{text}: {reason}"
    short_name = short_name_in(file.path)
    if short_name and not namesakes:
        return (
            f"{text}: '{short_name}' is a short name that the file server made up, because Stash's "
            "system cannot have the real one; rename the file without special characters"
        )
    if not namesakes:
        return (
            f"{text}; if it should, scan its library in Plex; if Plex names its folders "
            f"differently, {_TASK} shows what to set as plex_unmatched_path_map"
        )
    text = f"{text}; of that name it has {named(namesakes, titles)}"
    if file.size and all(part.size not in (0, file.size) for part in namesakes):
        return f"{text}, of another size than these {file.size} bytes: scan its library in Plex"
    implied = {
        str(prefix_pairs(file.path, one.path)[0])
        for one in namesakes
        if prefix_pairs(file.path, one.path)
    }
    if len(implied) == 1:
        return f"{text}; if that is the file, set plex_unmatched_path_map to {implied.pop()}"
    return f"{text}; {_TASK} shows what to set as plex_unmatched_path_map"


def named(parts: Sequence[LibraryPart], titles: Mapping[int, str]) -> str:
    """Return paths with their libraries, the first few of many."""
    first = [
        f"{part.path} (library '{titles.get(part.section, part.section)}')"
        for part in parts[:MOST_NAMED]
    ]
    more = len(parts) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")


def plex_version(file: SceneFile) -> str:
    """Return that a file is a copy that Plex made, and what to do."""
    return (
        f"{file.path} is a copy that Plex made of another video; exclude folders named 'Plex "
        "Versions' from Stash's library"
    )


def shared(item: PlexItem, sharing: Sharing, scenes: Sequence[int], owner: int) -> str:
    """Return that Plex takes the files of several scenes for one video, and what to do.

    Args:
        item: what Plex shows for all of them.
        sharing: how they share it.
        scenes: their ids.
        owner: the scene that the item shows.
    """
    ids = ", ".join(map(str, scenes))
    shows = f"Plex shows scene {owner} for all of them"
    if sharing is Sharing.PARTS:
        return (
            f"Plex plays the files of scenes {ids} as one film in parts (item {item.rating_key}, "
            f"'{item.title}'). {shows}. Plex joins files whose names differ only after 'scene', "
            "'part', 'disc', 'dvd' or 'cd'. Rename them ('Scene 1' to '1 - its title') and scan "
            "the library; 'Split Apart' does not help"
        )
    return (
        f"Plex holds the files of scenes {ids} as {sharing.value} (item {item.rating_key}, "
        f"'{item.title}'). {shows}. Use 'Split Apart' on the item in Plex"
    )

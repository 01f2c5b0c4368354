from collections.abc import Mapping
from typing import NamedTuple


class Explanation(NamedTuple):
    cause: str
    remedy: str


_RETRY = "then run the task 'Retry Dead Letters'"
_CATALOGUE: Mapping[str, tuple[str, str]] = {
    "PlexNotFound": (
        "Plex does not have the file",
        "Scan the library in Plex; once Plex has the file, the scene is queued automatically. If "
        "Plex names its folders differently, the task 'Check Path Mapping' shows the path map to "
        "set",
    ),
    "PlexAmbiguousMatch": (
        "Several files in Plex may match the scene",
        "Set plex_unmatched_path_map (the task 'Check Path Mapping' shows the value to set) or "
        f"rename the files, {_RETRY}",
    ),
    "PlexServerDown": ("Plex was down", "Run the task 'Retry Dead Letters' once Plex runs"),
    "PlexTemporaryError": (
        "Plex answered with an error or too late",
        "Run the task 'Retry Dead Letters'. If the error returns, find its reason in Plex's log",
    ),
    "PlexUploadsDown": (
        "Plex stores no images",
        "Find the reason in Plex's log. Images are sent as soon as Plex can store them",
    ),
    "PlexAuthError": ("Plex refused the token", f"Set plex_token again, {_RETRY}"),
    "PlexPermissionError": (
        "The token has no permission to edit",
        f"Use the token of the server's owner, {_RETRY}",
    ),
    "PlexPermanentError": (
        "Plex refused the values",
        "Change the refused value in Stash; saving the scene syncs it again",
    ),
    "StashFileError": (
        "Stash does not return the scene's cover",
        "Open the scene in Stash. If its cover is missing there, set another; saving the scene "
        "syncs it again",
    ),
    "SceneError": (
        "The scene has no file in Stash",
        "Scan for its file in Stash, or delete the scene; saving the scene syncs it again",
    ),
    "UnreadableJob": (
        "A job could not be read",
        "Delete the dead letter, then run the task 'Sync Recent Scenes to Plex'",
    ),
}
_BUG = (
    "Bug in Stash2Plex",
    "Report the bug with worker.log from the plugin's data folder. To try again, run the task "
    "'Retry Dead Letters'",
)


def explain(error_type: str) -> Explanation:
    return Explanation(*_CATALOGUE.get(error_type, _BUG))

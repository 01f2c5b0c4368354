"""The error catalogue: cause and remedy of each error type, for users."""

from collections.abc import Mapping
from typing import NamedTuple


class Explanation(NamedTuple):
    """The cause and the remedy of an error, without a full stop."""

    cause: str
    remedy: str


_RETRY = "then run the task 'Retry Dead Letters'"
_CATALOGUE: Mapping[str, Explanation] = {
    "PlexNotFound": Explanation(
        "Plex does not have the file",
        "Let Plex scan its library: once Plex has the file, the scene is queued automatically. "
        "Where Plex names its folders differently, run the task 'Check Path Mapping' for the path "
        "map to set",
    ),
    "PlexAmbiguousMatch": Explanation(
        "Several files of Plex may be the scene's file",
        "Set in plex_unmatched_path_map which folder is which (the task 'Check Path Mapping' "
        f"helps), or rename the files; {_RETRY}",
    ),
    "PlexServerDown": Explanation(
        "Plex was down", "Run the task 'Retry Dead Letters' once Plex runs"
    ),
    "PlexTemporaryError": Explanation(
        "Plex failed to do it",
        "Run the task 'Retry Dead Letters'; if the error returns, look for its reason in Plex's "
        "own log",
    ),
    "PlexUploadsDown": Explanation(
        "Plex stores no images",
        "Look for the reason in Plex's own log: the images are sent when Plex stores images again",
    ),
    "PlexAuthError": Explanation("Plex refused the token", f"Set plex_token again, {_RETRY}"),
    "PlexPermissionError": Explanation(
        "The token has no right to edit", f"Use the token of the server's owner, {_RETRY}"
    ),
    "PlexPermanentError": Explanation(
        "Plex refused the values",
        "Change the unusual value of the scene in Stash: saving the scene syncs it again",
    ),
    "StashFileError": Explanation(
        "Stash does not return the scene's cover",
        "Look at the scene in Stash; if its cover is missing there too, set another: saving the "
        "scene syncs it again",
    ),
    "SceneError": Explanation(
        "The scene has no file to look for",
        "Give the scene its file in Stash, or delete the scene: saving it syncs it again",
    ),
    "UnreadableJob": Explanation(
        "A job could not be read",
        "Drop the job, which cannot be retried, and run the task 'Sync Recent Scenes to Plex'",
    ),
}
_BUG = Explanation(
    "Bug in Stash2Plex",
    "Report it with the file worker.log of the plugin's data folder; the task 'Retry Dead Letters' "
    "tries it again",
)


def explain(error_type: str) -> Explanation:
    """Return the explanation of an error type; an unknown type is a bug of the plugin."""
    return _CATALOGUE.get(error_type, _BUG)

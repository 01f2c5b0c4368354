"""What a person does about each type of error: said where the buttons for it are."""

from collections.abc import Mapping

_REMEDIES: Mapping[str, str] = {
    "PlexNotFound": "Let Plex scan its library: once Plex has the file, the scene is queued by "
    "itself. Where Plex names its folders differently, set the path map (Paths, below)",
    "PlexAmbiguousMatch": "Say in the path map which folder is which, or rename the files; then "
    "retry",
    "PlexServerDown": "Retry once Plex runs",
    "PlexTemporaryError": "Retry; what comes back has its reason in Plex's own log",
    "PlexAuthError": "Set the Plex token anew (Settings, below), then retry",
    "PlexPermissionError": "Use the token of the server's owner (Settings, below), then retry",
    "PlexPermanentError": "See what is unusual about the scene and change it in Stash: saving it "
    "tries it again",
    "SceneError": "Give the scene its file in Stash, or delete the scene; then retry",
    "UnreadableJob": "Nothing of it can be retried: drop it, and run 'Sync Recent Scenes to Plex'",
}
_A_BUG = "This is a bug of Stash2Plex: please report it with the doctor's report. Or retry"


def remedy_for(error_type: str) -> str:
    """Return what to do about dead letters of this type of error."""
    return _REMEDIES.get(error_type, _A_BUG)

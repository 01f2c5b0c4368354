"""What each type of error means to a person, and what to do: said where the buttons for it are."""

from collections.abc import Mapping
from typing import NamedTuple


class Remedy(NamedTuple):
    """What is the matter, and what helps; neither ends with a full stop."""

    matter: str
    cure: str


_REMEDIES: Mapping[str, Remedy] = {
    "PlexNotFound": Remedy(
        "Plex does not have the file",
        "Let Plex scan its library: once Plex has the file, the scene is queued by itself. Where "
        "Plex names its folders differently, set the path map in the settings",
    ),
    "PlexAmbiguousMatch": Remedy(
        "Several files of Plex could be it",
        "Say in the path map which folder is which, or rename the files; then retry",
    ),
    "PlexServerDown": Remedy("Plex was down", "Retry once Plex runs"),
    "PlexTemporaryError": Remedy(
        "Plex could not do it", "Retry; what comes back has its reason in Plex's own log"
    ),
    "PlexAuthError": Remedy(
        "Plex refused the token", "Set the Plex token anew in the settings, then retry"
    ),
    "PlexPermissionError": Remedy(
        "The token may not do this", "Use the token of the server's owner, then retry"
    ),
    "PlexPermanentError": Remedy(
        "Plex refused the values",
        "See what is unusual about the scene and change it in Stash: saving it tries it again",
    ),
    "StashFileError": Remedy(
        "Stash does not give the scene's cover",
        "Look at the scene in Stash; where its cover does not show there either, set another: "
        "saving it tries it again",
    ),
    "SceneError": Remedy(
        "The scene cannot be looked for",
        "Give the scene its file in Stash, or delete the scene; then retry",
    ),
    "UnreadableJob": Remedy(
        "A job could not be read",
        "Nothing of it can be retried: drop it, and run 'Sync Recent Scenes to Plex'",
    ),
}


def remedy_for(error_type: str) -> Remedy:
    """Return what dead letters of this type of error are about, and what to do."""
    a_bug = "Please report it with the doctor's report; or retry"
    return _REMEDIES.get(error_type) or Remedy("A bug of Stash2Plex", a_bug)

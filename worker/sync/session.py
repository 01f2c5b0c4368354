"""What a batch works with, as of the settings of this moment."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from plex.client import PlexClient
from plex.library import Library
from plex.matcher import PlexMatcher
from plex.path_learning import PathLearning
from plex.server_facts import ServerFacts
from validation.config import Config
from worker.sync.upload_gate import UploadGate
from worker.sync.write_test import WriteTestNote


@dataclass(frozen=True, slots=True)
class SyncSession:
    """Settings, the Plex server that they name, and what was learned about that server."""

    config: Config
    client: PlexClient
    library: Library
    matcher: PlexMatcher
    learning: PathLearning
    facts: ServerFacts
    write_test: WriteTestNote
    uploads: UploadGate

    def look_for(self, files: Iterable[str]) -> bool:
        """Look in Plex for files, as Stash names them, that the index does not have.

        Returns:
            Whether Plex was asked (see `plex.library.Library.look_for`).

        Raises:
            PlexError: it could not be asked.
        """
        return self.library.look_for([self.matcher.to_plex(path) for path in files])


class ConfigFault(Exception):  # noqa: N818 - a state of the settings, not an error of the program
    """The settings name no usable Plex server; the text says which setting lacks what."""


class SessionProvider(Protocol):
    """Gives the session for the next batch."""

    def current(self) -> SyncSession:
        """Return a session with the settings of this moment.

        Raises:
            ConfigFault: a required setting is missing or malformed.
            StashError: the settings could not be read.
        """
        ...

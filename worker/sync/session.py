"""The current settings, and what a batch works with under them."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from plex.client import PlexClient
from plex.http import device_headers
from plex.library import Library
from plex.matcher import PlexMatcher
from plex.path_index import PathIndex
from plex.path_learning import PathLearning
from plex.server_facts import ServerFacts
from shared.data_folder import DataFolder
from shared.events import Event
from shared.log import Log
from shared.redaction import Secrets
from stash.scenes import StashScenes
from stash.settings import StashSettings
from validation.config import SHORT_LIVED, Config, ParsedConfig, parse_config
from validation.obfuscation import Obfuscator
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


class CurrentSession:
    """Reads the settings for each batch; makes a client anew when they or Plex changed.

    Args:
        settings: Stash's store of them.
        scenes: Stash's scenes, for learning how Plex names their folders.
        folder: where path index and device id lie.
        log: is told about bad settings, once each.
        secrets: learns the token before it is used.
        obfuscator: replaces paths and titles in the log while `obfuscate_paths` is on.
        plex_url: of the command line: holds instead of the setting; empty for none.
    """

    def __init__(
        self,
        settings: StashSettings,
        scenes: StashScenes,
        folder: DataFolder,
        log: Log,
        secrets: Secrets,
        clock: Callable[[], float] = time.time,
        obfuscator: Obfuscator | None = None,
        plex_url: str = "",
    ) -> None:
        self.settings = settings
        self._scenes = scenes
        self._folder = folder
        self._log = log
        self._secrets = secrets
        self._clock = clock
        self._obfuscator = obfuscator or Obfuscator()
        self._plex_url = plex_url
        self._parsed: ParsedConfig | None = None
        self._stored: Mapping[str, Any] = {}
        self._told: set[str] = set()
        self._unknown: tuple[str, ...] = ()
        self._session: SyncSession | None = None
        self._test_note = WriteTestNote(folder.write_test, log.event, clock)

    def config(self) -> Config:
        """Return the settings as last read, also those that name no usable Plex server.

        Raises:
            StashError: they could not be read.
        """
        return (self._parsed or self._read()).config

    def stored(self) -> Mapping[str, Any]:
        """Return the settings as Stash stores them, as last read.

        Raises:
            StashError: they could not be read.
        """
        if self._parsed is None:
            self._read()
        return self._stored

    def change(self, settings: Mapping[str, Any]) -> None:
        """Store these settings beside the others; the next look sees them.

        Raises:
            StashError: they could not be read or written.
        """
        self._secrets.add(settings.get("plex_token"))
        self.settings.merge(settings)
        self._parsed = None

    def current(self) -> SyncSession:
        """Return a session with the settings of this moment.

        Raises:
            ConfigFault: a required setting is missing or malformed.
            StashError: the settings could not be read.
        """
        parsed = self._read()
        if parsed.faults and parsed.config.enabled:
            raise ConfigFault("; ".join(parsed.faults))
        session = self._session
        if session is None or session.config != parsed.config or session.client.is_replaced:
            self.close()
            session = self._session = self._build(parsed.config)
        return session

    def _read(self) -> ParsedConfig:
        stored: dict[str, Any] = self.settings.read()
        if self._plex_url:
            stored["plex_url"] = self._plex_url
        parsed = parse_config(stored, os.environ)
        self._secrets.add(parsed.config.plex_token)
        self._log.show_steps = parsed.config.debug_logging
        self._obfuscator.on = parsed.config.obfuscate_paths
        self._log.obfuscate = self._obfuscator.apply if self._obfuscator.on else None
        self._tell(parsed)
        self._note_obfuscation()
        self._stored, self._parsed = stored, parsed
        return parsed

    def _tell(self, parsed: ParsedConfig) -> None:
        expires = (SHORT_LIVED,) if parsed.config.token_expires else ()
        for warning in (*parsed.warnings, *expires):
            if warning not in self._told:
                self._told.add(warning)
                self._log.event(Event.SETTING_WRONG, problem=warning)
        if parsed.unknown and parsed.unknown != self._unknown:
            self._log.step(f"Settings without effect: {', '.join(parsed.unknown)}")
        self._unknown = parsed.unknown

    def _note_obfuscation(self) -> None:
        """Keep a file while `obfuscate_paths` is on, for processes that have not read it yet."""
        path = self._folder.obfuscate_paths
        try:
            if self._obfuscator.on and not os.path.exists(path):
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
            elif not self._obfuscator.on and os.path.exists(path):
                os.unlink(path)
        except OSError as error:
            state = "The setting obfuscate_paths"
            self._log.event(Event.STATE_NOT_SAVED, state=state, error=error)

    def _build(self, config: Config) -> SyncSession:
        identity = device_headers(self._folder.device_id, self._log.event, self._clock())
        index = PathIndex(self._folder.library_database, self._obfuscator.note_paths)
        facts = ServerFacts(
            index.connection, lambda: (client.server_id, client.server_version), self._log.event
        )
        client = PlexClient(
            config.plex_url,
            config.plex_token,
            (config.connect_timeout, config.read_timeout),
            config.plex_verify_tls,
            identity,
            self._obfuscator.note_video,
            facts,
        )
        if config.plex_verify_tls is False and config.plex_url.startswith("https"):
            self._log.event(Event.TLS_UNVERIFIED)
        library = Library(client, index, config.plex_library, self._clock, self._log.event)
        learning = PathLearning(
            index.connection,
            lambda: library.server_id,
            self._scenes.walk_files,
            self._clock,
            self._log.event,
        )
        path_map = config.plex_unmatched_path_map
        matcher = PlexMatcher(index, path_map, library.sections_known, learning)
        uploads = UploadGate(self._clock, self._log.event)
        return SyncSession(
            config, client, library, matcher, learning, facts, self._test_note, uploads
        )

    def close(self) -> None:
        """Close what the current session has open; the next one is built anew."""
        if self._session is not None:
            self._session.client.close()
            self._session.library.index.close()
            self._session = None

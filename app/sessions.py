"""The session of the moment: settings at most 10 s old, and the Plex server that they name."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from plex.client import PlexClient
from plex.device_identity import device_headers
from plex.library import Library
from plex.matcher import PlexMatcher
from plex.path_index import PathIndex
from plex.path_learning import PathLearning
from plex.server_facts import ServerFacts
from shared.data_folder import DataFolder
from shared.log import Log
from shared.redaction import Secrets
from shared.settings_hint import read_hint
from shared.state_file import write_state
from stash.scenes import StashScenes
from stash.settings import StashSettings
from validation.config import SHORT_LIVED, Config, ParsedConfig, parse_config
from validation.obfuscation import Disguise
from worker.session import ConfigFault, SyncSession
from worker.write_test import WriteTestNote

SETTINGS_AGE = 10.0  # seconds; spec.md §1: a living worker sees changed settings within that time


@dataclass(slots=True)
class _Built:
    config: Config
    session: SyncSession


class CurrentSession:
    """Reads the settings again when they are old; makes a client anew when they or Plex changed.

    Args:
        settings: Stash's store of them.
        scenes: Stash's scenes, for learning how Plex names their folders.
        folder: where path index, device id and the hint for hooks lie.
        log: is told about bad settings, once each.
        secrets: learns the token before it is used.
        monotonic: a clock in seconds that never steps.
        clock: seconds since the epoch.
        disguise: what the log shows of paths and titles while `obfuscate_paths` is on.
        plex_url: of the command line: holds instead of the setting; empty for none.
    """

    def __init__(
        self,
        settings: StashSettings,
        scenes: StashScenes,
        folder: DataFolder,
        log: Log,
        secrets: Secrets,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
        disguise: Disguise | None = None,
        plex_url: str = "",
    ) -> None:
        self.settings = settings
        self._scenes = scenes
        self._folder = folder
        self._log = log
        self._secrets = secrets
        self._monotonic = monotonic
        self._clock = clock
        self._disguise = disguise or Disguise()
        self._plex_url = plex_url
        self._parsed: ParsedConfig | None = None
        self._read_at = float("-inf")
        self._stored: Mapping[str, Any] = {}
        self._told: set[str] = set()
        self._unknown: tuple[str, ...] = ()
        self._built: _Built | None = None
        self._test_note = WriteTestNote(folder.write_test, log.warning, clock)

    def config(self) -> Config:
        """Return the settings, also those that name no usable Plex server.

        Raises:
            StashError: they could not be read.
        """
        return self._current().config

    def stored(self) -> Mapping[str, Any]:
        """Return the settings as Stash stores them, as old as those of `config`.

        Raises:
            StashError: they could not be read.
        """
        self._current()
        return self._stored

    def change(self, settings: Mapping[str, Any]) -> None:
        """Store these settings beside the others; the next look sees them.

        Raises:
            StashError: they could not be read or written.
        """
        self._secrets.add(settings.get("plex_token"))
        self.settings.merge(settings)
        self._read_at = float("-inf")

    def current(self) -> SyncSession:
        """Return the session for the next batch (see `worker.session.SessionProvider`)."""
        parsed = self._current()
        if parsed.faults and parsed.config.enabled:
            raise ConfigFault("; ".join(parsed.faults))
        built = self._built
        if built is None or built.config != parsed.config or built.session.client.is_replaced:
            self.close()
            built = self._built = _Built(parsed.config, self._build(parsed.config))
        return built.session

    def _current(self) -> ParsedConfig:
        now = self._monotonic()
        if self._parsed is None or now - self._read_at >= SETTINGS_AGE:
            stored: dict[str, Any] = self.settings.read()
            if self._plex_url:
                stored["plex_url"] = self._plex_url
            parsed = parse_config(stored, os.environ)
            self._secrets.add(parsed.config.plex_token)
            self._log.show_steps = parsed.config.debug_logging
            self._disguise.on = parsed.config.obfuscate_paths
            self._log.disguise = self._disguise.apply if self._disguise.on else None
            self._tell(parsed)
            self._leave_hint(parsed.config)
            self._stored, self._parsed = stored, parsed
            self._read_at = now
        return self._parsed

    def _tell(self, parsed: ParsedConfig) -> None:
        expires = (SHORT_LIVED,) if parsed.config.token_expires else ()
        for warning in (*parsed.warnings, *expires):
            if warning not in self._told:
                self._told.add(warning)
                self._log.warning(f"Setting {warning}")
        if parsed.unknown and parsed.unknown != self._unknown:
            self._log.step(f"Settings without effect: {', '.join(parsed.unknown)}")
        self._unknown = parsed.unknown

    def _leave_hint(self, config: Config) -> None:
        """Tell hooks, which must not ask Stash, what they may know; no secret is part of it."""
        hint = {
            "enabled": config.enabled,
            "trigger_plex_scan": config.trigger_plex_scan,
            "obfuscate_paths": config.obfuscate_paths,
        }
        path = self._folder.settings_hint
        if read_hint(path) == hint:
            return
        try:
            write_state(path, hint)
        except OSError as error:
            self._log.warning(
                f"Hooks go by older settings, these could not be noted for them: {error}. Make the "
                "plugin's data folder writable, or free space on its disk"
            )

    def _build(self, config: Config) -> SyncSession:
        identity = device_headers(self._folder.device_id, self._log.warning, self._clock())
        client = PlexClient(
            config.plex_url,
            config.plex_token,
            (config.connect_timeout, config.read_timeout),
            config.plex_verify_tls,
            identity,
            self._disguise.note_video,
        )
        if config.plex_verify_tls is False and config.plex_url.startswith("https"):
            self._log.warning(
                "plex_verify_tls is off: anyone on the network may pose as Plex; set it to the "
                "file of Plex's certificate"
            )
        index = PathIndex(self._folder.library_database, self._disguise.note_paths)
        facts = ServerFacts(
            index.connection, lambda: (client.server_id, client.server_version), self._log.info
        )
        library = Library(client, index, config.plex_library, self._clock, self._log.warning)
        learning = PathLearning(
            index.connection,
            lambda: library.server_id,
            self._scenes.walk_files,
            self._clock,
            self._log.info,
        )
        path_map = config.plex_unmatched_path_map
        matcher = PlexMatcher(index, path_map, library.sections_known, learning)
        return SyncSession(config, client, library, matcher, learning, facts, self._test_note)

    def close(self) -> None:
        """Close what the current session has open; the next one is built anew."""
        if self._built is not None:
            self._built.session.client.close()
            self._built.session.library.index.close()
            self._built = None

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from plex.client import PlexClient
from plex.connection import device_headers
from plex.exceptions import PlexTemporaryError, PlexUploadsDown
from plex.library import Library
from plex.matcher import PlexMatcher
from plex.path_index import PathIndex
from plex.path_learning import PathLearning
from plex.server_facts import ServerFacts
from shared.data_folder import DataFolder
from shared.events import Event, Report
from shared.log import Log
from shared.state_file import read_state, write_state
from stash.scenes import StashScenes
from stash.settings import StashSettings
from validation.config import SHORT_LIVED, Config, ParsedConfig, parse_config
from validation.metadata import needed_details
from validation.pseudonyms import Obfuscator
from worker.sync.write_test import WriteTestNote

_IMAGE_WAITS = "the image waits, because Plex cannot store images at the moment"
UPLOADS_WAIT = 60.0


@dataclass(slots=True)
class UploadGate:
    """Postpones image uploads while Plex saves edits but fails to store images.

    After failed uploads to two items, only one upload per minute is tried.
    """

    clock: Callable[[], float]
    report: Report
    _failing: dict[str, set[int]] = field(default_factory=dict)
    _next_try: dict[str, float] = field(default_factory=dict)

    def check(self, kind: str, rating_key: int) -> None:
        if kind in self._next_try:
            seconds = self._next_try[kind] - self.clock()
            # Items without a failed upload are tried first.
            seconds += UPLOADS_WAIT * (rating_key in self._failing[kind])
            if 0 < seconds <= 2 * UPLOADS_WAIT:
                raise PlexUploadsDown(_IMAGE_WAITS, seconds)

    @contextmanager
    def observe(self, kind: str, rating_key: int) -> Iterator[None]:
        try:
            yield
        except PlexTemporaryError as error:
            if error.retry_after is not None:
                raise
            failing = self._failing.setdefault(kind, set())
            failing.add(rating_key)
            if len(failing) == 1:
                # The first failed upload may be the fault of its image, so only a second failure
                # logs a warning.
                error.reported = True
                raise
            if not self._next_try:
                self.report(Event.UPLOADS_DOWN, cause=error.cause)
            self._next_try[kind] = self.clock() + UPLOADS_WAIT
            raise PlexUploadsDown(_IMAGE_WAITS, UPLOADS_WAIT) from None
        self._failing.pop(kind, None)
        self._next_try.pop(kind, None)


@dataclass(frozen=True, slots=True)
class SyncSession:
    config: Config
    client: PlexClient
    library: Library
    matcher: PlexMatcher
    learning: PathLearning
    facts: ServerFacts
    write_test: WriteTestNote
    uploads: UploadGate

    def read_smart_collections(self, section_keys: Iterable[int], since: float) -> None:
        for key in {*section_keys}:
            if self.facts.smart_since.get(key, -1.0) < since:
                self.facts.smart_collections[key] = self.client.smart_collections(key)
                self.facts.smart_since[key] = since

    def look_for(self, files: Iterable[str]) -> bool:
        return self.library.look_for([self.matcher.to_plex(path) for path in files])


class ConfigFault(Exception):  # noqa: N818 - a state of the settings, not an error of the program
    """The settings name no usable Plex server."""


@dataclass
class CurrentSession:
    settings: StashSettings
    scenes: StashScenes
    folder: DataFolder
    log: Log
    clock: Callable[[], float] = time.time
    obfuscator: Obfuscator = field(default_factory=Obfuscator)
    plex_url: str = ""

    def __post_init__(self) -> None:
        self._instead: Mapping[str, Any] = {"plex_url": self.plex_url} if self.plex_url else {}
        self._parsed: ParsedConfig | None = None
        self._stored: Mapping[str, Any] = {}
        self._reported: set[str] | None = None
        self._unknown: tuple[str, ...] = ()
        self._session: SyncSession | None = None
        self._test_note = WriteTestNote(self.folder.write_test, self.log.event, self.clock)

    def config(self) -> Config:
        return (self._parsed or self._read()).config

    def stored(self) -> Mapping[str, Any]:
        if self._parsed is None:
            self._read()
        return self._stored

    def change(self, settings: Mapping[str, Any]) -> None:
        self.log.secrets.add(settings.get("plex_token"))
        self.settings.merge(settings)
        self._parsed = None

    def try_out(self, settings: Mapping[str, Any]) -> None:
        self.log.secrets.add(settings.get("plex_token"))
        self._instead = {**self._instead, **settings}
        self._parsed = None

    def current(self, *, reads: bool = True) -> SyncSession:
        parsed = self._read() if reads or self._parsed is None else self._parsed
        if parsed.faults and parsed.config.enabled:
            raise ConfigFault("; ".join(parsed.faults))
        session = self._session
        if session is None or session.config != parsed.config or session.client.is_replaced:
            self.close()
            session = self._session = self._build(parsed.config)
        return session

    def _read(self) -> ParsedConfig:
        stored = {**self.settings.read(), **self._instead}
        parsed = parse_config(stored, os.environ)
        self.log.secrets.add(parsed.config.plex_token)
        self.log.show_steps = parsed.config.debug_logging
        self.obfuscator.on = parsed.config.obfuscate_paths
        self.log.obfuscate = self.obfuscator.apply if self.obfuscator.on else None
        self._report_faults(parsed)
        self._note_obfuscation()
        self.scenes.details = needed_details(parsed.config)
        self._stored, self._parsed = stored, parsed
        return parsed

    def _report_faults(self, parsed: ParsedConfig) -> None:
        if parsed.unknown and parsed.unknown != self._unknown:
            self.log.step(f"Unknown settings, which have no effect: {', '.join(parsed.unknown)}")
        self._unknown = parsed.unknown
        path, report = self.folder.reported_settings, self.log.event
        texts = [*parsed.warnings, *((SHORT_LIVED,) if parsed.config.token_expires else ())]
        # A warning may contain a secret, so only its digest is stored.
        warnings = {
            sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]: text for text in texts
        }
        if self._reported is None:
            stored = read_state(path, report, self.clock()).get("warnings")
            self._reported = set(map(str, stored)) if isinstance(stored, list) else set()
        for digest in warnings.keys() - self._reported:
            report(Event.SETTING_WRONG, problem=warnings[digest])
        if warnings.keys() == self._reported:
            return
        self._reported = set(warnings)
        try:
            write_state(path, {"warnings": sorted(warnings)})
        except OSError as error:
            report(Event.STATE_NOT_SAVED, state="the reported settings", error=error)

    def _note_obfuscation(self) -> None:
        path = self.folder.obfuscate_paths
        try:
            if self.obfuscator.on and not os.path.exists(path):
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
            elif not self.obfuscator.on and os.path.exists(path):
                os.unlink(path)
        except OSError as error:
            state = "the setting obfuscate_paths"
            self.log.event(Event.STATE_NOT_SAVED, state=state, error=error)

    def _build(self, config: Config) -> SyncSession:
        clock, report = self.clock, self.log.event
        index = PathIndex(self.folder.library_database, self.obfuscator.note_paths)
        facts = ServerFacts(
            index.database, lambda: (client.server_id, client.server_version), report
        )
        client = PlexClient(
            config.plex_url,
            config.plex_token,
            (config.connect_timeout, config.read_timeout),
            config.plex_verify_tls,
            device_headers(self.folder.device_id, report, clock()),
            self.obfuscator.note_video,
            facts,
        )
        if config.plex_verify_tls is False and config.plex_url.startswith("https"):
            report(Event.TLS_UNVERIFIED)
        library = Library(client, index, config.plex_library, clock, report)
        learning = PathLearning(
            index.database, lambda: library.server_id, self.scenes.walk_files, clock, report
        )
        path_map = config.plex_unmatched_path_map
        matcher = PlexMatcher(index, path_map, library.sections_known, learning)
        note, uploads = self._test_note, UploadGate(clock, report)
        return SyncSession(config, client, library, matcher, learning, facts, note, uploads)

    def close(self) -> None:
        if self._session is not None:
            self._session.client.close()
            self._session.library.index.close()
            self._session = None

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import Enum

from plex.client import READ_BATCH, ItemsRead, PlexClient
from plex.exceptions import (
    PlexError,
    PlexLibraryError,
    PlexNotFound,
    PlexPermanentError,
    PlexTemporaryError,
)
from plex.items import MOVIE, LibraryPart, Place, Section
from plex.library_choice import choose_libraries
from plex.listing import (
    LISTING_PAGE,
    CannotTell,
    OrderIgnored,
    UpdateCursor,
    find_named,
    list_updated,
    locations_containing,
    searchable_part,
)
from plex.path_index import Listing, PathIndex
from plex.unreadable import UnreadableItems
from plex.walk import Walk
from shared.events import Report, unreported
from validation.paths import folded_name

REFRESH_INTERVAL = 60.0
SINGLE_LOOKS = 3
LIBRARIES_ASKED = 3
# Plex's change counters are undocumented, so an unchanged counter is trusted only ten minutes.
TRUST_CHANGE_MARK = 600.0
LISTING_AGE, LONGEST_LISTING_AGE = 3600.0, 86_400.0
SMALL = 2 * LISTING_PAGE
_NEVER = float("-inf")


class Refresh(Enum):
    NOTHING = "nothing"
    CHANGES = "changes"
    WHOLE = "whole"


@contextmanager
def _faults_of_the_address() -> Iterator[None]:
    try:
        yield
    except (PlexNotFound, PlexPermanentError) as error:
        raise PlexLibraryError(
            f"{error}; if plex_url is the address of a proxy, set it to Plex's own address"
        ) from None


@dataclass
class Library:
    client: PlexClient
    index: PathIndex
    names: str
    clock: Callable[[], float]
    report: Report = unreported
    known: list[Section] = field(default_factory=list)
    listings: int = 0
    looked_at: float = _NEVER
    _configured: list[Section] = field(default_factory=list)
    _is_prepared: bool = False
    _refreshed_at: float = _NEVER
    _listed_at: float = _NEVER
    _sections_at: float = _NEVER
    _polled_at: float = _NEVER
    _polled: dict[int, Listing] = field(default_factory=dict)
    _confirmed_at: float = _NEVER
    _asked_singly: int = 0

    def __post_init__(self) -> None:
        self._unreadable = UnreadableItems(self.client, self.index, self.clock, self.report)

    @property
    def server_id(self) -> str:
        return self.client.server_id

    def read_items(self, rating_keys: Sequence[int], batch: int = READ_BATCH) -> ItemsRead:
        return self._unreadable.read(rating_keys, batch)

    def sections(self) -> list[Section]:
        self._sections_at = self.clock()
        self.known = self.client.libraries()
        choice = choose_libraries(self.names, self.known)
        if choice.problem:
            raise PlexLibraryError(choice.problem)
        self._configured = choice.sections
        return self._configured

    def sections_known(self) -> list[Section]:
        return [section for section in self.known if section.kind == MOVIE]

    @_faults_of_the_address()
    def prepare(self) -> None:
        self._prepare()
        if self.client.is_replaced or not _is_recent(self._confirmed_at, self.clock()):
            self.client.confirm()
            self._confirmed_at = self.clock()

    def _prepare(self) -> None:
        if self._is_prepared:
            return
        begun = self.clock()
        self.index.use_server(self.server_id)
        sections = self.sections()
        self.index.drop_sections_except(section.key for section in sections)
        unknown = [section for section in sections if self.index.last_listing(section.key) is None]
        for section in unknown:
            self._list(section)
        if len(unknown) == len(sections):
            self._refreshed_at = self._listed_at = self.clock()
            self.looked_at = begun
        self._confirmed_at = self.clock()
        self._is_prepared = True

    @_faults_of_the_address()
    def look_for(self, paths: Sequence[str]) -> bool:
        """Search Plex for files. Return False if the last search was less than a minute ago."""
        if not self._is_due(self._refreshed_at):
            return False
        self._prepare()
        wanted = list(dict.fromkeys(paths))
        few = 0 < len(wanted) <= SINGLE_LOOKS - self._asked_singly and self.index.has_listing()
        if few:
            self._asked_singly += len(wanted)
        if not few or not all(map(self._look_up, wanted)):
            self._refresh(whole=False)
        return True

    @_faults_of_the_address()
    def refresh(self) -> bool:
        if not self._is_due(self._listed_at):
            return False
        self._prepare()
        self._refresh(whole=True)
        return True

    def _is_due(self, last: float) -> bool:
        return not _is_recent(last, self.clock()) or not self.index.has_listing()

    def _look_up(self, path: str) -> bool:
        """Search Plex for a file by its name, and add the found files to the index.

        Return whether the search is conclusive, also if it found no file.
        """
        chunk = searchable_part(path)
        if not chunk:
            return False
        pairs = locations_containing(path, self._configured)
        holders = list(dict.fromkeys(section for section, _ in pairs))
        asked = holders or self._configured[:LIBRARIES_ASKED]
        found: list[LibraryPart] = []
        answered = bool(holders) or asked == self._configured
        for section in asked:
            parts = find_named(self.client.read, section, chunk)
            if parts is None:
                if self._unreadable.add_left_out(section, path):
                    self.listings += 1
                    return True
                answered = False
                continue
            found += parts
            self._add(section, [parts])
        if any(folded_name(part.path) == folded_name(path) for part in found):
            return True
        # Plex may store `é` as two characters, and then a search for `é` does not find the name.
        return answered and chunk.isascii()

    def poll_new_items(self) -> None:
        now = self.clock()
        if _is_recent(self._polled_at, now):
            return
        self._polled_at = now
        with suppress(PlexError):
            if not _is_recent(self._sections_at, now):
                self.sections()
        for section in self._configured:
            with suppress(PlexError):
                self._poll(section, now)

    def _poll(self, section: Section, now: float) -> None:
        last, polled = self.index.last_listing(section.key), self._polled.get(section.key)
        if last is not None and polled is not None and polled.looked_at >= last.looked_at:
            last = polled
        if next_refresh(last, section.change_mark, now, whole=False) is Refresh.NOTHING:
            return
        if last is None or not last.place.rows:
            self._list(section)
        elif last.place.last_key:
            try:
                self._polled[section.key] = self._list_additions(section, last)
            except OrderIgnored:
                self._polled[section.key] = replace(
                    last, looked_at=now, place=Place(last.place.rows)
                )

    def _list_additions(self, section: Section, last: Listing) -> Listing:
        looked_at, mark = self.clock(), section.change_mark
        walk = Walk(self.client.read, section, last.place, self._unreadable.holes(section))
        self._add(section, walk)
        self._unreadable.keep_holes(section, walk.holes, last.place.rows)
        return replace(last, looked_at=looked_at, looked_mark=mark, place=walk.place)

    def _add(self, section: Section, pages: Iterable[list[LibraryPart]]) -> None:
        for page in pages:
            if self.index.add(section.key, page):
                self.listings += 1

    def _refresh(self, *, whole: bool) -> None:
        now = self.clock()
        for section in self.sections():
            last = self.index.last_listing(section.key)
            needed = next_refresh(last, section.change_mark, now, whole=whole)
            if needed is Refresh.CHANGES and last is not None:
                with suppress(CannotTell):
                    self._list_changes(section, last)
                    continue
            if needed is not Refresh.NOTHING:
                self._list(section)
        self._refreshed_at = self.looked_at = now
        if whole:
            self._listed_at = now
        self._asked_singly = 0

    def _list(self, section: Section) -> None:
        seen = UpdateCursor(self.clock)
        was_listed = self.index.last_listing(section.key) is not None
        known = self._unreadable.holes(section) if was_listed else []
        walk = Walk(self.client.read, section, holes=known)
        mark = section.change_mark
        self.index.replace_section(section.key, seen.of(walk), mark, seen.begun, lambda: walk.gaps)
        self.index.note_refresh(section.key, seen.begun, mark, walk.place, seen.cursor)
        self.listings += 1
        self._unreadable.keep_holes(section, walk.holes, 0)

    def _list_changes(self, section: Section, last: Listing) -> None:
        seen = UpdateCursor(self.clock, last.cursor)
        place, cursor = self._list_additions(section, last).place, 0
        try:
            if last.cursor:
                at_most = last.place.rows // 2
                pages = list_updated(self.client.read, section, last.cursor, at_most)
                self._add(section, seen.of(pages))
                cursor = seen.cursor
        except PlexTemporaryError as error:
            if not error.may_be_one_item:
                raise
            # `list_updated` fails in this library, so the next listing must not call it.
            if not self._unreadable.holes(section):
                raise CannotTell from None
        self.index.note_refresh(section.key, seen.begun, section.change_mark, place, cursor)


def _is_recent(moment: float, now: float) -> bool:
    # If the clock was set back, `moment` is in the future and does not count as recent.
    return 0 <= now - moment < REFRESH_INTERVAL


def next_refresh(last: Listing | None, change_mark: str, now: float, *, whole: bool) -> Refresh:
    """Return how much of a library to list. Only a `whole` listing detects removed files."""
    if last is None:
        return Refresh.WHOLE
    listing_age = now - last.listed_at
    if whole:
        fresh = change_mark == last.change_mark and 0 <= listing_age < TRUST_CHANGE_MARK
        return Refresh.NOTHING if fresh else Refresh.WHOLE
    if change_mark == last.looked_mark and 0 <= now - last.looked_at < TRUST_CHANGE_MARK:
        return Refresh.NOTHING
    allowed = LONGEST_LISTING_AGE if change_mark == last.change_mark else LISTING_AGE
    if last.place.rows <= SMALL or not last.place.last_key or not 0 <= listing_age < allowed:
        return Refresh.WHOLE
    return Refresh.CHANGES

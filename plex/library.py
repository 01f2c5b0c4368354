"""The configured libraries of one server, and the path index kept in step with them."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from plex.client import PlexClient
from plex.exceptions import (
    PlexError,
    PlexLibraryError,
    PlexNotFound,
    PlexPermanentError,
    PlexTemporaryError,
)
from plex.freshness import Look, next_look
from plex.item_reader import READ_BATCH, ItemsRead
from plex.items import MOVIE, LibraryPart, Place, Section
from plex.library_choice import choose_libraries
from plex.listing import CannotTell, OrderIgnored
from plex.look_up import chunk_of, holders_of
from plex.path_index import Listing, PathIndex
from plex.unreadable import UnreadableItems
from shared.events import Report, unreported
from validation.paths import folded_name

IDENTITY_AGE = 60.0  # seconds; nobody sets a Plex up anew, its libraries scanned, within that time
REFRESH_INTERVAL = 60.0  # seconds; design.md §5: one refresh for missing paths in that time
SINGLE_LOOKS = 3  # files that are asked for by their names before the libraries are looked at
LIBRARIES_ASKED = 3  # for a file that lies in no library's folders
# Plex's clock and ours differ; a stamp that lies further ahead was set by hand and says nothing.
_AHEAD = 86_400.0


class Library:
    """Keeps the path index as fresh as it has to be, with as few listings as possible.

    Args:
        client: the server.
        index: its files.
        names: the libraries to use, as the setting has them; empty means all of videos.
        clock: seconds since the epoch.
        report: gets an event about an item at which Plex fails.

    Attributes:
        index: which item holds which file.
        listings: how many times Plex was found to have news for the index; when this number stands
            still, looking a path up in the index again is useless.
        looked_at: when all libraries were last listed or asked for changes, in seconds since the
            epoch: what the index lacks and is older than that, Plex did not have.

    Raises (all methods):
        PlexError: Plex could not be asked, or a listing broke off: nothing may be concluded about
            what was not seen.
    """

    def __init__(
        self,
        client: PlexClient,
        index: PathIndex,
        names: str,
        clock: Callable[[], float],
        report: Report = unreported,
    ) -> None:
        self._client = client
        self._names = names
        self._clock = clock
        self._all: list[Section] = []
        self._others: list[Section] = []
        self._prepared = False
        self._refreshed_at = float("-inf")
        self._listed_at = float("-inf")
        self._sections_at = float("-inf")
        self._noticed_at = float("-inf")
        self._noticed: dict[int, Listing] = {}
        self._confirmed_at = float("-inf")
        self._asked_singly = 0
        self._known: list[Section] = []
        self.listings = 0
        self.looked_at = float("-inf")
        self.index = index
        self._unreadable = UnreadableItems(client, index, clock, report)

    @property
    def server_id(self) -> str:
        """The server's identity, under which the sync log remembers its items."""
        return self._client.server_id

    def read_items(self, rating_keys: Sequence[int], batch: int = READ_BATCH) -> ItemsRead:
        """Read items, also when Plex fails at some (see `plex.unreadable.UnreadableItems.read`)."""
        return self._unreadable.read(rating_keys, batch)

    def sections(self) -> list[Section]:
        """Ask which libraries are in use."""
        return self._configured_sections()

    def sections_known(self) -> list[Section]:
        """Return all libraries of videos, in use or not, as last seen: without a request."""
        return list(self._all)

    def other_libraries_known(self) -> list[Section]:
        """Return the libraries of shows and photos, as last seen: without a request."""
        return list(self._others)

    def prepare(self) -> None:
        """Make sure that it is the same server, and every configured library was listed once.

        Raises:
            PlexReplaced: another server answers by now, of which nothing here holds.
        """
        with _faults_of_the_address():
            self._prepare()
            confirmed = 0 <= self._clock() - self._confirmed_at < IDENTITY_AGE
            if self._client.is_replaced or not confirmed:
                self._client.confirm()
                self._confirmed_at = self._clock()

    def _prepare(self) -> None:
        if self._prepared:
            return
        begun = self._clock()
        self.index.use_server(self.server_id)
        sections = self._configured_sections()
        self.index.drop_sections_except(section.key for section in sections)
        unknown = [one for one in sections if self.index.last_listing(one.key) is None]
        for section in unknown:
            self._list(section)
        if len(unknown) == len(sections):
            self._refreshed_at = self._listed_at = self._clock()
            self.looked_at = begun
        self._confirmed_at = self._clock()
        self._prepared = True

    def look_for(self, paths: Sequence[str]) -> bool:
        """Look for files that the index does not have, with few requests however many they are.

        A few are asked for by their names; when there are more, when that gave no answer, or every
        few times, the libraries are asked for what changed. After that nothing is asked for the
        length of the refresh interval.

        Args:
            paths: as Plex would name them, as far as anybody knows.

        Returns:
            Whether Plex was asked. True: what the index does not have now was not found, and
            `listings` tells whether there is any news at all. False: it was asked a moment ago,
            and files that came since are not known.
        """
        with _faults_of_the_address():
            if not self._is_due(self._refreshed_at):
                return False
            self._prepare()
            wanted = list(dict.fromkeys(paths))
            few = 0 < len(wanted) <= SINGLE_LOOKS - self._asked_singly and self.index.has_listing()
            if not (few and self._look_up(wanted)):
                self._refresh(whole=False)
        return True

    def refresh(self) -> bool:
        """List whole what may have changed, so that the index loses what Plex has lost.

        A look for files a moment ago is no reason not to: it may have shown only what was new.

        Returns:
            Whether the libraries were looked at; False within the refresh interval after they last
            were for this.
        """
        with _faults_of_the_address():
            if not self._is_due(self._listed_at):
                return False
            self._prepare()
            self._refresh(whole=True)
        return True

    def notice_additions(self) -> None:
        """Take in what was added to the libraries, once per refresh interval and with few requests.

        An item that comes later for a scene that has one is missed by nobody, so nobody looks for
        it. What was added is all that is asked for: the stamps of changes are moved by our own
        edits. Where Plex cannot tell, nothing happens: the next look for files, or refresh, finds
        the same. The library is prepared.
        """
        now = self._clock()
        if _is_recent(self._noticed_at, now):
            return
        self._noticed_at = now
        with suppress(PlexError):
            if not _is_recent(self._sections_at, now):
                self._configured_sections()
        for section in self._known:
            with suppress(PlexError):
                self._notice(section, now)

    def _notice(self, section: Section, now: float) -> None:
        last, noticed = self.index.last_listing(section.key), self._noticed.get(section.key)
        if last is not None and noticed is not None and noticed.looked_at >= last.looked_at:
            last = noticed
        if next_look(last, section.change_mark, now, whole=False) is Look.NOTHING:
            return
        if last is None or not last.items:
            self._list(section)
        elif last.last_key:
            try:
                self._noticed[section.key] = self._list_additions(section, last)
            except OrderIgnored:
                # Nothing is asked again until the library was listed or asked otherwise.
                self._noticed[section.key] = replace(last, looked_at=now, last_key=0)

    def _list_additions(self, section: Section, last: Listing) -> Listing:
        """Take in what was added since the last look; return how the library is known now.

        Raises:
            OrderIgnored: Plex does not sort, so nobody can tell.
        """
        looked_at = self._clock()
        walk = self._client.list_parts(
            section, Place(last.items, last.last_key), self._unreadable.holes(section)
        )
        self._take_in(section, walk)
        self._unreadable.keep_holes(section, walk.holes, last.items)
        return replace(
            last,
            looked_at=looked_at,
            looked_mark=section.change_mark,
            items=walk.place.rows,
            last_key=walk.place.last_key,
        )

    def _take_in(self, section: Section, pages: Iterable[list[LibraryPart]]) -> None:
        for page in pages:
            if self.index.add(section.key, page):
                self.listings += 1

    def _is_due(self, last: float) -> bool:
        return not _is_recent(last, self._clock()) or not self.index.has_listing()

    def _look_up(self, paths: Sequence[str]) -> bool:
        """Ask for each by its name; False when Plex gave no answer for one of them."""
        self._asked_singly += len(paths)
        answers = [self._ask_for(path) for path in paths]
        return all(answers)

    def _ask_for(self, path: str) -> bool:
        chunk = chunk_of(path)
        if not chunk:
            return False
        holders = holders_of(path, self._known)
        asked = holders or self._known[:LIBRARIES_ASKED]
        found: list[LibraryPart] = []
        answered = bool(holders) or asked == self._known
        for section in asked:
            parts = self._client.find_parts(section, chunk)
            if parts is None:
                if self._unreadable.take_for(section, path):
                    self.listings += 1
                    return True
                answered = False
                continue
            found += parts
            if self.index.add(section.key, parts):
                self.listings += 1
        if any(folded_name(part.path) == folded_name(path) for part in found):
            return True
        # The bytes of other letters depend on the file system: not finding those proves nothing.
        return answered and chunk.isascii()

    def _refresh(self, *, whole: bool) -> None:
        now = self._clock()
        for section in self._configured_sections():
            last = self.index.last_listing(section.key)
            look = next_look(last, section.change_mark, now, whole=whole)
            if look is Look.WHOLE or (
                look is Look.CHANGES and last is not None and not self._list_changes(section, last)
            ):
                self._list(section)
        self._refreshed_at = self.looked_at = now
        if whole:
            self._listed_at = now
        self._asked_singly = 0

    def _list(self, section: Section) -> None:
        seen = _Stamps(self._clock)
        was_listed = self.index.last_listing(section.key) is not None
        known = self._unreadable.holes(section) if was_listed else []
        walk = self._client.list_parts(section, holes=known)
        self.index.replace_section(
            section.key, seen.of(walk), section.change_mark, seen.begun, lambda: walk.gaps
        )
        self.index.note_look(section.key, seen.begun, section.change_mark, walk.place, seen.cursor)
        self.listings += 1
        self._unreadable.keep_holes(section, walk.holes, 0)

    def _list_changes(self, section: Section, last: Listing) -> bool:
        """Take in what changed since the last look; False when Plex cannot tell."""
        seen = _Stamps(self._clock, last.cursor)
        cursor = 0
        try:
            now = self._list_additions(section, last)
            if last.cursor:
                pages = self._client.list_updated(section, last.cursor, last.items // 2)
                self._take_in(section, seen.of(pages))
                cursor = seen.cursor
        except CannotTell:
            return False
        except PlexTemporaryError as error:
            if not error.may_be_one_item:
                raise
            # An item at which Plex fails may be among the newest. Until the next whole listing,
            # only what was added is asked for.
            if not self._unreadable.holes(section):
                return False
        place = Place(now.items, now.last_key)
        self.index.note_look(section.key, seen.begun, section.change_mark, place, cursor)
        return True

    def _configured_sections(self) -> list[Section]:
        self._sections_at = self._clock()
        libraries = self._client.libraries()
        self._all = [section for section in libraries if section.kind == MOVIE]
        self._others = [section for section in libraries if section.kind != MOVIE]
        self._known = self._chosen(self._all)
        return self._known

    def _chosen(self, sections: list[Section]) -> list[Section]:
        choice = choose_libraries(self._names, sections, self._others)
        if choice.problem:
            raise PlexLibraryError(choice.problem)
        return choice.sections


def _is_recent(moment: float, now: float) -> bool:
    # A clock set back must not block the next look for longer than the interval.
    return 0 <= now - moment < REFRESH_INTERVAL


class _Stamps:
    """Finds the moment, by Plex's clock, up to which a listing shows every change.

    What changes while it runs may be missing from a page that was read before, so the time that it
    takes is subtracted from the latest stamp that it shows.
    """

    def __init__(self, clock: Callable[[], float], at_least: int = 0) -> None:
        self._clock = clock
        self._newest = at_least
        self._at_least = at_least
        self._took = 0.0
        self.begun = clock()

    @property
    def cursor(self) -> int:
        return max(self._at_least, self._newest - math.ceil(self._took))

    def of(self, pages: Iterable[list[LibraryPart]]) -> Iterator[list[LibraryPart]]:
        """Pass the pages on, having looked at their stamps."""
        latest = self.begun + _AHEAD
        for page in pages:
            stamps = (part.changed_at for part in page if part.changed_at <= latest)
            self._newest = max(self._newest, max(stamps, default=0))
            yield page
        self._took = max(0.0, self._clock() - self.begun)


@contextmanager
def _faults_of_the_address() -> Iterator[None]:
    """Let no job answer for what is wrong with the library as a whole.

    A refusal of the list of libraries, or of a listing, is none of any one scene: what answers at
    the address is a proxy in front of Plex, or no Plex.
    """
    try:
        yield
    except (PlexNotFound, PlexPermanentError) as error:
        message = f"{error}; is plex_url the address of Plex itself?"
        raise PlexLibraryError(message) from None

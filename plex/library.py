"""The configured libraries of one server, and the path index kept in step with them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from plex.client import PlexClient
from plex.exceptions import PlexLibraryError, PlexNotFound, PlexPermanentError
from plex.items import Section
from plex.path_index import PathIndex

REFRESH_INTERVAL = 60.0  # seconds; design.md §5: one refresh for missing paths in that time
# What bumps Plex's change counters is unproven (plex-protocol.md §2.5), so an unchanged one is
# believed for this long only.
TRUST_CHANGE_MARK = 600.0


class Library:
    """Keeps the path index as fresh as it has to be, with as few listings as possible.

    Args:
        client: the server.
        index: its files.
        names: the libraries to use, case-insensitively; empty means all of videos.
        clock: seconds since the epoch.

    Attributes:
        index: which item holds which file.
        listings: how many times this object has listed a library; tells that the index is news.

    Raises (all methods):
        PlexError: Plex could not be asked, or a listing broke off: nothing may be concluded about
            what was not seen.
    """

    def __init__(
        self,
        client: PlexClient,
        index: PathIndex,
        names: Sequence[str],
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._names = {name.casefold(): name for name in names}
        self._clock = clock
        self._prepared = False
        self._looked_at = float("-inf")
        self.listings = 0
        self.index = index

    @property
    def server_id(self) -> str:
        """The server's identity, under which the sync log remembers its items."""
        return self._client.server_id

    def sections(self) -> list[Section]:
        """Return the libraries in use."""
        return self._configured_sections()

    def prepare(self) -> None:
        """Make sure that every configured library was listed at least once."""
        with _faults_of_the_address():
            self._prepare()

    def _prepare(self) -> None:
        if self._prepared:
            return
        self.index.use_server(self.server_id)
        sections = self._configured_sections()
        self.index.drop_sections_except(section.key for section in sections)
        unknown = [one for one in sections if self.index.last_listing(one.key) is None]
        for section in unknown:
            self._list(section)
        if len(unknown) == len(sections):
            self._looked_at = self._clock()
        self._prepared = True

    def refresh(self) -> bool:
        """List again what may have changed, because a path was not found.

        Returns:
            Whether the libraries were looked at; False within the refresh interval.
        """
        with _faults_of_the_address():
            return self._refresh()

    def _refresh(self) -> bool:
        now = self._clock()
        # A clock set back must not block the next look for longer than the interval.
        if 0 <= now - self._looked_at < REFRESH_INTERVAL and self.index.has_listing():
            return False
        self._prepare()
        for section in self._configured_sections():
            if self._may_have_changed(section, now):
                self._list(section)
        self._looked_at = now
        return True

    def _may_have_changed(self, section: Section, now: float) -> bool:
        last = self.index.last_listing(section.key)
        if last is None:
            return True
        listed_at, change_mark = last
        return change_mark != section.change_mark or not 0 <= now - listed_at < TRUST_CHANGE_MARK

    def _list(self, section: Section) -> None:
        pages = self._client.list_parts(section)
        self.index.replace_section(section.key, pages, section.change_mark, self._clock())
        self.listings += 1

    def _configured_sections(self) -> list[Section]:
        sections = self._client.sections()
        if not self._names:
            return sections
        by_name = {one.title.strip().casefold(): one for one in sections}
        unknown = [name for folded, name in self._names.items() if folded not in by_name]
        if unknown:
            known = "', '".join(one.title for one in sections)
            wanted = "', '".join(unknown)
            message = (
                f"Plex has no video library '{wanted}'; it has '{known}': correct plex_library"
            )
            raise PlexLibraryError(message)
        return [one for one in sections if one.title.strip().casefold() in self._names]


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

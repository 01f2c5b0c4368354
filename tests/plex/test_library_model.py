"""Whatever happens in Plex, the index has what was looked for, and a refresh makes it the truth."""

import os
import tempfile
from pathlib import Path
from unittest import mock

from hypothesis import settings, strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule

from plex import library as library_module, walk
from plex.library import REFRESH_INTERVAL, SINGLE_LOOKS, Library
from plex.path_index import PathIndex
from simulators.plex import FakePlex, Switches
from tests.plex.support import client_of, keys_of
from tests.sync_queue.support import Clock

FOLDERS = ("/a", "/a/inner", "/b", "/unknown")
NAMES = st.integers(0, 9).map(lambda n: f"{n}, Scène{n}.mp4" if n % 3 else f"scene {n}.mp4")
DAY = 86_400
LOOKS = 2 * (SINGLE_LOOKS + 1)
LOOKS_OF_A_LISTING = int(library_module.LISTING_AGE / REFRESH_INTERVAL) + 1


class LibraryMachine(RuleBasedStateMachine):
    paths = Bundle("paths")

    @initialize(
        skew=st.sampled_from([0, -7200, 7200]),
        ignores_file=st.booleans(),
        ignored_sorts=st.frozensets(st.sampled_from(["id", "updatedAt"])),
        ignores_case=st.booleans(),
    )
    def start(
        self, skew: int, ignores_file: bool, ignored_sorts: frozenset[str], ignores_case: bool
    ) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.small = mock.patch.multiple(library_module, SMALL=4)
        self.pages = mock.patch.multiple(walk, LISTING_PAGE=3)
        self.small.start()
        self.pages.start()
        self.clock = Clock()
        switches = Switches(
            ignores_file_filter=ignores_file,
            ignored_sorts=ignored_sorts,
            string_filters_ignore_case=ignores_case,
        )
        self.plex = FakePlex(clock=lambda: self.clock.now + skew, switches=switches).start()
        self.sections = [
            self.plex.add_section("A", ["/a", "/unknown"]),
            self.plex.add_section("B", ["/b", "/a/inner"]),
        ]
        self.client = client_of(self.plex)
        self.index = PathIndex(str(Path(self.folder.name) / "library.db"))
        self.library = Library(self.client, self.index, "", self.clock)
        for n in range(8):
            self._add(f"/b/old{n}.mp4", -DAY)
        self.library.prepare()
        self.refreshed_at = self.clock.now

    def teardown(self) -> None:
        if not hasattr(self, "plex"):
            return
        self.index.close()
        self.client.close()
        self.plex.close()
        self.small.stop()
        self.pages.stop()
        self.folder.cleanup()

    def _add(self, path: str, age: int = 0) -> None:
        section = self.sections[path.startswith(("/b", "/a/inner"))]
        at = int(self.clock.now) + age
        self.plex.add_item(section, path, added_at=at, updated_at=at)

    def _truth(self) -> dict[str, set[int]]:
        truth: dict[str, set[int]] = {}
        for item in self.plex.items():
            for path in item.files:
                truth.setdefault(path, set()).add(item.rating_key)
        return truth

    def _indexed(self, path: str) -> set[int]:
        return {part.rating_key for part in self.index.find_exact(path)}

    # what happens in Plex

    @rule(target=paths, folder=st.sampled_from(FOLDERS), name=NAMES)
    def a_file_is_added(self, folder: str, name: str) -> str:
        if not self.plex.find(f"{folder}/{name}"):
            self._add(f"{folder}/{name}")
        return f"{folder}/{name}"

    @rule(target=paths, folder=st.sampled_from(FOLDERS), name=NAMES)
    def a_file_comes_with_old_time_stamps(self, folder: str, name: str) -> str:
        if not self.plex.find(f"{folder}/{name}"):
            self._add(f"{folder}/{name}", -30 * DAY)
        return f"{folder}/{name}"

    @rule(target=paths, old=paths, name=NAMES)
    def a_file_is_renamed(self, old: str, name: str) -> str:
        new = f"{old.rsplit('/', 1)[0]}/{name}"
        if self.plex.find(old) and not self.plex.find(new):
            self.plex.move_file(old, new)
        return new

    @rule(path=paths)
    def a_file_is_removed(self, path: str) -> None:
        item = self.plex.find(path)
        if item is not None:
            self.plex.remove_item(item.rating_key)

    @rule(path=paths)
    def an_item_is_edited(self, path: str) -> None:
        item = self.plex.find(path)
        if item is not None:
            self.plex.edit(item.rating_key, title=f"at {self.clock.now}")

    @rule(seconds=st.sampled_from([1, 30, REFRESH_INTERVAL, 600, 3600, 2 * DAY]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    # what we do

    @rule(path=paths, more=st.lists(paths, max_size=4))
    def files_are_looked_for(self, path: str, more: list[str]) -> None:
        asked = [path, *more]
        before, news = len(self.plex.log), self.library.listings
        known = [self._indexed(one) for one in asked]
        looked = self.library.look_for(asked)
        assert looked == (len(self.plex.log) > before)
        if self.library.listings == news:
            assert [self._indexed(one) for one in asked] == known
        if looked:
            truth = self._truth()
            assert all(self._indexed(one) >= truth.get(one, set()) for one in asked)

    @rule(path=paths)
    def a_file_that_waits_is_found_by_itself(self, path: str) -> None:
        """A look a minute: after a few of them it is there, whatever its time stamps.

        Where Plex finds no file by its name, old time stamps wait for the next whole listing.
        """
        unaskable = self.plex.switches.ignores_file_filter
        for _ in range(LOOKS_OF_A_LISTING if unaskable else LOOKS):
            self.clock.now += REFRESH_INTERVAL
            assert self.library.look_for([path])
        assert self._indexed(path) >= self._truth().get(path, set())

    @rule(waits=st.booleans())
    def a_refresh_makes_it_the_truth(self, waits: bool) -> None:
        self.clock.now += REFRESH_INTERVAL if waits else 0
        recent = self.clock.now - self.refreshed_at < REFRESH_INTERVAL
        assert self.library.refresh() is not recent
        if recent:
            return
        self.refreshed_at = self.clock.now
        truth = self._truth()
        assert keys_of(self.index) == {key for keys in truth.values() for key in keys}
        assert {path: self._indexed(path) for path in truth} == truth

    @rule()
    def looks_are_few(self) -> None:
        """Never more than the interval allows, however often somebody asks."""
        mark = self.plex.log.mark()
        for n in range(SINGLE_LOOKS + 3):
            self.library.look_for([f"/a/missing{n}.mp4"])
        kinds = self.plex.log.kinds(mark)
        assert kinds["sections"] <= 1
        assert kinds["file_filter"] <= SINGLE_LOOKS
        assert kinds.total() <= SINGLE_LOOKS + 1 + 2 * (2 + len(self.plex.items()))


TestLibraryMachine = LibraryMachine.TestCase
TestLibraryMachine.settings = settings(
    max_examples=25 if "SOAK" in os.environ else 12, stateful_step_count=25
)

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from ssl import SSLContext
from typing import Self, TypeAlias, Unpack

from simulators.http_server import HttpServer
from simulators.plex.core import Core, lock_of
from simulators.plex.faults import Faults
from simulators.plex.images import Images
from simulators.plex.library import Library
from simulators.plex.pipeline import IDLE_SECONDS, Pipeline, Tokens
from simulators.plex.request_log import RequestLog
from simulators.plex.scans import Disk, Scanner
from simulators.plex.snapshot import ItemState, item_state
from simulators.plex.state import Item, ItemFields, Media, Part, Section
from simulators.plex.switches import Switches

Version: TypeAlias = "str | Sequence[str] | Media"


class FakePlex:
    """A Plex Media Server for tests, with HTTP on the loopback interface.

    Args:
        guest_token: the token of a user with whom the owner shares the server. This user can read
            and rate items, but not edit them.
        tls: the certificate of a server that uses https.

    Attributes:
        agent: for each rating key, the values that a metadata refresh writes to unlocked fields.
        changed: a `threading.Condition` that protects all data. Each request and each change
            notifies it.
    """

    def __init__(
        self,
        token: str = "plex-owner-token",
        *,
        guest_token: str | None = None,
        machine_identifier: str = "f4k3" * 10,
        version: str = "1.43.1.10611-1e34174b1",
        switches: Switches | None = None,
        clock: Callable[[], float] = time.time,
        tls: SSLContext | None = None,
    ) -> None:
        self.changed = threading.Condition(threading.RLock())
        self._library = Library(clock)
        self.disk = Disk(self.changed)
        self.scanner = Scanner(self._library, self.disk, self.changed)
        self._core = Core(
            library=self._library,
            switches=switches or Switches(),
            scanner=self.scanner,
            images=Images(self._library, lambda: self._core.switches),
            changed=self.changed,
            machine_identifier=machine_identifier,
            version=version,
        )
        self._library.tags.ascii_only = lambda: self._core.switches.tags_fold_ascii_only
        self.log = RequestLog(self.changed)
        self.faults = Faults(self.changed)
        tokens = Tokens(token, guest_token)
        self._pipeline = Pipeline(self._core, tokens, self.log, self.faults)
        self.latency = self._pipeline.latency
        self.agent = self._core.agent
        self.whole_library_edits = self._core.whole_library_edits
        self._server = HttpServer(
            self._pipeline.serve,
            IDLE_SECONDS,
            tls,
            lambda: self.switches.secure_connections == "required",
        )
        self._pipeline.stopping = lambda: self._server.stopping
        self._scheme = "http" if tls is None else "https"

    def start(self) -> Self:
        self._server.start()
        return self

    def stop(self) -> None:
        self._server.stop()

    def close(self) -> None:
        self.faults.clear()
        self._server.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def plain_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut_connections(self) -> None:
        self._server.cut_connections()

    def maintenance(self, on: bool = True) -> None:
        self._pipeline.maintenance = on

    @property
    def token(self) -> str:
        return self._pipeline.tokens.owner

    @token.setter
    def token(self, value: str) -> None:
        self._pipeline.tokens.owner = value

    @property
    def machine_identifier(self) -> str:
        return self._core.machine_identifier

    @machine_identifier.setter
    def machine_identifier(self, value: str) -> None:
        self._core.machine_identifier = value

    @property
    def switches(self) -> Switches:
        return self._core.switches

    @switches.setter
    def switches(self, value: Switches) -> None:
        self._core.switches = value

    @property
    def analyses(self) -> int:
        return self._core.analyses

    def add_section(
        self,
        title: str,
        locations: Iterable[str],
        *,
        agent: str = "com.plexapp.agents.none",
        scanner: str = "Plex Video Files Scanner",
        type: str = "movie",  # noqa: A002
    ) -> Section:
        with self.changed:
            return self._library.add_section(title, locations, agent, scanner, type)

    def add_item(
        self,
        section: Section,
        *versions: Version,
        size: int = 1_000_000,
        locks: Iterable[str] = (),
        updated_at: int | None = None,
        **fields: Unpack[ItemFields],
    ) -> Item:
        """Add an item, and add its files to the disk.

        Each version of the item is a file, a list of files, or a `Media`. The default title is the
        name of the first file without its suffix.
        """
        media = [_media(version, size) for version in versions]
        with self.changed:
            item = self._library.add_item(section, media, fields)
            item.locks = frozenset(locks)
            if updated_at is not None:
                item.updated_at = updated_at
            for part in item.parts:
                self.disk.put(part)
            self.changed.notify_all()
        return item

    def item(self, rating_key: int) -> Item:
        with self.changed:
            return self._library.items[rating_key]

    def items(self, section: Section | None = None) -> list[Item]:
        with self.changed:
            if section is not None:
                return self._library.members(section)
            return list(self._library.items.values())

    def find(self, file: str) -> Item | None:
        with self.changed:
            return next(iter(self._library.having_file(file)), None)

    def edit(self, rating_key: int, *, lock: bool = True, **fields: Unpack[ItemFields]) -> Item:
        with self.changed:
            item = self.item(rating_key)
            self._library.assign(item, fields, provider=None)
            if lock:
                item.locks |= {lock_of(name) for name in fields}
            self._library.touch(item)
            item.section.content_changed_at += 1
            self.changed.notify_all()
        return item

    def set_locks(self, rating_key: int, locks: Iterable[str]) -> None:
        with self.changed:
            self.item(rating_key).locks = frozenset(locks)

    def remove_item(self, rating_key: int) -> None:
        with self.changed:
            item = self.item(rating_key)
            for file in item.files:
                self.disk.remove(file)
            self._library.remove_item(item)
            self.changed.notify_all()

    def move_file(self, old: str, new: str) -> None:
        with self.changed:
            for item in self._library.having_file(old):
                self._library.replace_parts(
                    item, lambda part: replace(part, file=new) if part.file == old else part
                )
                item.section.content_changed_at += 1
                for part in item.parts:
                    self.disk.put(part)
            self.disk.remove(old)
            self.changed.notify_all()

    def refresh_item(self, rating_key: int) -> None:
        with self.changed:
            self._core.refresh(self.item(rating_key))
            self.changed.notify_all()

    def snapshot(self, section: Section | None = None) -> dict[str, ItemState]:
        with self.changed:
            return {str(item.rating_key): item_state(item) for item in self.items(section)}


def _media(version: Version, size: int) -> Media:
    if isinstance(version, Media):
        return version
    files = [version] if isinstance(version, str) else version
    return Media(tuple(Part(file, size) for file in files))

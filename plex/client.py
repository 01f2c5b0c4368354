"""The client of one Plex server: one method per request, and only `PlexError`s."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

import requests

from plex.edit_requests import Fields, query
from plex.exceptions import (
    PlexAuthError,
    PlexError,
    PlexNotFound,
    PlexPermissionError,
    PlexReplaced,
    PlexTemporaryError,
    plex_errors,
)
from plex.field_sender import EditOutcome, FieldSender
from plex.http import PlexSession, parse_document
from plex.item_reader import READ_BATCH, ItemsRead, read_each
from plex.items import (
    IMAGE_LOCKS,
    MOVIE,
    LibraryPart,
    Place,
    PlexImage,
    PlexItem,
    Section,
    parse_image,
    parse_item,
    parse_section,
)
from plex.listing import fails_at_file, find_named, list_updated
from plex.name_search import MemoryStore, NameStore, RefusedNames
from plex.secure_connection import diagnose
from plex.walk import START, Hole, Walk

IDENTITY_TIMEOUT = (5.0, 5.0)  # seconds to connect and to read
# Without `skipRefresh`, Plex runs local agents and an analysis for each item that is read. The
# excluded elements are unused and only make answers larger.
_ITEM_QUERY = urlencode(
    {
        "skipRefresh": "1",
        "excludeElements": "Country,Guid,Rating,Director,Writer,Producer,Similar,Image,Chapter,"
        "Marker,UltraBlurColors",
        "excludeFields": "tagline",
    }
)
_IMAGE_FOLDERS = {"poster": "posters", "art": "arts"}


@dataclass(frozen=True, slots=True)
class Introduction:
    """A server's answer to `/identity`."""

    server_id: str  # the machine identifier
    version: str  # for instance 1.43.1.10611-1e34174b1
    date: str  # the HTTP Date of the answer; empty without one


class PlexClient:
    """Sends requests to one Plex server and parses its XML; every method may raise a `PlexError`.

    plexapi's `PlexServer` connects with `GET /`, which some reverse proxies redirect or refuse. Its
    objects parse a hundred times slower and reload silently. `/identity` works everywhere and needs
    no token. It is requested first, so that no token is sent to an address without a Plex server.

    Args:
        token: the server's token; it never appears in an exception.
        timeout: seconds to connect and to read.
        verify: False, or a file with the certificates to trust.
        identity: headers that identify this installation.
        note: gets title and files of each item that is read.
        refused_names: stores names that Plex refuses, by default in memory.
    """

    def __init__(
        self,
        url: str,
        token: str,
        timeout: tuple[float, float],
        verify: bool | str,
        identity: Mapping[str, str],
        note: Callable[[str, Sequence[str]], None] = lambda _title, _files: None,
        refused_names: NameStore | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._identity = dict(identity)
        self._headers = {"X-Plex-Token": token, **identity}
        self._note = note
        self._verify = verify
        self._session = PlexSession(verify)
        self._server_id = ""
        self._is_replaced = False
        self._version = ""
        names = RefusedNames(time.time, refused_names or MemoryStore())
        self._sender = FieldSender(self._edit, names)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    @property
    def server_id(self) -> str:
        """The server's machine identifier; requested on first use."""
        return self._server_id or self.identity(self._timeout)

    @property
    def server_version(self) -> str:
        """The server's last known version; requested on first use."""
        if not self._version:
            self.identity(self._timeout)
        return self._version

    def identity(self, timeout: tuple[float, float] = IDENTITY_TIMEOUT) -> str:
        """Return the machine identifier (see `introduction`)."""
        return self.introduction(timeout).server_id

    def introduction(self, timeout: tuple[float, float] = IDENTITY_TIMEOUT) -> Introduction:
        """Return the answer to `/identity`, requested without a token.

        The first answer connects the client. A later answer with another id sets `is_replaced`.
        """
        doing = "connecting to Plex"
        try:
            answer = self._ask_identity(self._session, doing, timeout)
        except PlexError as error:
            raise self._diagnose(error, doing) from None
        with plex_errors(doing):
            found = parse_document(answer.content)
        server_id = None if found is None else found.get("machineIdentifier")
        if found is None or not server_id:
            message = f"{doing}: the server at plex_url is not a Plex server"
            raise PlexTemporaryError(message)
        self._is_replaced = self._is_replaced or self._server_id not in ("", server_id)
        self._server_id = self._server_id or server_id
        self._version = found.get("version") or ""
        return Introduction(server_id, self._version, answer.headers.get("Date", ""))

    @property
    def is_replaced(self) -> bool:
        """Whether another server answers than at first; this client is then useless."""
        return self._is_replaced

    def confirm(self) -> None:
        """Raise `PlexReplaced` if another server answers than at first."""
        self.identity(self._timeout)
        if self._is_replaced:
            message = "Another Plex server answers at plex_url than before"
            raise PlexReplaced(message)

    def may_edit(self) -> bool:
        """Tell whether the token may read the server's preferences, which Plex refuses to guests.

        This is only a hint: Plex does not document who may read them.
        """
        try:
            self._get("/:/prefs", "checking the token's permissions")
        except (PlexAuthError, PlexPermissionError):
            return False
        return True

    def sections(self) -> list[Section]:
        """Return the libraries of single videos."""
        return [section for section in self.libraries() if section.kind == MOVIE]

    def libraries(self) -> list[Section]:
        """Return all libraries that may hold videos, including those of shows and photos."""
        found = map(parse_section, self._get("/library/sections", "listing the libraries"))
        return [section for section in found if section is not None]

    def list_parts(
        self, section: Section, after: Place = START, holes: Sequence[Hole] = ()
    ) -> Walk:
        """Return a walk through a library, or through its new items (see `plex.walk.Walk`)."""
        return Walk(self._get, section, after, holes)

    def list_updated(
        self, section: Section, since: int, at_most: int
    ) -> Iterator[list[LibraryPart]]:
        """Yield the files of updated items (see `plex.listing.list_updated`)."""
        return list_updated(self._get, section, since, at_most)

    def find_parts(self, section: Section, chunk: str) -> list[LibraryPart] | None:
        """Return the files whose path contains a text (see `plex.listing.find_named`)."""
        return find_named(self._get, section, chunk)

    def fails_at_file(self, section: Section, path: str) -> bool:
        """Tell whether Plex fails at the item of this file (see `plex.listing.fails_at_file`)."""
        return fails_at_file(self._get, section, path)

    def read_items(self, rating_keys: Sequence[int]) -> dict[int, PlexItem]:
        """Return the items with these keys, with complete lists; missing items are absent."""
        found, failed = self.read_each(rating_keys)
        for error in failed.values():
            raise error
        return found

    def read_each(self, rating_keys: Sequence[int], batch: int = READ_BATCH) -> ItemsRead:
        """Read items and find those at which Plex fails (see `plex.item_reader.read_each`).

        Up to 500 keys fit into a request line.
        """
        return read_each(self._read_some, rating_keys, batch)

    def _read_some(self, rating_keys: Sequence[int]) -> list[PlexItem]:
        items = [*filter(None, map(parse_item, self._read_videos(rating_keys)))]
        for item in items:
            self._note(item.title, item.files)
        return items

    def _read_videos(self, rating_keys: Sequence[int]) -> list[Element]:
        try:
            answer = self._get(
                f"/library/metadata/{','.join(map(str, rating_keys))}?{_ITEM_QUERY}",
                f"reading item {rating_keys[0]}"
                if len(rating_keys) == 1
                else f"reading {len(rating_keys)} items",
                {"X-Plex-Container-Start": "0", "X-Plex-Container-Size": str(len(rating_keys))},
            )
        except PlexNotFound:
            return []  # none of the items exists any more
        return answer.findall("Video")

    def edit(
        self, item: PlexItem, fields: Fields, *, alone: bool = False, refused_since: float = 0.0
    ) -> EditOutcome:
        """Write the fields of an item (see `plex.field_sender.FieldSender.send`)."""
        return self._sender.send(item, fields, alone=alone, refused_since=refused_since)

    def judge(self, item: PlexItem, error: PlexError) -> PlexError:
        """Return the meaning of a failed write (see `plex.field_sender.FieldSender.judge`)."""
        return self._sender.judge(item, error)

    def scan_folder(self, section_key: int, folder: str) -> None:
        """Ask Plex to scan one folder of a library; Plex accepts any path and scans later."""
        text = query({"path": folder})
        path = f"/library/sections/{section_key}/refresh?{text}"
        self._send("GET", path, f"asking Plex to scan {folder}")

    def upload_image(self, rating_key: int, kind: str, image: bytes) -> None:
        """Upload an item's `poster` or `art`; Plex selects it and keeps the older images."""
        path = f"/library/metadata/{rating_key}/{_IMAGE_FOLDERS[kind]}"
        self._send("POST", path, f"uploading the {kind} of item {rating_key}", data=image)

    def read_image(self, rating_key: int, key: str) -> bytes:
        """Return the bytes of an item's image, by the image's key."""
        path = f"/library/metadata/{rating_key}/file?{query({'url': key})}"
        return self._request("GET", path, f"reading an image of item {rating_key}").content

    def list_images(self, rating_key: int, kind: str) -> list[PlexImage]:
        """Return the images from which an item's `poster` or `art` can be selected."""
        path = f"/library/metadata/{rating_key}/{_IMAGE_FOLDERS[kind]}"
        answer = self._get(path, f"listing the images of item {rating_key}")
        return [parse_image(photo) for photo in answer.findall("Photo")]

    def select_image(self, rating_key: int, kind: str, key: str) -> None:
        """Make Plex show one of an item's images, by its `kind` (`poster` or `art`) and key."""
        path = f"/library/metadata/{rating_key}/{kind}?{query({'url': key})}"
        self._request("PUT", path, f"choosing the {kind} of item {rating_key}")

    def deselect_image(self, rating_key: int, kind: str) -> None:
        """Remove an item's `poster` or `art` selection; uploaded images stay selectable."""
        path = f"/library/metadata/{rating_key}/{IMAGE_LOCKS[kind]}"
        self._request("DELETE", path, f"taking the {kind} from item {rating_key}")

    def lock_images(self, rating_keys: Sequence[int], kinds: Sequence[str]) -> None:
        """Lock the images of items, with one request for up to 100 items."""
        parameters = {f"{IMAGE_LOCKS[kind]}.locked": "1" for kind in kinds}
        for start in range(0, len(rating_keys), 100):
            self._put(rating_keys[start : start + 100], parameters)

    def _edit(self, item: PlexItem, parameters: Mapping[str, str]) -> None:
        self._put([item.rating_key], parameters)

    def _put(self, rating_keys: Sequence[int], parameters: Mapping[str, str]) -> None:
        """Edit items with `PUT /library/metadata/{ids}`; a `ValueError` means an invalid id.

        `PUT /library/sections/{id}/all` takes the same parameters, but without a usable `id` it
        edits every item of the library, and Plex cannot undo that. This path cannot.
        """
        if not rating_keys or not all(type(key) is int and key > 0 for key in rating_keys):
            raise ValueError(f"an edit needs the ids of its items, not {list(rating_keys)!r}")
        ids = ",".join(map(str, rating_keys))
        doing = f"editing item {ids}" if len(rating_keys) == 1 else "locking images"
        self._send("PUT", f"/library/metadata/{ids}?{query({'type': '1', **parameters})}", doing)

    def _get(self, path: str, doing: str, headers: Mapping[str, str] | None = None) -> Element:
        answer = self._send("GET", path, doing, headers)
        if answer is None:
            message = f"{doing}: Plex's answer is empty"
            raise PlexTemporaryError(message)
        return answer

    def _send(
        self,
        method: str,
        path: str,
        doing: str,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Element | None:
        """Send a request; return the answer's XML, None for an empty answer."""
        answer = self._request(method, path, doing, headers, data)
        with plex_errors(doing):
            return parse_document(answer.content)

    def _request(
        self,
        method: str,
        path: str,
        doing: str,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> requests.Response:
        """Send a request with the token, after `/identity` has shown a Plex server."""
        if not self._server_id:
            self.identity(self._timeout)
        try:
            with plex_errors(doing):
                return self._session.request(
                    method,
                    f"{self._url}{path}",
                    headers={**self._headers, **(headers or {})},
                    data=data,
                    timeout=self._timeout,
                )
        except PlexError as error:
            raise self._diagnose(error, doing) from None

    def _ask_identity(
        self, session: PlexSession, doing: str, timeout: tuple[float, float]
    ) -> requests.Response:
        with plex_errors(doing):
            return session.get(f"{self._url}/identity", headers=self._identity, timeout=timeout)

    def _ask_identity_anew(self, doing: str) -> None:
        """Ask for the identity on a new connection, as Plex may have closed an idle one."""
        with PlexSession(self._verify) as session:
            self._ask_identity(session, doing, IDENTITY_TIMEOUT)

    def _diagnose(self, error: PlexError, doing: str) -> PlexError:
        """Return the error, or the fault of the address that caused it."""
        ask = partial(self._ask_identity_anew, doing)
        return diagnose(error, self._url, self._verify, doing, ask)

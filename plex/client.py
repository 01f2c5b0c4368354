import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode

from plex.connection import PlexConnection, paging, parse_document
from plex.edit_parameters import Fields, query
from plex.edit_sender import EditOutcome, EditSender
from plex.exceptions import (
    REFUSALS,
    PlexAuthError,
    PlexError,
    PlexNotFound,
    PlexPermissionError,
    PlexTemporaryError,
)
from plex.items import (
    ART,
    IMAGE_LOCKS,
    MOVIE,
    POSTER,
    PlexImage,
    PlexItem,
    Section,
    parse_image,
    parse_item,
    parse_section,
)
from plex.refused_values import RefusedValues
from plex.server_facts import ServerFacts
from validation.metadata import FIELDS
from validation.paths import folded

_UNUSED = {"Country", "Guid", "Rating", "Director", "Writer", "Producer", "Similar", "Image"}
_UNUSED |= {"Chapter", "Marker", "UltraBlurColors"}
# Without `skipRefresh`, Plex runs metadata agents and a media analysis for each returned item.
_ITEM_QUERY = urlencode(
    {
        "skipRefresh": "1",
        "excludeElements": ",".join(sorted(_UNUSED - {field.element for field in FIELDS.values()})),
    }
)
_IMAGE_FOLDERS = {POSTER: "posters", ART: "arts"}
_LOCKED_PER_REQUEST = 100
_MOST_COLLECTIONS = 100_000
# A slow Plex may not answer in time if one request asks for more than 50 items.
READ_BATCH = 50


class ItemsRead(NamedTuple):
    found: dict[int, PlexItem]
    failed: dict[int, PlexTemporaryError]


@dataclass(eq=False, repr=False)
class PlexClient(PlexConnection):
    note: Callable[[str, Sequence[str]], None] = lambda _title, _files: None
    facts: ServerFacts | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._refused = RefusedValues(time.time, self.facts)

    def libraries(self) -> list[Section]:
        found = map(parse_section, self.read("/library/sections", "listing the libraries"))
        return [section for section in found if section is not None]

    def sections(self) -> list[Section]:
        return [section for section in self.libraries() if section.kind == MOVIE]

    def smart_collections(self, section_key: int) -> frozenset[str]:
        path, doing = f"/library/sections/{section_key}/collections", "listing the collections"
        try:
            rows = self.read(path, doing, paging(0, _MOST_COLLECTIONS)).findall("Directory")
        except PlexError as error:
            # Some servers cannot list collections. Then no collection counts as a smart collection.
            if isinstance(error, REFUSALS) or error.may_be_one_item:
                return frozenset()
            raise
        return frozenset(folded(row.get("title") or "") for row in rows if row.get("smart") == "1")

    def may_edit(self) -> bool:
        # A token that can read Plex's preferences can probably edit items too.
        try:
            self.read("/:/prefs", "checking the token's permissions")
        except (PlexAuthError, PlexPermissionError):
            return False
        return True

    def scan_folder(self, section_key: int, folder: str) -> None:
        path = f"/library/sections/{section_key}/refresh?{query({'path': folder})}"
        doing = f"asking Plex to scan {folder}"
        parse_document(self.request("GET", path, doing).content, doing)

    def read_items(self, rating_keys: Sequence[int]) -> dict[int, PlexItem]:
        found, failed = self.read_each(rating_keys)
        for error in failed.values():
            raise error
        return found

    def read_each(self, rating_keys: Sequence[int], batch: int = READ_BATCH) -> ItemsRead:
        result = ItemsRead({}, {})
        start, size = 0, batch
        while start < len(rating_keys):
            keys = rating_keys[start : start + size]
            try:
                result.found.update(self._read_batch(keys))
                start += len(keys)
            except PlexTemporaryError as error:
                if size > READ_BATCH and error.retry_after is None:
                    size //= 2
                    continue
                if not error.may_be_one_item:
                    raise
                start += self._read_to_first_unreadable(keys, error, result)
                size = batch
        return result

    def _read_to_first_unreadable(
        self, keys: Sequence[int], error: PlexTemporaryError, result: ItemsRead
    ) -> int:
        failing: int | None = 0
        if len(keys) > 1:
            # If three sample items all fail, the cause is Plex, not a single item.
            if all(self.read_each([keys[n]], 1).failed for n in (-1, 0, len(keys) // 2)):
                raise error
            failing = first_unreadable(
                lambda low, high: result.found.update(self._read_batch(keys[low:high])),
                *(0, len(keys)),
            )
        if failing is None:
            return len(keys)
        result.failed[keys[failing]] = error
        return failing + 1

    def _read_batch(self, rating_keys: Sequence[int]) -> dict[int, PlexItem]:
        count = len(rating_keys)
        path = f"/library/metadata/{','.join(map(str, rating_keys))}?{_ITEM_QUERY}"
        doing = f"reading item {rating_keys[0]}" if count == 1 else f"reading {count} items"
        try:
            answer = self.read(path, doing, paging(0, count))
        except PlexNotFound:
            # Plex answers with status 404 only if none of the requested items exists.
            return {}
        items = [*filter(None, map(parse_item, answer.findall("Video")))]
        for item in items:
            self.note(item.title, item.files)
        return {item.rating_key: item for item in items}

    def edit(
        self, item: PlexItem, fields: Fields, *, alone: bool = False, refused_since: float = 0.0
    ) -> EditOutcome:
        return EditSender(self.put, self._refused, item, fields, alone, refused_since).send()

    def judge(self, item: PlexItem, error: PlexError) -> PlexError:
        return EditSender(self.put, self._refused, item, {}).meaning(error)

    def put(self, rating_keys: Sequence[int], parameters: Mapping[str, str]) -> None:
        if not rating_keys or not all(type(key) is int and key > 0 for key in rating_keys):
            raise ValueError(f"an edit needs the ids of its items, not {list(rating_keys)!r}")
        ids = ",".join(map(str, rating_keys))
        doing = f"editing item {ids}" if len(rating_keys) == 1 else "locking images"
        # At `/library/sections/{id}/all`, a request without ids would edit the whole library.
        path = f"/library/metadata/{ids}?{query({'type': '1', **parameters})}"
        parse_document(self.request("PUT", path, doing).content, doing)

    def upload_image(self, rating_key: int, kind: str, image: bytes) -> None:
        path = f"/library/metadata/{rating_key}/{_IMAGE_FOLDERS[kind]}"
        doing = f"uploading the {kind} of item {rating_key}"
        parse_document(self.request("POST", path, doing, data=image).content, doing)

    def read_image(self, rating_key: int, key: str) -> bytes:
        path = f"/library/metadata/{rating_key}/file?{query({'url': key})}"
        return self.request("GET", path, f"reading an image of item {rating_key}").content

    def list_images(self, rating_key: int, kind: str) -> list[PlexImage]:
        path = f"/library/metadata/{rating_key}/{_IMAGE_FOLDERS[kind]}"
        answer = self.read(path, f"listing the images of item {rating_key}")
        return [parse_image(photo) for photo in answer.findall("Photo")]

    def select_image(self, rating_key: int, kind: str, key: str) -> None:
        if not key:
            path = f"/library/metadata/{rating_key}/{IMAGE_LOCKS[kind]}"
            self.request("DELETE", path, f"removing the {kind} of item {rating_key}")
            return
        path = f"/library/metadata/{rating_key}/{kind}?{query({'url': key})}"
        self.request("PUT", path, f"choosing the {kind} of item {rating_key}")

    def lock_images(self, rating_keys: Sequence[int], kinds: Sequence[str]) -> None:
        parameters = {f"{IMAGE_LOCKS[kind]}.locked": "1" for kind in kinds}
        for start in range(0, len(rating_keys), _LOCKED_PER_REQUEST):
            self.put(rating_keys[start : start + _LOCKED_PER_REQUEST], parameters)


def first_unreadable(read: Callable[[int, int], None], low: int, high: int) -> int | None:
    while low < high:
        middle = low + max(1, (high - low) // 2)
        try:
            read(low, middle)
        except PlexTemporaryError as error:
            if not error.may_be_one_item:
                raise
            if middle - low == 1:
                return low
            high = middle
        else:
            low = middle
    return None

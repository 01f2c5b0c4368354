import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from simulators.plex.state import (
    TAG_ATTRIBUTES,
    Image,
    Item,
    ItemFields,
    Media,
    Part,
    Revision,
    Section,
    stem,
)
from simulators.plex.tags import TagBook

NO_AGENT = "com.plexapp.agents.none"
# In a library of the type "Other Videos", an item has the date of its file.
FILE_DATE = "2020-02-02"
_SELECTIONS_KEPT = 16


class Library:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.revision = Revision()
        self.tags = TagBook()
        self.sections: dict[int, Section] = {}
        self.items: dict[int, Item] = {}
        self._blobs: dict[str, bytes] = {}
        self._last_key = 0
        self._last_media = 0
        self._last_part = 0
        self._paths: dict[tuple[int, bool], tuple[int, list[tuple[str, Item]]]] = {}
        self._selections: dict[tuple[object, ...], tuple[int, list[Item]]] = {}
        self._members: dict[int, dict[int, Item]] = {}
        self._by_file: tuple[int, dict[str, list[Item]]] = (-1, {})

    def now(self) -> int:
        return int(self._clock())

    def add_section(
        self,
        title: str,
        locations: Iterable[str],
        agent: str,
        scanner: str,
        type: str,  # noqa: A002
    ) -> Section:
        key = len(self.sections) + 1
        now = self.now()
        uuid = f"00000000-0000-4000-8000-{key:012d}"
        section = Section(key, title, tuple(locations), agent, scanner, type, uuid, now, now, now)
        self.sections[key] = section
        self._members[key] = {}
        return section

    def add_item(self, section: Section, media: Sequence[Media], fields: ItemFields) -> Item:
        key = self._next_key()
        numbered = tuple(self._numbered(version) for version in media)
        now = self.now()
        item = Item(
            _revision=self.revision,
            rating_key=key,
            section=section,
            guid=_guid(section, key),
            media=numbered,
            title=fields.get("title") or stem(numbered[0].parts[0].file),
            added_at=now,
            updated_at=now,
            own_date=FILE_DATE if section.agent == NO_AGENT else "",
        )
        item.originally_available_at = item.own_date
        self.items[key] = item
        self._members[section.key][key] = item
        self.assign(item, fields, section.agent)
        section.content_changed_at += 1
        return item

    def members(self, section: Section) -> list[Item]:
        return list(self._members[section.key].values())

    def remove_item(self, item: Item) -> None:
        del self.items[item.rating_key]
        del self._members[item.section.key][item.rating_key]
        item.section.content_changed_at += 1
        self.revision.value += 1
        self.revision.files += 1

    def replace_parts(self, item: Item, change: Callable[[Part], Part]) -> None:
        item.media = tuple(
            replace(media, parts=tuple(change(part) for part in media.parts))
            for media in item.media
        )
        self.touch(item)

    def touch(self, item: Item) -> None:
        item.updated_at = self.now()

    def assign(self, item: Item, fields: ItemFields, provider: str | None) -> None:
        """Set the fields of an item without changing its locks and time stamps.

        Args:
            provider: the agent that found the images, or None for images that a user uploaded.
        """
        images = {"poster": "posters", "art": "arts"}
        kinds = {attribute: kind for kind, attribute in TAG_ATTRIBUTES.items()}
        for name, value in fields.items():
            if name in images and isinstance(value, bytes):
                self.add_image(item, images[name], value, provider)
            elif name == "actors":
                item.actors = self.tags.actors(fields["actors"])
            elif name in kinds and isinstance(value, Iterable):
                self.set_tags(item, kinds[name], value)
            else:
                setattr(item, name, value)
        item.own_date = fields.get("originally_available_at", item.own_date)

    def set_tags(self, item: Item, kind: str, wanted: Iterable[str]) -> None:
        setattr(item, TAG_ATTRIBUTES[kind], self.tags.names(kind, wanted))

    def add_image(
        self,
        target: Item,
        shelf: str,
        data: bytes,
        provider: str | None = None,
        *,
        select: bool = True,
    ) -> Image:
        digest = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        scheme = f"metadata://{shelf}/{provider}_" if provider else f"upload://{shelf}/"
        held = self._blobs.setdefault(digest, data)
        image = Image(scheme + digest, digest, held, selected=False, provider=provider)
        images: tuple[Image, ...] = getattr(target, shelf)
        if all(known.key != image.key for known in images):
            images = (*images, image)
        if not select:
            setattr(target, shelf, images)
            return image
        return self.choose_image(target, shelf, image.key, images)

    def choose_image(
        self, target: Item, shelf: str, key: str | None, images: tuple[Image, ...] | None = None
    ) -> Image:
        held: tuple[Image, ...] = getattr(target, shelf) if images is None else images
        chosen = [image for image in held if image.key == key]
        if key is not None and not chosen:
            raise KeyError(key)
        setattr(target, shelf, tuple(replace(image, selected=image.key == key) for image in held))
        stamp = f"{shelf}_at"
        setattr(target, stamp, max(self.now(), getattr(target, stamp) + 1))
        return chosen[0] if chosen else Image("", "", b"")

    def paths(self, section: Section, *, ignore_case: bool) -> list[tuple[str, Item]]:
        key = (section.key, ignore_case)
        cached = self._paths.get(key)
        if cached is None or cached[0] != self.revision.files:
            members = self._members[section.key].values()
            found = [(file, item) for item in members for file in item.files]
            if ignore_case:
                found = [(file.casefold(), item) for file, item in found]
            cached = self._paths[key] = (self.revision.files, found)
        return cached[1]

    def selection(self, key: tuple[object, ...], select: Callable[[], list[Item]]) -> list[Item]:
        cached = self._selections.get(key)
        if cached is None or cached[0] != self.revision.value:
            if len(self._selections) >= _SELECTIONS_KEPT:
                self._selections.clear()
            cached = self._selections[key] = (self.revision.value, select())
        return cached[1]

    def having_file(self, file: str) -> list[Item]:
        if self._by_file[0] != self.revision.files:
            found: dict[str, list[Item]] = {}
            for item in self.items.values():
                for path in item.files:
                    found.setdefault(path, []).append(item)
            self._by_file = (self.revision.files, found)
        return self._by_file[1].get(file, [])

    def _next_key(self) -> int:
        self._last_key += 1
        return self._last_key

    def _numbered(self, media: Media) -> Media:
        self._last_media += 1
        parts = []
        for part in media.parts:
            self._last_part += 1
            parts.append(replace(part, id=self._last_part))
        return replace(media, id=self._last_media, parts=tuple(parts))


def _guid(section: Section, key: int) -> str:
    digest = hashlib.sha1(str(key).encode(), usedforsecurity=False).hexdigest()
    if section.agent == NO_AGENT:
        return f"com.plexapp.agents.none://{digest}?lang=xn"
    return f"plex://movie/{digest[:24]}"

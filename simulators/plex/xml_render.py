import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote

from simulators.plex.state import SCALARS, TAG_ATTRIBUTES, Image, Item, Media, Part, Section
from simulators.plex.tags import TagBook

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
IDENTIFIER = "com.plexapp.plugins.library"
_GENRES_SHOWN, _ROLES_SHOWN = 2, 3

Attributes: TypeAlias = Mapping[str, "str | int | float | None"]

_ESCAPES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "\n": "&#10;",
        "\r": "&#13;",
        "\t": "&#9;",
    }
)
_NO_WORD = re.compile(r"\W+")
_has_special = re.compile('[&<>"\n\r\t]').search


def escape(text: str) -> str:
    """Escape the text of an XML attribute. Like Plex, keep characters that XML forbids."""
    return text.translate(_ESCAPES) if _has_special(text) else text


def element(name: str, attributes: Attributes, content: str = "") -> str:
    pieces = [f"<{name}"]
    for key, value in attributes.items():
        if value is None or value == "":
            continue
        pieces.append(f' {key}="{escape(value) if isinstance(value, str) else value}"')
    pieces.append(f">{content}</{name}>" if content else "/>")
    return "".join(pieces)


def container(attributes: Attributes, rows: Iterable[bytes]) -> bytes:
    opening = element("MediaContainer", attributes)[:-2].encode("utf-8", "replace")
    return b"".join((DECLARATION, opening, b">\n", *rows, b"</MediaContainer>\n"))


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class RowStyle:
    exclude_elements: frozenset[str] = frozenset()
    exclude_fields: frozenset[str] = frozenset()


def row(item: Item, style: RowStyle) -> bytes:
    cached = item._row
    if cached is not None and cached[0] == style:
        return cached[1]
    rendered = encoded(_row_text(item, style)) + b"\n"
    item._row = (style, rendered)
    return rendered


def _row_text(item: Item, style: RowStyle) -> str:
    children = [
        (name, text)
        for name, text in (
            *(("Media", _media(media)) for media in item.media),
            *_decorations(item),
            *_row_tags(item),
        )
        if name not in style.exclude_elements
    ]
    content = "".join(text for _, text in children)
    return _video(item, {}, content, style.exclude_fields)


def video(item: Item, tags: TagBook, style: RowStyle, lock_names: Mapping[str, str]) -> bytes:
    place: Attributes = {
        "librarySectionTitle": item.section.title,
        "librarySectionID": item.section.key,
        "librarySectionKey": f"/library/sections/{item.section.key}",
    }
    locks = sorted({lock_names.get(name, name) for name in item.locks} - {""})
    children = (
        *(("Media", _media(media, streams=True)) for media in item.media),
        *_decorations(item),
        *_full_tags(item, tags),
        *(("Field", element("Field", {"locked": 1, "name": name})) for name in locks),
    )
    content = "".join(text for name, text in children if name not in style.exclude_elements)
    return encoded(_video(item, place, content, style.exclude_fields)) + b"\n"


def _video(item: Item, place: Attributes, content: str, hidden: frozenset[str]) -> str:
    base = f"/library/metadata/{item.rating_key}"
    attributes: dict[str, str | int | float | None] = {
        "ratingKey": item.rating_key,
        "key": base,
        "guid": item.guid,
        "type": "movie",
        **_of_its_agent(item),
        **{name: getattr(item, scalar.attribute) for name, scalar in SCALARS.items()},
        "rating": item.rating,
        "audienceRating": item.audience_rating,
        **place,
        "year": item.year,
        "thumb": _image_path(item, "thumb"),
        "art": _image_path(item, "art"),
        "duration": item.duration or None,
        "addedAt": item.added_at,
        "updatedAt": item.updated_at,
        "deletedAt": item.deleted_at,
    }
    for name in hidden:
        attributes.pop(name, None)
    # Plex sends the title and the summary even if they are empty.
    always = [
        f' {name}="{escape(str(attributes.pop(name)))}"'
        for name in ("title", "summary")
        if name in attributes
    ]
    opening = element("Video", attributes)[:-2]
    return f"{opening}{''.join(always)}>{content}</Video>"


def _of_its_agent(item: Item) -> Attributes:
    if item.unmatched:
        return {"subtype": "clip", "createdAtAccuracy": "epoch,local", "createdAtTZOffset": "0"}
    return {
        "slug": _NO_WORD.sub("-", item.title.lower()).strip("-"),
        "ratingImage": "rottentomatoes://image.rating.ripe" if item.rating else None,
        "audienceRatingImage": (
            "rottentomatoes://image.rating.upright" if item.audience_rating else None
        ),
        "chapterSource": "media",
        "primaryExtraKey": f"/library/metadata/{item.rating_key + 900_000}",
        "hasPremiumPrimaryExtra": 1,
    }


def _image_path(item: Item, kind: str) -> str | None:
    shelf = "posters" if kind == "thumb" else "arts"
    if not any(image.selected for image in getattr(item, shelf)):
        return None
    return f"/library/metadata/{item.rating_key}/{kind}/{getattr(item, shelf + '_at')}"


def _media(media: Media, *, streams: bool = False) -> str:
    """Write the XML directly, because `element` is too slow for lists of 100,000 rows."""
    proxy = f' proxyType="{media.proxy_type}"' if media.proxy_type is not None else ""
    deleted = _deleted_at(media)
    container = escape(media.parts[0].container)
    return (
        f'<Media id="{media.id}" duration="{media.duration}" bitrate="{media.bitrate}" '
        f'width="{media.width}" height="{media.height}" aspectRatio="1.78" audioChannels="2" '
        f'audioCodec="aac" videoCodec="h264" videoResolution="{media.height}" '
        f'container="{container}" videoFrameRate="24p" optimizedForStreaming="1" '
        f'audioProfile="lc" has64bitOffsets="0" videoProfile="high"{proxy}{deleted}>'
        f"{''.join(_part(part, streams=streams) for part in media.parts)}</Media>"
    )


def _part(part: Part, *, streams: bool) -> str:
    container = escape(part.container)
    duration = f' duration="{part.duration}"' if part.duration is not None else ""
    content = _STREAMS.format(part.id) if streams else ""
    return (
        f'<Part id="{part.id}" key="/library/parts/{part.id}/1700000000/file.{container}"'
        f'{duration} file="{escape(part.file)}" size="{part.size}" container="{container}" '
        f'audioProfile="lc" has64bitOffsets="0" optimizedForStreaming="1" '
        f'videoProfile="high"{_deleted_at(part)}>{content}</Part>'
    )


def _deleted_at(held: Media | Part) -> str:
    return "" if held.deleted_at is None else f' deletedAt="{held.deleted_at}"'


_STREAMS = (
    '<Stream id="{0}1" streamType="1" default="1" codec="h264" index="0" bitrate="3800" '
    'bitDepth="8" chromaSubsampling="4:2:0" codedHeight="1080" codedWidth="1920" '
    'frameRate="23.976" height="1080" level="40" profile="high" refFrames="4" width="1920" '
    'displayTitle="1080p (H.264)" extendedDisplayTitle="1080p (H.264)"/>'
    '<Stream id="{0}2" streamType="2" selected="1" default="1" codec="aac" index="1" channels="2" '
    'bitrate="160" language="English" languageTag="en" languageCode="eng" '
    'audioChannelLayout="stereo" profile="lc" samplingRate="48000" '
    'displayTitle="English (AAC Stereo)" extendedDisplayTitle="English (AAC Stereo)"/>'
)


def _decorations(item: Item) -> Iterable[tuple[str, str]]:
    for kind, name in (("thumb", "coverPoster"), ("art", "background")):
        path = _image_path(item, kind)
        if path:
            yield "Image", element("Image", {"alt": item.title, "type": name, "url": path})
    yield (
        "UltraBlurColors",
        '<UltraBlurColors topLeft="1f2d3a" topRight="2a1f14" bottomRight="3a2d1f" '
        'bottomLeft="141f2a"/>',
    )


def _row_tags(item: Item) -> Iterable[tuple[str, str]]:
    for name, values in (
        ("Genre", item.genres[:_GENRES_SHOWN]),
        ("Country", item.countries),
        ("Director", item.directors),
        ("Writer", item.writers),
        ("Role", tuple(actor.name for actor in item.actors[:_ROLES_SHOWN])),
    ):
        for value in values:
            yield name, f'<{name} tag="{escape(value)}"/>'


def _full_tags(item: Item, tags: TagBook) -> Iterable[tuple[str, str]]:
    for kind, attribute in TAG_ATTRIBUTES.items():
        name = kind.capitalize()
        for value in getattr(item, attribute):
            tag = tags.tag(kind, value)
            known: Attributes = {"id": tag.id, "filter": f"{kind}={tag.id}", "tag": tag.name}
            yield name, element(name, known)
    for actor in item.actors:
        described: Attributes = {
            "id": actor.tag.id,
            "filter": f"actor={actor.tag.id}",
            "tag": actor.name,
            "tagKey": f"{actor.tag.id:024x}",
            "role": actor.role,
            "thumb": actor.thumb,
        }
        yield "Role", element("Role", described)


def section_directory(section: Section, *, may_edit: bool) -> bytes:
    attributes: Attributes = {
        "allowSync": int(may_edit),
        "art": "/:/resources/movie-fanart.jpg",
        "composite": f"/library/sections/{section.key}/composite/{section.updated_at}",
        "filters": 1,
        "refreshing": int(section.refreshing),
        "thumb": "/:/resources/movie.png",
        "key": section.key,
        "type": section.type,
        "title": section.title,
        "agent": section.agent,
        "scanner": section.scanner,
        "language": "xn",
        "uuid": section.uuid,
        "updatedAt": section.updated_at,
        "createdAt": section.created_at,
        "scannedAt": section.scanned_at,
        "content": 1,
        "directory": 1,
        "contentChangedAt": section.content_changed_at,
        "hidden": 0,
    }
    locations = "".join(
        element("Location", {"id": number, "path": path})
        for number, path in enumerate(section.locations, 1)
    )
    return encoded(element("Directory", attributes, locations)) + b"\n"


def photo(rating_key: int, image: Image) -> bytes:
    path = f"/library/metadata/{rating_key}/file?url={quote(image.key, safe='')}"
    attributes: Attributes = {
        "key": path,
        "ratingKey": image.key,
        "thumb": path,
        "selected": int(image.selected),
        "provider": image.provider,
    }
    return encoded(element("Photo", attributes)) + b"\n"

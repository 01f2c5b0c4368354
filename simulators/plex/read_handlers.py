"""GET requests that answer with XML about the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from simulators.plex.answers import RefusedError, Response, html_error, xml
from simulators.plex.core import Call, Core
from simulators.plex.query import Filters, requested_page
from simulators.plex.state import (
    COLLECTION_TYPE,
    MOVIE_TYPE,
    TAG_ATTRIBUTES,
    Collection,
    Item,
    Section,
)
from simulators.plex.xml_render import (
    IDENTIFIER,
    Attributes,
    RowStyle,
    collection_directory,
    container,
    element,
    encoded,
    row,
    section_directory,
    video,
)

T = TypeVar("T", Item, Collection)
_TAG_PREFIX, _TAG_VERSION = "/system/bundle/media/flags/", 1700000000


def document(rows: list[bytes], **attributes: str | int | float | None) -> Response:
    """A MediaContainer with its size."""
    return xml(container({"size": len(rows), **attributes}, rows))


def identity(core: Core, _: Call) -> Response:
    return document(
        [],
        claimed=1,
        machineIdentifier=core.machine_identifier,
        version=core.version,
        apiVersion="1.2.0",
    )


def root(core: Core, call: Call) -> Response:
    if core.switches.root_status != 200:
        location = {"Location": "/web/index.html"} if core.switches.root_status == 302 else {}
        raise RefusedError(
            core.switches.root_status, html_error(core.switches.root_status, location)
        )
    names = ("activities", "identity", "library", "livetv", "media", "playlists", "search")
    rows = [encoded(element("Directory", {"count": 1, "key": n, "title": n})) for n in names]
    return document(
        rows,
        allowCameraUpload=1,
        allowSync=int(call.token == "present"),
        friendlyName=core.friendly_name,
        machineIdentifier=core.machine_identifier,
        myPlex=1,
        myPlexUsername="owner@example.com",
        platform="Linux",
        platformVersion="6.1.0",
        transcoderActiveVideoSessions=0,
        updatedAt=core.library.now(),
        version=core.version,
    )


def library(_: Core, __: Call) -> Response:
    rows = [
        encoded(element("Directory", {"key": key, "title": title}))
        for key, title in (("sections", "Library Sections"), ("recentlyAdded", "Recently Added"))
    ]
    return document(
        rows,
        allowSync=0,
        identifier=IDENTIFIER,
        mediaTagPrefix=_TAG_PREFIX,
        mediaTagVersion=_TAG_VERSION,
        title1="Plex Library",
    )


def sections(core: Core, call: Call) -> Response:
    may_edit = call.token == "present"
    found = core.library.sections.values()
    rows = [section_directory(section, may_edit=may_edit) for section in found]
    return document(rows, allowSync=0, title1="Plex Library")


def section(core: Core, call: Call) -> Response:
    found = core.section(call.ids[0])
    rows = [
        encoded(element("Directory", {"key": key, "title": title}))
        for key, title in (("all", "All"), ("collection", "By Collection"), ("genre", "By Genre"))
    ]
    return document(
        rows,
        allowSync=0,
        content="secondary",
        identifier=IDENTIFIER,
        librarySectionID=found.key,
        title1=found.title,
        viewGroup="secondary",
    )


def listing(core: Core, call: Call) -> Response:
    """`/library/sections/N/all`."""
    found = core.section(call.ids[0])
    wanted = call.params.number("type") or MOVIE_TYPE
    if wanted == COLLECTION_TYPE:
        return collections(core, call)
    if "file" in call.params and "type" not in call.params:
        raise RefusedError(500)
    selected = []
    if wanted == MOVIE_TYPE:
        selected = Filters(core.library, found, core.switches).select(call.params)
    style = _style(core, call, truncated=core.switches.listing_truncates_tags)
    return _page(core, call, found, selected, lambda item: row(item, style))


def collections(core: Core, call: Call) -> Response:
    """`/library/sections/N/collections`, and `/all?type=18`."""
    found = core.section(call.ids[0])
    chunks = [chunk.casefold() for chunk in call.params.get("title").split(",")]
    matching = sorted(
        (
            collection
            for collection in found.collections.values()
            if any(chunk in collection.title.casefold() for chunk in chunks)
        ),
        key=lambda collection: (collection.title_sort or collection.title).casefold(),
    )
    limit = call.params.number("limit")
    return _page(core, call, found, matching[:limit], collection_directory)


def collection(core: Core, call: Call) -> Response:
    return _one_collection(core.collection(call.ids[0]))


def collection_children(core: Core, call: Call) -> Response:
    found = core.collection(call.ids[0])
    items = [core.library.items[key] for key in found.children]
    style = _style(core, call, truncated=core.switches.listing_truncates_tags)
    return _page(core, call, found.section, items, lambda item: row(item, style))


def metadata(core: Core, call: Call) -> Response:
    """`/library/metadata/1,2,3`: complete elements."""
    if call.ids[0].isdigit() and int(call.ids[0]) in core.library.collections:
        return _one_collection(core.collection(call.ids[0]))
    items = core.items(call.ids[0])
    if call.params.get("skipRefresh") != "1":
        core.analyses += len(items)
    page = requested_page(call.params, call.headers, core.switches)
    shown = items if page is None else page.cut(items)
    core.readable(shown)
    style = _style(core, call, truncated=False)
    with_section = core.switches.metadata_returns_section_id
    tags, names = core.library.tags, core.switches.lock_names
    rows = [video(item, tags, style, names, section_id=with_section) for item in shown]
    places = {item.section.key: item.section for item in items}
    place: dict[str, str | int] = {}
    if with_section and len(places) == 1:
        place = _place(*places.values())
    return document(
        rows,
        totalSize=len(items),
        allowSync=1,
        identifier=IDENTIFIER,
        mediaTagPrefix=_TAG_PREFIX,
        mediaTagVersion=_TAG_VERSION,
        **place,
    )


def tag_choices(core: Core, call: Call) -> Response:
    """`/library/sections/N/genre` and its like: what a filter can be set to."""
    found, kind = core.section(call.ids[0]), call.ids[1]
    if kind not in TAG_ATTRIBUTES and kind != "actor":
        raise RefusedError(404)
    names: set[str] = set()
    for item in core.library.members(found):
        if kind == "actor":
            names.update(actor.name for actor in item.actors)
        else:
            names.update(getattr(item, TAG_ATTRIBUTES[kind]))
    tags = [core.library.tags.tag(kind, name) for name in sorted(names, key=str.casefold)]
    rows = [
        encoded(
            element(
                "Directory",
                {
                    "fastKey": f"/library/sections/{found.key}/all?{kind}={tag.id}",
                    "key": tag.id,
                    "title": tag.name,
                    "type": kind,
                },
            )
        )
        for tag in tags
    ]
    return document(rows, allowSync=0, identifier=IDENTIFIER, **_place(found))


def activities(core: Core, _: Call) -> Response:
    rows = []
    for activity in core.scanner.activities:
        attributes: Attributes = {
            "uuid": activity.uuid,
            "type": activity.type,
            "cancellable": 1,
            "userID": 1,
            "title": activity.title,
            "subtitle": activity.subtitle,
            "progress": activity.progress,
        }
        context = ""
        if activity.section_key is not None:
            context = element("Context", {"librarySectionID": activity.section_key})
        rows.append(encoded(element("Activity", attributes, context)))
    return document(rows)


def prefs(core: Core, _: Call) -> Response:
    attributes: Attributes = {
        "id": "FriendlyName",
        "type": "text",
        "value": core.friendly_name,
        "advanced": 0,
    }
    return document([encoded(element("Setting", attributes))])


def _one_collection(found: Collection) -> Response:
    rows = [collection_directory(found)]
    return document(rows, allowSync=0, identifier=IDENTIFIER, **_place(found.section))


def _place(found: Section) -> dict[str, str | int]:
    return {
        "librarySectionID": found.key,
        "librarySectionTitle": found.title,
        "librarySectionUUID": found.uuid,
    }


def _style(core: Core, call: Call, *, truncated: bool) -> RowStyle:
    if not core.switches.honours_exclude_elements:
        return RowStyle(truncated=truncated)
    elements = call.params.names("excludeElements")
    return RowStyle(elements, call.params.names("excludeFields"), truncated)


def _page(
    core: Core,
    call: Call,
    place: Section,
    found: list[T],
    show: Callable[[T], bytes],
) -> Response:
    """One page of a list."""
    page = requested_page(call.params, call.headers, core.switches)
    if page is None:
        raise RefusedError(400)
    entries = page.cut(found)
    core.readable(entries)
    rows: list[bytes] = [show(entry) for entry in entries]
    numbers, headers = page.describe(len(found), len(rows))
    attributes = {
        **numbers,
        "allowSync": 1,
        "art": "/:/resources/movie-fanart.jpg",
        "content": "secondary",
        "identifier": IDENTIFIER,
        **_place(place),
        "mediaTagPrefix": _TAG_PREFIX,
        "mediaTagVersion": _TAG_VERSION,
        "thumb": "/:/resources/movie.png",
        "title1": place.title,
        "title2": f"All {place.title}",
        "viewGroup": place.type,
    }
    return xml(container(attributes, rows), headers)

"""Requests that change something, and those about images."""

from __future__ import annotations

from typing import TypeGuard

from simulators.plex.answers import RefusedError, Response
from simulators.plex.core import Call, Core
from simulators.plex.edits import apply_edit, parse_edit
from simulators.plex.images import Shelf
from simulators.plex.read_handlers import document
from simulators.plex.state import COLLECTION_TYPE, Item
from simulators.plex.xml_render import IDENTIFIER, photo

_SHELF_OF = {"poster": "posters", "thumb": "posters", "art": "arts"}
_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"


def edit_section(core: Core, call: Call) -> Response:
    """`PUT /library/sections/N/all?type=1&id=1,2&…`: ids of other sections do not match.

    Without a usable id it edits every item of that type in the section, as a real Plex does.
    """
    section = core.section(call.ids[0])
    ids = call.params.get("id")
    is_usable = any(key.isdigit() for key in ids.split(","))
    if not is_usable:
        core.whole_library_edits.append(f"PUT {call.path} with id={ids!r}")
    if call.params.number("type") == COLLECTION_TYPE:
        raise RefusedError(501)
    items = core.items(ids) if is_usable else core.library.members(section)
    return _edit(core, [item for item in items if item.section is section], call)


def edit_metadata(core: Core, call: Call) -> Response:
    """`PUT /library/metadata/1,2?…`."""
    return _edit(core, core.items(call.ids[0]), call)


def _edit(core: Core, items: list[Item], call: Call) -> Response:
    if not items:
        raise RefusedError(404)
    edit = parse_edit(call.params, core.switches)
    for item in items:
        apply_edit(core.library, item, edit, core.switches)
    return Response()


def refresh_item(core: Core, call: Call) -> Response:
    """`PUT /library/metadata/N/refresh`; GET is not allowed (plexapi#98)."""
    if call.method != "PUT":
        raise RefusedError(405)
    for item in core.items(call.ids[0]):
        core.refresh(item)
    return Response()


def scan(core: Core, call: Call) -> Response:
    """`/library/sections/N/refresh[?path=][&force=1]`: 200, whatever the path."""
    section = core.section(call.ids[0])
    if call.method == "DELETE":
        core.scanner.cancel(section)
        return Response()
    core.scanner.start(section, call.params.get("path") or None)
    if call.params.get("force") == "1":
        for item in core.library.members(section):
            core.refresh(item)
    return Response()


def empty_trash(core: Core, call: Call) -> Response:
    core.scanner.empty_trash(core.section(call.ids[0]))
    return Response()


# images


def upload(core: Core, call: Call) -> Response:
    """POST to `/posters` or `/arts`: the body, or what is at `?url=`."""
    target, shelf = core.target(call.ids[0]), call.ids[1]
    if not _is_shelf(shelf):
        raise RefusedError(404)
    core.images.upload(target, shelf, call.body)
    return Response()


def image_list(core: Core, call: Call) -> Response:
    target, shelf = core.target(call.ids[0]), call.ids[1]
    images = target.posters if shelf == "posters" else target.arts
    rows = [photo(target.rating_key, image) for image in images]
    return document(rows, identifier=IDENTIFIER)


def choose_image(core: Core, call: Call) -> Response:
    """PUT `/poster?url=` chooses, DELETE `/thumb` chooses none."""
    target, shelf = core.target(call.ids[0]), _SHELF_OF[call.ids[1]]
    if not _is_shelf(shelf):
        raise RefusedError(404)
    if call.method == "DELETE":
        core.images.forget(target, shelf)
        return Response()
    url = call.params.get("url")
    if url.startswith(("http://", "https://")):
        core.images.upload(target, shelf, call.body)
    else:
        core.images.choose(target, shelf, url)
    name = "thumb" if shelf == "posters" else "art"
    path = f"/library/metadata/{target.rating_key}/{name}/{getattr(target, shelf + '_at')}"
    return Response(200, path.encode(), "text/plain")


def image_bytes(core: Core, call: Call) -> Response:
    """The chosen poster or background."""
    target = core.target(call.ids[0])
    images = target.arts if call.ids[1] == "art" else target.posters
    return _image(next((image.data for image in images if image.selected), None))


def image_file(core: Core, call: Call) -> Response:
    """Any held image, by its key."""
    target, key = core.target(call.ids[0]), call.params.get("url")
    held = (*target.posters, *target.arts)
    return _image(next((image.data for image in held if image.key == key), None))


def _image(data: bytes | None) -> Response:
    if data is None:
        raise RefusedError(404)
    kind = "jpeg" if data.startswith(_JPEG) else "png" if data.startswith(_PNG) else "unknown"
    return Response(200, data, "application/octet-stream" if kind == "unknown" else f"image/{kind}")


def _is_shelf(name: str) -> TypeGuard[Shelf]:
    return name in {"posters", "arts"}

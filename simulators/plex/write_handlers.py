from simulators.plex.answers import RefusedError
from simulators.plex.core import Call, Core
from simulators.plex.edits import apply_edit, parse_edit
from simulators.plex.read_handlers import document
from simulators.plex.state import Item
from simulators.plex.xml_render import IDENTIFIER, photo
from simulators.wire import Response

_SHELF_OF = {"poster": "posters", "thumb": "posters", "art": "arts"}


def edit_section(core: Core, call: Call) -> Response:
    """Edit the items that the query parameter `id` names, if they are in the section.

    As in a real Plex, a request without a valid id edits all items of the section.
    """
    section = core.section(call.ids[0])
    ids = call.params.get("id")
    is_usable = any(key.isdigit() for key in ids.split(","))
    if not is_usable:
        core.whole_library_edits.append(f"PUT {call.path} with id={ids!r}")
    items = core.items(ids) if is_usable else core.library.members(section)
    return _edit(core, [item for item in items if item.section is section], call)


def edit_metadata(core: Core, call: Call) -> Response:
    return _edit(core, core.items(call.ids[0]), call)


def _edit(core: Core, items: list[Item], call: Call) -> Response:
    if not items:
        raise RefusedError(404)
    edit = parse_edit(call.params, core.switches)
    for item in items:
        apply_edit(core.library, item, edit, core.switches)
    return Response()


def scan(core: Core, call: Call) -> Response:
    core.scanner.start(core.section(call.ids[0]), call.params.get("path") or None)
    return Response()


def upload(core: Core, call: Call) -> Response:
    core.images.upload(core.items(call.ids[0])[0], call.ids[1], call.body)
    return Response()


def image_list(core: Core, call: Call) -> Response:
    item = core.items(call.ids[0])[0]
    rows = [photo(item.rating_key, image) for image in getattr(item, call.ids[1])]
    return document(rows, {"identifier": IDENTIFIER})


def image_file(core: Core, call: Call) -> Response:
    item, key = core.items(call.ids[0])[0], call.params.get("url")
    for image in (*item.posters, *item.arts):
        if image.key == key:
            return Response(200, image.data, "image/png")
    raise RefusedError(404)


def choose_image(core: Core, call: Call) -> Response:
    item, shelf = core.items(call.ids[0])[0], _SHELF_OF[call.ids[1]]
    if call.method == "DELETE":
        core.images.forget(item, shelf)
        return Response()
    core.images.choose(item, shelf, call.params.get("url"))
    name = "thumb" if shelf == "posters" else "art"
    path = f"/library/metadata/{item.rating_key}/{name}/{getattr(item, shelf + '_at')}"
    return Response(200, path.encode(), "text/plain")

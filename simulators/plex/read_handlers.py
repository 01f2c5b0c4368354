from simulators.plex.answers import XML, RefusedError
from simulators.plex.core import Call, Core
from simulators.plex.query import requested_page, select
from simulators.plex.state import MOVIE_TYPE, Section
from simulators.plex.xml_render import (
    IDENTIFIER,
    Attributes,
    RowStyle,
    container,
    element,
    encoded,
    row,
    section_directory,
    video,
)
from simulators.wire import Response

_TAGS: dict[str, str | int] = {
    "mediaTagPrefix": "/system/bundle/media/flags/",
    "mediaTagVersion": 1700000000,
}


def document(rows: list[bytes], attributes: Attributes, size: int | None = None) -> Response:
    shown = len(rows) if size is None else size
    return Response(200, container({"size": shown, **attributes}, rows), XML)


def identity(core: Core, _: Call) -> Response:
    known: Attributes = {"machineIdentifier": core.machine_identifier, "version": core.version}
    return document([], {"claimed": 1, **known, "apiVersion": "1.2.0"})


def sections(core: Core, call: Call) -> Response:
    may_edit = call.token == "present"
    found = core.library.sections.values()
    rows = [section_directory(section, may_edit=may_edit) for section in found]
    return document(rows, {"allowSync": 0, "title1": "Plex Library"})


def listing(core: Core, call: Call) -> Response:
    found = core.section(call.ids[0])
    if "file" in call.params and "type" not in call.params:
        raise RefusedError(500)
    page = requested_page(call.params, call.headers, core.switches)
    if page is None:
        raise RefusedError(400)
    is_shown = call.params.get("type", "1") == str(MOVIE_TYPE)
    items = select(core.library, found, call.params, core.switches) if is_shown else []
    shown = page.cut(items)
    core.readable(shown)
    style = _style(core, call)
    attributes: Attributes = {
        "totalSize": len(items),
        "offset": page.start,
        "allowSync": 1,
        "art": "/:/resources/movie-fanart.jpg",
        "content": "secondary",
        "identifier": IDENTIFIER,
        **_place(found),
        **_TAGS,
        "thumb": "/:/resources/movie.png",
        "title1": found.title,
        "title2": f"All {found.title}",
        "viewGroup": found.type,
    }
    return document([row(item, style) for item in shown], attributes)


def collections(core: Core, call: Call) -> Response:
    members = core.library.members(core.section(call.ids[0]))
    smart = core.switches.smart_collections
    titles = {name for item in members for name in item.collections} | smart
    rows: list[Attributes] = [
        {"type": "collection", "subtype": "movie", "title": title, "smart": int(title in smart)}
        for title in sorted(titles)
    ]
    return document([encoded(element("Directory", row)) for row in rows], {})


def metadata(core: Core, call: Call) -> Response:
    items = core.items(call.ids[0])
    if call.params.get("skipRefresh") != "1":
        core.analyses += len(items)
    page = requested_page(call.params, call.headers, core.switches)
    shown = items if page is None else page.cut(items)
    core.readable(shown)
    style = _style(core, call)
    rows = [video(item, core.library.tags, style, core.switches.lock_names) for item in shown]
    places = {item.section.key: item.section for item in items}
    place = _place(*places.values()) if len(places) == 1 else {}
    known: Attributes = {"totalSize": len(items), "allowSync": 1, "identifier": IDENTIFIER}
    return document(rows, {**known, **_TAGS, **place})


def prefs(_: Core, __: Call) -> Response:
    setting: Attributes = {"id": "FriendlyName", "type": "text", "value": "Fake Plex"}
    return document([encoded(element("Setting", setting))], {})


def _place(found: Section) -> dict[str, str | int]:
    return {
        "librarySectionID": found.key,
        "librarySectionTitle": found.title,
        "librarySectionUUID": found.uuid,
    }


def _style(core: Core, call: Call) -> RowStyle:
    if not core.switches.honours_exclude_elements:
        return RowStyle()
    names = call.params.names
    return RowStyle(names("excludeElements"), names("excludeFields"))

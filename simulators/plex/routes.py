import re
from collections.abc import Callable
from typing import NamedTuple

from simulators.plex import read_handlers as read, write_handlers as write
from simulators.plex.core import Call, Core
from simulators.plex.params import Params
from simulators.plex.request_log import Kind
from simulators.wire import Response


class Route(NamedTuple):
    method: str
    path: str
    kind: Kind
    handler: Callable[[Core, Call], Response]
    owner: bool = False
    public: bool = False


_META = r"/library/metadata/(\d+)"
_ITEMS = r"/library/metadata/([\d,]+)"
_SECTION = r"/library/sections/(\w+)"
ROUTES = (
    Route("GET", rf"{_SECTION}/all", "listing", read.listing),
    Route("GET", _ITEMS, "metadata", read.metadata),
    Route("PUT", rf"{_SECTION}/all", "edit", write.edit_section, owner=True),
    Route("PUT", _ITEMS, "edit", write.edit_metadata, owner=True),
    Route("POST", rf"{_META}/(posters)", "poster_upload", write.upload, owner=True),
    Route("POST", rf"{_META}/(arts)", "art_upload", write.upload, owner=True),
    Route("GET", rf"{_META}/(posters|arts)", "poster_list", write.image_list),
    Route("GET", rf"{_META}/file", "image_fetch", write.image_file),
    Route("GET", r"/identity", "identity", read.identity, public=True),
    Route("GET", r"/(?:library/?)?", "root", read.identity),
    Route("GET", r"/library/sections/?", "sections", read.sections),
    Route("GET", rf"{_SECTION}/collections", "collections", read.collections),
    Route("GET", rf"{_SECTION}/refresh", "scan", write.scan, owner=True),
    Route("PUT", rf"{_META}/(poster|art)", "image_select", write.choose_image, owner=True),
    Route("DELETE", rf"{_META}/(thumb|art)", "image_select", write.choose_image, owner=True),
    Route("GET", r"/:/prefs", "prefs", read.prefs, owner=True),
)
_COMPILED = [(route, re.compile(route.path)) for route in ROUTES]


def find_route(method: str, path: str) -> tuple[Route | None, tuple[str, ...]]:
    for route, pattern in _COMPILED:
        if method == route.method and (match := pattern.fullmatch(path)):
            return route, match.groups()
    return None, ()


def kind_of(route: Route | None, params: Params) -> Kind:
    if route is None:
        return "other"
    return "file_filter" if route.kind == "listing" and "file" in params else route.kind

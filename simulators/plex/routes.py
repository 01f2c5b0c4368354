"""Which path is which kind of request, who may make it, and who answers it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from simulators.plex import read_handlers as read
from simulators.plex import write_handlers as write
from simulators.plex.answers import Response
from simulators.plex.core import Call, Core
from simulators.plex.params import Params
from simulators.plex.request_log import Kind
from simulators.plex.state import COLLECTION_TYPE

Handler = Callable[[Core, Call], Response]


@dataclass(frozen=True, slots=True)
class Route:
    """`owner`: a shared user gets 403; `public`: no token is needed."""

    methods: frozenset[str]
    path: re.Pattern[str]
    kind: Kind
    handler: Handler
    owner: bool = False
    public: bool = False


def _route(methods: str, path: str, kind: Kind, handler: Handler, *, owner: bool = False) -> Route:
    public = kind == "identity"
    return Route(frozenset(methods.split("|")), re.compile(path), kind, handler, owner, public)


_META = r"/library/metadata/(\d+)"
_SECTION = r"/library/sections/(\w+)"
_COLLECTION = r"/library/collections/(\d+)"

ROUTES = (
    _route("GET", rf"{_SECTION}/all", "listing", read.listing),
    _route("GET", r"/library/metadata/([\d,]+)", "metadata", read.metadata),
    _route("PUT", rf"{_SECTION}/all", "edit", write.edit_section, owner=True),
    _route("PUT", r"/library/metadata/([\d,]+)", "edit", write.edit_metadata, owner=True),
    _route("POST", rf"{_META}/(posters)", "poster_upload", write.upload, owner=True),
    _route("POST", rf"{_META}/(arts)", "art_upload", write.upload, owner=True),
    _route("GET", rf"{_META}/(posters|arts)", "poster_list", write.image_list),
    _route("GET", r"/identity", "identity", read.identity),
    _route("GET", r"/", "root", read.root),
    _route("GET", r"/library/?", "library", read.library),
    _route("GET", r"/library/sections/?", "sections", read.sections),
    _route("GET", _SECTION, "sections", read.section),
    _route("GET|POST|DELETE", rf"{_SECTION}/refresh", "scan", write.scan, owner=True),
    _route("PUT", rf"{_SECTION}/emptyTrash", "empty_trash", write.empty_trash, owner=True),
    _route("GET", rf"{_SECTION}/collections", "collection", read.collections),
    _route("GET", rf"{_SECTION}/(\w+)", "tag_choices", read.tag_choices),
    _route("PUT|GET", rf"{_META}/refresh", "refresh", write.refresh_item, owner=True),
    _route("PUT", rf"{_META}/(poster|art)", "image_select", write.choose_image, owner=True),
    _route("DELETE", rf"{_META}/(thumb|art)", "image_select", write.choose_image, owner=True),
    _route("GET", rf"{_META}/(thumb|art)(?:/\d+)?", "image_fetch", write.image_bytes),
    _route("GET", rf"{_META}/file", "image_fetch", write.image_file),
    _route("GET", r"/activities", "activities", read.activities),
    _route("GET", r"/:/prefs", "prefs", read.prefs, owner=True),
    _route("GET", _COLLECTION, "collection", read.collection),
    _route("GET", rf"{_COLLECTION}/(?:children|items)", "collection", read.collection_children),
)


def find_route(method: str, path: str) -> tuple[Route | None, tuple[str, ...]]:
    """The route of a request and the groups of its path."""
    for route in ROUTES:
        if method in route.methods and (match := route.path.fullmatch(path)):
            return route, match.groups()
    return None, ()


def kind_of(route: Route | None, params: Params) -> Kind:
    """The kind for the log: a listing may be a look-up by file or a list of collections."""
    if route is None:
        return "other"
    if route.kind == "listing":
        if params.number("type") == COLLECTION_TYPE:
            return "collection"
        if "file" in params:
            return "file_filter"
    return route.kind

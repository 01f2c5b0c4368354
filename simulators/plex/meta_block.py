"""The `Meta` block of `?includeMeta=1`: what can be filtered and sorted, and how."""

from __future__ import annotations

from simulators.plex.state import COLLECTION_TYPE, MOVIE_TYPE
from simulators.plex.xml_render import Attributes, element

_MOVIE_FIELDS = {
    "title": "string",
    "studio": "string",
    "file": "string",
    "userRating": "integer",
    "contentRating": "tag",
    "year": "integer",
    "originallyAvailableAt": "date",
    "addedAt": "date",
    "duration": "integer",
    "unmatched": "boolean",
    "genre": "tag",
    "collection": "tag",
    "director": "tag",
    "writer": "tag",
    "producer": "tag",
    "actor": "tag",
    "country": "tag",
    "label": "tag",
}
_HIDDEN_FIELDS = {"file"}
"""Filters that work although Plex does not list them (plex-protocol.md §2.1)."""
_MOVIE_SORTS = {
    "titleSort": "asc",
    "year": "desc",
    "originallyAvailableAt": "desc",
    "addedAt": "desc",
    "userRating": "desc",
    "duration": "desc",
}
_OPERATORS = {
    "string": ("=", "!=", "==", "!==", "<=", ">="),
    "integer": ("=", "!=", ">>=", "<<="),
    "date": ("=", "!=", ">>=", "<<="),
    "boolean": ("=1", "=0"),
    "tag": ("=", "!="),
}


def meta_block(section_key: int, *, collections: bool) -> bytes:
    """The block for `/all`, or the one for `/collections`, which plexapi asks for as well."""
    if collections:
        fields, sorts = {"title": "string"}, {"titleSort": "asc", "addedAt": "desc"}
        kind, number = "collection", COLLECTION_TYPE
    else:
        fields = {name: of for name, of in _MOVIE_FIELDS.items() if name not in _HIDDEN_FIELDS}
        sorts, kind, number = _MOVIE_SORTS, "movie", MOVIE_TYPE
    described: Attributes = {
        "key": f"/library/sections/{section_key}/all?type={number}",
        "type": kind,
        "title": f"{kind.capitalize()}s",
        "active": 1,
    }
    content = "".join(
        (
            *(_filter(section_key, name, of) for name, of in fields.items()),
            *(_sort(name, direction) for name, direction in sorts.items()),
            *(
                element("Field", {"key": name, "title": name.capitalize(), "type": of})
                for name, of in fields.items()
            ),
        )
    )
    field_types = "".join(_field_type(name) for name in _OPERATORS)
    return element("Meta", {}, element("Type", described, content) + field_types).encode() + b"\n"


def _filter(section_key: int, name: str, field_type: str) -> str:
    attributes = {
        "filter": name,
        "filterType": field_type,
        "key": f"/library/sections/{section_key}/{name}",
        "title": name.capitalize(),
        "type": "filter",
    }
    return element("Filter", attributes)


def _sort(name: str, direction: str) -> str:
    attributes = {
        "key": name,
        "descKey": f"{name}:desc",
        "defaultDirection": direction,
        "title": name.capitalize(),
    }
    return element("Sort", attributes)


def _field_type(name: str) -> str:
    operators = (element("Operator", {"key": key, "title": key}) for key in _OPERATORS[name])
    return element("FieldType", {"type": name}, "".join(operators))

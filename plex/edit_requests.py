"""Groups the fields of an edit into requests, and shortens requests that are too long."""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from urllib.parse import quote, unquote

from plex.server_facts import RemovalEncoding
from validation.paths import folded
from validation.sanitizers import cut

MAX_QUERY = 7_000  # bytes; Plex refuses request lines over some 8 KiB (docs/reference/plex.md)
Parameters = Mapping[str, str]
Fields = Mapping[str, Parameters]

_ADDED = re.compile(r"(\w+)\[\d+\]\.tag\.tag")
_EMPTIED, _REMOVED = "[].tag", "[].tag.tag-"
_ELLIPSIS = "…"


def query(parameters: Parameters) -> str:
    """Return the parameters as a URL's query."""
    return "&".join(f"{quote(key)}={quote(value, safe='')}" for key, value in parameters.items())


def packed(fields: Fields, limit: int = MAX_QUERY) -> Iterator[Fields]:
    """Yield groups of fields that fit into a request each; a longer field is a group of its own."""
    # A quoted byte takes up to three characters. Most edits are short, and quoting takes long.
    if fields and 3 * len(str(fields).encode()) <= limit:
        yield fields
        return
    lengths = [(name, len(query(parameters)) + 1) for name, parameters in fields.items()]
    for group in _grouped(lengths, limit):
        yield {name: fields[name] for name in group}


def joined(group: Fields) -> dict[str, str]:
    """Return the parameters of all fields of a group."""
    return {key: value for parameters in group.values() for key, value in parameters.items()}


def is_long(parameters: Parameters, limit: int = MAX_QUERY) -> bool:
    """Tell whether a request may be refused for its length."""
    return len(query(parameters)) > limit


def pieces(parameters: Parameters, limit: int = MAX_QUERY) -> list[dict[str, str]]:
    """Return the requests that build a long list step by step; empty for a text.

    The last request contains the removals and the lock, so an interrupted list still counts as
    different. A server that replaces lists keeps only the last piece.
    """
    plex_name = list_name(parameters)
    if plex_name is None:
        return []
    surplus = f"{plex_name}[].tag.tag-"
    removed = [name for name in parameters.get(surplus, "").split(",") if name]
    lock = f"{plex_name}.locked"
    room = limit - len(query({lock: "1"})) - 1
    requests = [{key: ""} for key in (f"{plex_name}[].tag",) if key in parameters]
    lengths = _lengths(added_names(parameters), query({f"{plex_name}[999].tag.tag": ""}) + "&")
    requests += [
        {f"{plex_name}[{n}].tag.tag": name for n, name in enumerate(names)}
        for names in _grouped(lengths, room)
    ]
    lengths = _lengths(removed, quote(","))
    requests += [
        {surplus: ",".join(names)} for names in _grouped(lengths, room - len(query({surplus: ""})))
    ]
    if lock in parameters and requests:
        requests[-1][lock] = parameters[lock]
    return requests


def list_name(parameters: Parameters) -> str | None:
    """Return Plex's name of the list that the parameters change; None for a scalar field."""
    return next((key.split("[")[0] for key in parameters if "[" in key), None)


def added_names(parameters: Parameters) -> list[str]:
    """Return the names that the parameters add; empty for a scalar field."""
    return [value for key, value in parameters.items() if _ADDED.fullmatch(key)]


def removed_names(parameters: Parameters) -> set[str]:
    """Return the names that the parameters remove."""
    lists = [value for key, value in parameters.items() if key.endswith(_REMOVED)]
    return {unquote(name) for names in lists for name in names.split(",")}


def list_parameters(
    plex_name: str,
    wanted: tuple[str, ...],
    current: tuple[str, ...],
    encoding: RemovalEncoding | None = None,
) -> dict[str, str]:
    """Return the parameters that replace a list (by Plex's name) and lock it.

    Some servers append the names of an edit, others replace the list. So all names are sent, and
    surplus names are removed by name.
    """
    keys = {folded(name) for name in wanted}
    # Send a name in the item's spelling, because some servers treat `É` and `é` as two tags.
    spelled = {folded(name): name for name in current}
    names = [spelled.get(folded(name), name) for name in wanted]
    surplus = [name for name in current if folded(name) not in keys]
    parameters = {f"{plex_name}[{i}].tag.tag": name for i, name in enumerate(names)}
    if encoding is RemovalEncoding.ONCE and any("," in name for name in surplus):
        # Such a server splits a removed name at its comma, so empty the list first.
        parameters = {f"{plex_name}[].tag": "", **parameters}
    elif surplus:
        spellings = [spelling for name in surplus for spelling in _spellings(name, encoding)]
        parameters[f"{plex_name}[].tag.tag-"] = ",".join(spellings)
    parameters[f"{plex_name}.locked"] = "1"
    return parameters


def needs_decoding(name: str) -> bool:
    """Tell whether only a server that decodes removed names twice can remove this name."""
    return name not in _spellings(name, None)


def _spellings(name: str, encoding: RemovalEncoding | None) -> list[str]:
    """Return the spellings of a name in a list of names to remove.

    Plex splits the list at commas and decodes each name. Some servers may not decode, so the plain
    name is added, unless a decoding server would take it for another name.
    """
    quoted = quote(name, safe="")
    is_safe = "," not in name and "+" not in name and unquote(name) == name
    is_plain = encoding is RemovalEncoding.ONCE or (encoding is None and is_safe)
    return [quoted, name] if is_plain and quoted != name else [quoted]


def apart(parameters: Parameters) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Return a list's parameters without removals, and a request for each removed name."""
    kept = {key: value for key, value in parameters.items() if not key.endswith(_REMOVED)}
    removals = [
        {key: name}
        for key, names in parameters.items()
        if key.endswith(_REMOVED)
        for name in names.split(",")
    ]
    return kept, removals


def is_emptying(parameters: Parameters) -> bool:
    """Tell whether an edit empties a list."""
    return any(key.endswith(_EMPTIED) for key in parameters)


def refilled(parameters: Parameters) -> dict[str, str]:
    """Return the parameters to send after an edit that empties a list; empty for other edits.

    A server may empty the list after it has added the names of the same request.
    """
    if not is_emptying(parameters) or not added_names(parameters):
        return {}
    return {key: value for key, value in parameters.items() if not key.endswith(_EMPTIED)}


def without_names(parameters: Parameters, names: Collection[str]) -> dict[str, str]:
    """Return a list's parameters without some of the added names."""
    plex_name = list_name(parameters)
    kept = [name for name in added_names(parameters) if name not in names]
    return {
        **{f"{plex_name}[{n}].tag.tag": name for n, name in enumerate(kept)},
        **{key: value for key, value in parameters.items() if not _ADDED.fullmatch(key)},
    }


def shortened(parameters: Parameters, limit: int = MAX_QUERY) -> dict[str, str]:
    """Return a text's parameters, cut between words to fit; unchanged for a list."""
    key = next((key for key in parameters if key.endswith(".value")), None)
    if key is None or not is_long(parameters, limit):
        return dict(parameters)
    text = parameters[key]

    def is_too_long(length: int) -> bool:
        return is_long({**parameters, key: text[:length] + _ELLIPSIS}, limit)

    fits = max(0, bisect_left(range(len(text)), True, key=is_too_long) - 1)
    return {**parameters, key: cut(text, fits) + _ELLIPSIS}


def is_shortened(short: str, full: str) -> bool:
    """Tell whether `shortened` may have made the first text of the second."""
    return short.endswith(_ELLIPSIS) and full.startswith(short.removesuffix(_ELLIPSIS))


def text_of(parameters: Parameters) -> str:
    """Return the text that the parameters set; empty for a list."""
    return next((value for key, value in parameters.items() if key.endswith(".value")), "")


def _lengths(names: Iterable[str], extra: str) -> list[tuple[str, int]]:
    return [(name, len(quote(name, safe="")) + len(extra)) for name in names]


def _grouped(lengths: Iterable[tuple[str, int]], room: int) -> Iterator[list[str]]:
    """Yield names in order, in as few groups of a total length up to `room` as possible."""
    group: list[str] = []
    total = 0
    for name, length in lengths:
        if group and total + length > room:
            yield group
            group, total = [], 0
        group.append(name)
        total += length
    if group:
        yield group

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from urllib.parse import quote, unquote

from plex.server_facts import RemovalEncoding
from validation.paths import folded
from validation.sanitizers import cut

# Plex refuses request lines over about 8 KiB (docs/reference/plex.md).
MAX_QUERY = 7_000
Parameters = Mapping[str, str]
Fields = Mapping[str, Parameters]
Names = tuple[str, ...]

_ADDED = re.compile(r"(\w+)\[\d+\]\.tag\.tag")
_EMPTIED, REMOVED = "[].tag", "[].tag.tag-"
_ELLIPSIS = "…"
_quoted = lru_cache(maxsize=256)(partial(quote, safe=""))


def query(parameters: Parameters) -> str:
    return "&".join(f"{_quoted(key)}={_quoted(value)}" for key, value in parameters.items())


def packed(fields: Fields) -> Iterator[Fields]:
    for group in _grouped(fields, lambda name: len(query(fields[name])) + 1, MAX_QUERY):
        yield {name: fields[name] for name in group}


def joined(group: Fields) -> dict[str, str]:
    return {key: value for parameters in group.values() for key, value in parameters.items()}


def is_long(parameters: Parameters) -> bool:
    return len(query(parameters)) > MAX_QUERY


def pieces(parameters: Parameters) -> list[dict[str, str]]:
    """Split the edit of a list field into several short requests. Return `[]` for other fields.

    The last request sets the lock. So a lock shows that all requests have arrived.
    """
    plex_name = list_name(parameters)
    if plex_name is None:
        return []
    surplus, lock = f"{plex_name}{REMOVED}", f"{plex_name}.locked"
    removed = [name for name in parameters.get(surplus, "").split(",") if name]
    room = MAX_QUERY - len(query({lock: "1"})) - 1
    added_groups = _grouped(
        added_names(parameters),
        lambda name: len(query({f"{plex_name}[999].tag.tag": name})) + 1,
        room,
    )
    removed_groups = _grouped(
        removed, lambda name: len(quote(f"{name},", safe="")), room - len(query({surplus: ""}))
    )
    requests = [{f"{plex_name}{_EMPTIED}": ""}] if is_emptying(parameters) else []
    requests += [additions(plex_name, names) for names in added_groups]
    requests += [{surplus: ",".join(names)} for names in removed_groups]
    if lock in parameters and requests:
        requests[-1][lock] = parameters[lock]
    return requests


def additions(plex_name: str, names: Iterable[str]) -> dict[str, str]:
    return {f"{plex_name}[{n}].tag.tag": name for n, name in enumerate(names)}


def list_name(parameters: Parameters) -> str | None:
    return next((key.split("[")[0] for key in parameters if "[" in key), None)


def added_names(parameters: Parameters) -> list[str]:
    return [value for key, value in parameters.items() if _ADDED.fullmatch(key)]


def removed_names(parameters: Parameters) -> set[str]:
    lists = [value for key, value in parameters.items() if key.endswith(REMOVED)]
    return {unquote(name) for names in lists for name in names.split(",")}


def list_parameters(
    plex_name: str, wanted: Names, current: Names, encoding: RemovalEncoding | None = None
) -> dict[str, str]:
    keys = {folded(name) for name in wanted}
    # Some servers treat `É` and `é` as two tags, so the request uses the spelling in Plex.
    spelled = {folded(name): name for name in current}
    names = [spelled.get(folded(name), name) for name in wanted]
    surplus = [name for name in current if folded(name) not in keys]
    parameters = additions(plex_name, names)
    if encoding is RemovalEncoding.ONCE and any("," in name for name in surplus):
        # This server cannot remove a name with a comma, so the list is emptied and filled again.
        parameters = {f"{plex_name}{_EMPTIED}": "", **parameters}
    elif surplus:
        # Some servers add the sent names instead of replacing the list. So each surplus name is
        # removed explicitly.
        encoded = [text for name in surplus for text in _encodings(name, encoding)]
        parameters[f"{plex_name}{REMOVED}"] = ",".join(encoded)
    parameters[f"{plex_name}.locked"] = "1"
    return parameters


def needs_decoding(name: str) -> bool:
    return name not in _encodings(name, None)


def _encodings(name: str, encoding: RemovalEncoding | None) -> list[str]:
    # Most Plex servers URL-decode the names of removed tags twice. So the names are encoded once
    # here, and a second time in `query`.
    quoted = quote(name, safe="")
    is_safe = "," not in name and "+" not in name and unquote(name) == name
    is_plain = encoding is RemovalEncoding.ONCE or (encoding is None and is_safe)
    return [quoted, name] if is_plain and quoted != name else [quoted]


def is_emptying(parameters: Parameters) -> bool:
    return any(key.endswith(_EMPTIED) for key in parameters)


def refilled(parameters: Parameters) -> dict[str, str]:
    # If one request empties a list and adds names to it, some servers lose the added names.
    if not is_emptying(parameters) or not added_names(parameters):
        return {}
    return {key: value for key, value in parameters.items() if not key.endswith(_EMPTIED)}


def without_names(parameters: Parameters, names: Collection[str]) -> dict[str, str]:
    kept = [name for name in added_names(parameters) if name not in names]
    others = {key: value for key, value in parameters.items() if not _ADDED.fullmatch(key)}
    return {**additions(list_name(parameters) or "", kept), **others}


def shortened(parameters: Parameters) -> dict[str, str]:
    key = next((key for key in parameters if key.endswith(".value")), None)
    if key is None or not is_long(parameters):
        return dict(parameters)
    text = parameters[key]
    too_long = bisect_left(
        range(len(text)), True, key=lambda n: is_long({**parameters, key: text[:n] + _ELLIPSIS})
    )
    return {**parameters, key: cut(text, max(0, too_long - 1)) + _ELLIPSIS}


def is_shortened(short: str, full: str) -> bool:
    return short.endswith(_ELLIPSIS) and full.startswith(short.removesuffix(_ELLIPSIS))


def text_of(parameters: Parameters) -> str:
    return next((value for key, value in parameters.items() if key.endswith(".value")), "")


def _grouped(names: Iterable[str], length: Callable[[str], int], room: int) -> Iterator[list[str]]:
    group: list[str] = []
    total = 0
    for name in names:
        if group and total + length(name) > room:
            yield group
            group, total = [], 0
        group.append(name)
        total += length(name)
    if group:
        yield group

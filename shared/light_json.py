"""`json.loads` and `json.dumps` without the cost of `import json`, a quarter of a hook's time.

`json` imports `re` for its error messages. What its C parts alone cannot do is done by `json`.
"""

TYPE_CHECKING = False  # importing `typing` costs a third of a bare interpreter's start
if TYPE_CHECKING:
    from typing import Any


class _Context:
    """The attributes that the C scanner reads from its decoder: the defaults of `json.loads`."""

    strict = True
    object_hook = object_pairs_hook = parse_constant = None
    parse_float, parse_int = float, int


def loads(data: "bytes | str") -> "Any":
    """Return what `json.loads` returns; raise what it raises."""
    try:
        from _json import make_scanner  # noqa: PLC0415 - not every interpreter has it

        text = (data if isinstance(data, str) else data.decode()).strip(" \t\n\r")
        value, end = make_scanner(_Context)(text, 0)  # type: ignore[arg-type] # wants its own class
        if end == len(text):
            return value
    except Exception:  # noqa: BLE001, S110 - `json` decides what is wrong
        pass
    import json  # noqa: PLC0415

    return json.loads(data)


def _refuse(value: object) -> "Any":
    raise TypeError(type(value).__name__)


def dumps(value: "Any") -> str:
    """Return what `json.dumps` returns; raise what it raises."""
    try:
        from _json import encode_basestring_ascii, make_encoder  # noqa: PLC0415

        options = (None, ": ", ", ", False, False, True)  # the defaults of `json.dumps`
        return "".join(make_encoder({}, _refuse, encode_basestring_ascii, *options)(value, 0))
    except Exception:  # noqa: BLE001
        import json  # noqa: PLC0415

        return json.dumps(value)

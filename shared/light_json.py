"""JSON as `json` reads and writes it, without what importing `json` costs a hook.

`json` needs `re` and that `enum`, for error messages and for interpreters without its C parts: a
quarter of what a hook takes beyond a bare start. Whatever the C parts alone do not take, or are
not there for, goes to `json` itself, so that results and errors are the same.
"""

TYPE_CHECKING = False  # `typing` costs a third of a bare interpreter's start on the hook path
if TYPE_CHECKING:
    from typing import Any

_SPACE = " \t\n\r"  # JSON's; a text may have others only inside its strings


class _Context:
    """What the scanner asks its decoder for: `json.loads`'s defaults."""

    strict = True
    object_hook = object_pairs_hook = parse_constant = None
    parse_float, parse_int = float, int


def loads(data: "bytes | str") -> "Any":
    """Return what `json.loads` returns.

    Raises:
        ValueError: as `json.loads` does.
    """
    try:
        from _json import make_scanner  # noqa: PLC0415 - not every interpreter has it

        text = (data if isinstance(data, str) else data.decode()).strip(_SPACE)
        scan = make_scanner(_Context)  # type: ignore[arg-type] # the stub wants its own class
        value, end = scan(text, 0)
        if end == len(text):
            return value
    except Exception:  # noqa: BLE001, S110 - `json` decides what is wrong, and how it is told
        pass
    import json  # noqa: PLC0415 - see above

    return json.loads(data)


def _refuse(value: object) -> "Any":
    raise TypeError(type(value).__name__)


def dumps(value: "Any") -> str:
    """Return what `json.dumps` returns.

    Raises:
        TypeError, ValueError: as `json.dumps` does.
    """
    try:
        from _json import encode_basestring_ascii, make_encoder  # noqa: PLC0415 - as above

        encode = make_encoder(
            {},
            _refuse,
            encode_basestring_ascii,
            None,  # no indentation
            ": ",
            ", ",
            False,  # keys are not sorted
            False,  # and not skipped
            True,  # NaN is written, as `json` does
        )
        return "".join(encode(value, 0))
    except Exception:  # noqa: BLE001 - as above
        import json  # noqa: PLC0415 - as above

        return json.dumps(value)

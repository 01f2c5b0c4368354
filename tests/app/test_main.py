"""The hook path's reader of JSON against `json`: equal values, or None for any doubt."""

import json

from hypothesis import given, strategies as st

from app.main import _read_hook
from tests.validation.strategies import JSON

SPACES = st.text(" \t\n\r", max_size=2)


@given(JSON, JSON, SPACES, st.booleans())
def test_a_hook_is_read_as_json_reads_it(
    context: object, connection: object, after: str, ascii_only: bool
) -> None:
    message = {"server_connection": connection, "args": {"hookContext": context}}
    data = json.dumps(message, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    hook = _read_hook(data + after.encode())

    is_readable = ascii_only or data.decode("utf-8", "replace").encode() == data
    assert repr(hook) == repr((context, json.dumps(connection)) if is_readable else None)


@given(JSON, st.text("{}[],x1", min_size=1, max_size=2))
def test_any_other_input_is_left_to_json(value: object, behind: str) -> None:
    whole = json.dumps({"args": {"hookContext": value}})

    for text in (json.dumps(value), json.dumps({"args": value}), whole + behind, whole[:-1]):
        assert _read_hook(text.encode()) is None

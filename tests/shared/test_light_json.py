"""The hook path's JSON against `json`: equal values, equal texts, equal errors."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.light_json import dumps, loads

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
SPACES = st.text(" \t\n\r\u00a0", max_size=2)


def outcome(read: object, data: object) -> object:
    assert callable(read)
    try:
        return repr(read(data))
    except (ValueError, TypeError) as error:
        return f"{type(error).__name__}: {error}"


@given(VALUES)
def test_a_value_becomes_the_text_that_json_makes_of_it(value: object) -> None:
    assert dumps(value) == json.dumps(value)


@given(VALUES, SPACES, SPACES, st.booleans(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_a_text_is_read_as_json_reads_it(
    value: object, before: str, after: str, ascii_only: bool, encoding: str
) -> None:
    text = before + json.dumps(value, ensure_ascii=ascii_only) + after
    data = text.encode(encoding, "surrogatepass")

    assert outcome(loads, text) == outcome(json.loads, text)
    assert outcome(loads, data) == outcome(json.loads, data)


@given(st.text('{}[]",:0123456789.eE+-truefalsnNIy \\u\n\x00\ufeff', max_size=12) | st.text())
def test_any_text_gives_what_json_gives(text: str) -> None:
    assert outcome(loads, text) == outcome(json.loads, text)


@given(st.binary(max_size=20))
def test_any_bytes_give_what_json_gives(data: bytes) -> None:
    assert outcome(loads, data) == outcome(json.loads, data)


@pytest.mark.parametrize("value", [object(), {(1, 2): 3}, [b"a"], {1: math.inf, None: math.nan}])
def test_what_is_no_json_is_refused_or_written_as_json_does(value: object) -> None:
    assert outcome(dumps, value) == outcome(json.dumps, value)

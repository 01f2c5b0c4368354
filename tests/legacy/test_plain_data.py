"""Pickles are read as far as they are plain data, and nothing in them ever runs."""

from __future__ import annotations

import os
import pickle
import pickletools
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy.plain_data import DEEPEST, LARGEST, MOST_VALUES, NotPlainError, read_plain
from tests.legacy.support import earlier_job

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**300), max_value=2**300)
    | st.floats(allow_nan=False)
    | st.text(max_size=300)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.lists(inner, max_size=6).map(tuple)
        | st.dictionaries(st.text(), inner, max_size=6)
    ),
    max_leaves=25,
)


@dataclass
class Calls:
    """Unpickles by a call."""

    function: Any
    arguments: tuple[Any, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.arguments


# -- plain data -------------------------------------------------------------------------------


@given(VALUES, st.sampled_from(PROTOCOLS))
def test_plain_data_of_every_protocol_is_read_as_it_was(value: Any, protocol: int) -> None:
    found = read_plain(pickle.dumps(value, protocol))

    assert found == value
    assert repr(found) == repr(value)  # True is no 1, a tuple no list


def test_a_value_that_stands_in_several_places_is_read_in_all_of_them() -> None:
    name = "".join(["Ada", " Berg"])
    value = {"a": [name, name], "b": [["x"]] * 3}

    assert read_plain(pickle.dumps(value, 4)) == value


# -- all else ---------------------------------------------------------------------------------


def hostile(marker: Path) -> list[bytes]:
    """Pickles that would make that file if anything in them ran."""
    command = f"{sys.executable} -c \"open({str(marker)!r}, 'w')\""
    call = Calls(os.system, (command,))
    wrapped: list[Any] = [call, {"scene_id": 5, "data": {"title": call}}, [[({"a": [call]},)]]]
    wrapped.append(Calls(eval, (f"open({str(marker)!r}, 'w')",)))
    made = [pickle.dumps(one, protocol) for one in wrapped for protocol in PROTOCOLS]
    text = repr(command).encode()
    return [
        *made,
        b"cos\nsystem\n(S" + text + b"\ntR.",
        b"(S" + text + b"\nios\nsystem\n.",
        b"(cos\nsystem\nS" + text + b"\no.",
        b"\x80\x02cos\nsystem\nS" + text + b"\n\x85R.",
    ]


def test_nothing_in_a_hostile_pickle_runs(tmp_path: Path) -> None:
    marker = tmp_path / "it ran"
    payloads = hostile(marker)

    for payload in payloads:
        with pytest.raises(NotPlainError, match="more than plain data"):
            read_plain(payload)
        assert not marker.exists()

    for payload in payloads[:3]:  # they are what they are said to be
        pickle.loads(payload)
        assert marker.exists()
        marker.unlink()


@pytest.mark.parametrize(
    "name",
    [
        *("GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD"),
        *("PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER"),
        *("BYTEARRAY8", "EMPTY_SET", "ADDITEMS", "FROZENSET", "DUP", "POP", "POP_MARK"),
    ],
)
def test_an_instruction_that_plain_data_does_not_need_is_refused(name: str) -> None:
    (operation,) = [one for one in pickletools.opcodes if one.name == name]
    arguments = {"GLOBAL": b"os\nsystem\n", "INST": b"os\nsystem\n", "PERSID": b"1\n"}
    argument = arguments.get(name, b"" if operation.arg is None else bytes(8))
    data = b"\x80\x04(]}NN" + operation.code.encode("latin-1") + argument + b"."

    with pytest.raises(NotPlainError, match=rf"more than plain data \({name}\)"):
        read_plain(data)


# -- damage and excess ------------------------------------------------------------------------

REAL = [pickle.dumps(earlier_job(5), protocol) for protocol in PROTOCOLS]


@given(st.sampled_from(REAL), st.data())
def test_a_pickle_that_was_cut_is_refused(whole: bytes, data: st.DataObject) -> None:
    length = data.draw(st.integers(min_value=0, max_value=len(whole) - 1))

    with pytest.raises(NotPlainError):
        read_plain(whole[:length])


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: REAL[4][:50] + tail))
def test_any_bytes_are_plain_data_or_refused(data: bytes) -> None:
    refused_or_plain(data)


@given(
    st.sampled_from(REAL),
    st.lists(
        st.tuples(st.integers(min_value=0), st.integers(min_value=0, max_value=255)),
        min_size=1,
        max_size=8,
    ),
)
def test_a_pickle_with_changed_bytes_is_plain_data_or_refused(
    whole: bytes, changes: list[tuple[int, int]]
) -> None:
    damaged = bytearray(whole)
    for place, byte in changes:
        damaged[place % len(damaged)] = byte

    refused_or_plain(bytes(damaged))


def refused_or_plain(data: bytes) -> None:
    with suppress(NotPlainError):
        assert is_plain(read_plain(data))


def is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and is_plain(one) for key, one in value.items())
    if isinstance(value, list | tuple):
        return all(is_plain(one) for one in value)
    return type(value) in (str, bytes, int, float, bool, type(None))


def _holds_itself() -> bytes:
    value: list[Any] = []
    value.append(value)
    return pickle.dumps(value, 4)


def _doubled(times: int) -> bytes:
    value: list[Any] = ["x"]
    for _ in range(times):
        value = [value, value]
    return pickle.dumps(value, 4)


def _deep(depth: int) -> bytes:
    return b"\x80\x04" + b"]" * depth + b"a" * (depth - 1) + b"."


@pytest.mark.parametrize(
    "data",
    [
        _holds_itself(),
        _doubled(28),
        _deep(DEEPEST + 1),
        _deep(100_000),
        b"\x80\x04}(" + b")" + b"\x85" * 100_000 + b"Nu.",  # a key whose hash would recurse
        pickle.dumps({"a": ["x"] * (MOST_VALUES + 1)}),
        pickle.dumps({"a": "x" * LARGEST}),
    ],
    ids=["holds itself", "doubled", "deep", "very deep", "deep key", "many", "large"],
)
def test_what_no_reader_would_come_through_is_refused(data: bytes) -> None:
    with pytest.raises(NotPlainError):
        read_plain(data)


def test_a_number_under_which_a_value_is_noted_takes_no_memory() -> None:
    """The standard library's reader allocates as many places as the number says."""
    assert read_plain(b"\x80\x02Nr\xff\xff\xff\xff.") is None


def test_a_length_that_the_data_does_not_have_takes_no_memory() -> None:
    with pytest.raises(NotPlainError, match="damaged"):
        read_plain(b"\x80\x04\x8d" + (2**60).to_bytes(8, "little") + b"x.")


@pytest.mark.parametrize("key", [1, 2.5, None, (), b"k"], ids=repr)
def test_a_key_that_is_no_text_is_refused(key: object) -> None:
    """The hashes of numbers can be chosen so that thousands of them collide."""
    with pytest.raises(NotPlainError, match="no text"):
        read_plain(pickle.dumps({key: 1}, 4))


@pytest.mark.parametrize(
    "data",
    [b"", b".", b"N", b"NN.", b"(N.", b"Na.", b"(u.", b"}(Nu.", b"h\x00.", b"\x80\x06N.", b"]t."],
)
def test_a_stack_that_does_not_fit_is_damage(data: bytes) -> None:
    with pytest.raises(NotPlainError):
        read_plain(data)

"""Pickles are read as far as they are plain data, and nothing in them ever runs."""

import os
import pickle
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from legacy.jobs import LARGEST_PICKLE, NoJobError, read_pickle
from tests.legacy.support import earlier_job

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
REAL = [pickle.dumps(earlier_job(5), protocol) for protocol in PROTOCOLS]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**300), max_value=2**300)
    | st.floats(allow_nan=False)
    | st.text(max_size=300)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(), inner, max_size=6),
    max_leaves=25,
)


@dataclass
class Calls:
    function: Any
    arguments: tuple[Any, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.arguments


@given(VALUES, st.sampled_from(PROTOCOLS))
def test_plain_data_of_every_protocol_is_read_as_it_was(value: Any, protocol: int) -> None:
    found = read_pickle(pickle.dumps(value, protocol))

    assert repr(found) == repr(value)  # True is no 1


def hostile(marker: Path) -> list[bytes]:
    command = f"{sys.executable} -c \"open({str(marker)!r}, 'w')\""
    call = Calls(os.system, (command,))
    wrapped: list[Any] = [call, {"scene_id": 5, "data": {"title": call}}, [[({"a": [call]},)]]]
    wrapped.append(Calls(eval, (f"open({str(marker)!r}, 'w')",)))
    text = repr(command).encode()
    return [
        *(pickle.dumps(value, protocol) for value in wrapped for protocol in PROTOCOLS),
        b"cos\nsystem\n(S" + text + b"\ntR.",
        b"(S" + text + b"\nios\nsystem\n.",
        b"(cos\nsystem\nS" + text + b"\no.",
        b"\x80\x02cos\nsystem\nS" + text + b"\n\x85R.",
        b"P1\n.",
        b"]Q.",
    ]


def test_nothing_in_a_hostile_pickle_runs(tmp_path: Path) -> None:
    marker = tmp_path / "it ran"
    payloads = hostile(marker)

    for payload in payloads:
        with pytest.raises(NoJobError, match="a Python object"):
            read_pickle(payload)
        assert not marker.exists()

    pickle.loads(payloads[0])  # the pickles are what they are said to be
    assert marker.exists()


@given(
    st.sampled_from(REAL),
    st.lists(st.tuples(st.integers(min_value=0), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(min_value=0, max_value=300),
)
def test_a_damaged_pickle_is_read_or_refused(
    whole: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(whole[: len(whole) - cut])
    for place, byte in changes:
        damaged[place % len(damaged)] = byte

    with suppress(NoJobError):
        read_pickle(bytes(damaged))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(NoJobError):
        read_pickle(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04}(" + b")" + b"\x85" * 100_000 + b"Nu.",
        b"\x80\x02Nr\xff\xff\xff\xff.",
        b"\x80\x04\x8d" + (2**60).to_bytes(8, "little") + b"x.",
        pickle.dumps({"a": "x" * LARGEST_PICKLE}),
    ],
    ids=["empty", "deep key", "large memo index", "large length", "large"],
)
def test_a_pickle_that_would_exhaust_the_process_is_refused(data: bytes) -> None:
    with pytest.raises(NoJobError):
        read_pickle(data)

"""What holds of every class that is written once and then only read."""

from __future__ import annotations

import pytest

from shared.frozen import frozen


@frozen
class Point:
    """Where something is."""

    x: int
    y: int = 0


@frozen
class Named:
    """Told apart by its number, whatever else it has."""

    number: int
    words: list[str]

    def __hash__(self) -> int:
        return self.number


def test_what_has_the_same_values_is_the_same() -> None:
    assert Point(1) == Point(1, 0) != Point(1, 1)
    assert len({Point(1), Point(1, 0), Point(1, 1)}) == 2


def test_a_hash_of_its_own_is_kept() -> None:
    assert hash(Named(7, ["cannot be hashed"])) == 7


def test_it_has_no_other_fields() -> None:
    with pytest.raises(AttributeError):
        setattr(Point(1), "z", 2)  # noqa: B010 - mypy would not have it

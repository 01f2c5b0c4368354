"""What holds of every class that is written once and then only read."""

from __future__ import annotations

from dataclasses import field

import pytest

from shared.frozen import frozen


@frozen
class Point:
    """Where something is."""

    x: int
    y: int = 0


@frozen
class Secretive:
    """Two of its fields are not like the others."""

    name: str
    token: str = field(default="", repr=False)
    note: str = field(default="", compare=False)


@frozen
class Nothing:
    """It has no fields at all."""


def test_what_has_the_same_values_is_the_same() -> None:
    assert Point(1) == Point(1, 0) != Point(1, 1)
    assert len({Point(1), Point(1, 0), Point(1, 1)}) == 2
    assert Nothing() == Nothing()
    assert len({Nothing(), Nothing()}) == 1


def test_what_is_of_another_kind_is_another() -> None:
    others: list[object] = [Point(1), (1, 0), Nothing()]
    assert [one == Point(1) for one in others] == [True, False, False]


def test_it_is_shown_with_its_fields_but_for_secrets() -> None:
    assert repr(Point(1)) == "Point(x=1, y=0)"
    assert repr(Secretive("a", "hush", "b")) == "Secretive(name='a', note='b')"


def test_it_has_no_other_fields() -> None:
    with pytest.raises(AttributeError):
        setattr(Point(1), "z", 2)  # noqa: B010 - mypy would not have it

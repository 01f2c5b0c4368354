"""The decorator of what is written once and then only read."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[_T]) -> type[_T]:
    """Make a class a dataclass with slots, compared and hashed by value, that nobody may change.

    It is the type checker that forbids a change, not the interpreter: `dataclass(frozen=True)`
    takes twice as long to make a class, of which a worker has eighty before its first job, and
    twice as long to fill each object.
    """
    return dataclass(slots=True, unsafe_hash="__hash__" not in vars(cls))(cls)

"""Reads the earlier implementation's pickles, as far as they are plain data.

A pickle is a program for a small stack machine. This is such a machine without the instructions
that look up a name, call, build or ask for a persistent object: it has none, so nothing in a file
can run. What it knows makes dict, list, tuple, str, bytes, int, float, bool and None.
"""

import pickletools
from collections.abc import Callable
from typing import Any

LARGEST = 1_000_000  # bytes; a scene's job has a few thousand
DEEPEST, MOST_VALUES = 32, 50_000  # of what was read; a job is four deep and has some hundred
NEWEST_PROTOCOL = 5

_EMPTY: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
}
_LITERALS = frozenset(
    {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
    | {"STRING", "BINSTRING", "SHORT_BINSTRING"}
    | {"UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
    | {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
)
_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class NotPlainError(ValueError):
    """What was to be read is no pickle, or more than plain data; the text says which."""


def read_plain(data: bytes) -> Any:
    """Return what a pickle holds.

    Raises:
        NotPlainError: it holds more than plain data, is damaged, or is larger or deeper than any
            job; nothing of it was run.
    """
    if len(data) > LARGEST:
        message = f"it has {len(data):,} bytes"
        raise NotPlainError(message)
    machine = _Machine()
    try:
        for operation, argument, _ in pickletools.genops(data):
            machine.step(operation.name, argument)
    except NotPlainError:
        raise
    # What a damaged file makes of the standard library's reader and of the stack below.
    except (ValueError, LookupError, ArithmeticError) as error:
        message = f"it is damaged: {error}"
        raise NotPlainError(message) from None
    return _bounded(machine.result())


class _Machine:
    """The stack, the marks on it, and what was noted under a number."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._noted: dict[int, Any] = {}

    def result(self) -> Any:
        """Return the one value that is left."""
        if len(self._stack) != 1 or self._marks:
            message = "it is damaged: it does not end with one value"
            raise NotPlainError(message)
        return self._stack[0]

    def step(self, name: str, argument: Any) -> None:
        """Carry out one instruction."""
        if name in _LITERALS:
            self._stack.append(argument)
        elif name in _EMPTY:
            self._stack.append(_EMPTY[name]())
        elif name in _GETS:
            self._stack.append(self._noted[argument])
        elif name in _PUTS:
            self._noted[argument] = self._stack[-1]
        elif name == "MEMOIZE":
            self._noted[len(self._noted)] = self._stack[-1]
        elif name == "PROTO" and argument > NEWEST_PROTOCOL:
            message = f"it has protocol {argument}"
            raise NotPlainError(message)
        elif name not in ("PROTO", "FRAME", "STOP"):
            self._collect(name)

    def _collect(self, name: str) -> None:
        """Carry out an instruction that makes one value of several."""
        if name == "MARK":
            self._marks.append(len(self._stack))
        elif name in _TUPLES:
            self._stack.append(tuple(self._pop(_TUPLES[name])))
        elif name == "TUPLE":
            self._stack.append(tuple(self._pop_to_mark()))
        elif name == "LIST":
            self._stack.append(self._pop_to_mark())
        elif name == "DICT":
            values = self._pop_to_mark()
            self._stack.append({})
            self._set(values)
        elif name == "APPEND":
            self._extend(self._pop(1))
        elif name == "APPENDS":
            self._extend(self._pop_to_mark())
        elif name == "SETITEM":
            self._set(self._pop(2))
        elif name == "SETITEMS":
            self._set(self._pop_to_mark())
        else:
            message = f"it holds more than plain data ({name})"
            raise NotPlainError(message)

    def _pop(self, count: int) -> list[Any]:
        lowest = self._marks[-1] if self._marks else 0
        if len(self._stack) - count < lowest:
            message = "it is damaged: a value is missing"
            raise NotPlainError(message)
        values = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count :]
        return values

    def _pop_to_mark(self) -> list[Any]:
        mark = self._marks.pop()
        values = self._stack[mark:]
        del self._stack[mark:]
        return values

    def _extend(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, list):
            message = "it is damaged: something is added to what is no list"
            raise NotPlainError(message)
        target.extend(values)

    def _set(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(values) % 2:
            message = "it is damaged: something is set in what is no dict"
            raise NotPlainError(message)
        for key, value in zip(values[::2], values[1::2], strict=True):
            # Text alone: a number's hash can be chosen so that thousands collide.
            if not isinstance(key, str):
                message = f"it has a key that is no text ({type(key).__name__})"
                raise NotPlainError(message)
            target[key] = value


def _bounded(value: Any) -> Any:
    """Return the value, unless it holds itself, or more than a reader would ever come through."""
    waiting, seen = [(value, 1)], 1
    while waiting:
        one, depth = waiting.pop()
        if not isinstance(one, dict | list | tuple):
            continue
        seen += len(one)
        if depth > DEEPEST or seen > MOST_VALUES:
            message = "it is deeper or larger than any job"
            raise NotPlainError(message)
        inner = one.values() if isinstance(one, dict) else one
        waiting.extend((each, depth + 1) for each in inner)
    return value

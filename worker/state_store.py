"""The worker's small states on disk: read whatever they hold, written only when they changed."""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from shared.state_file import read_state, write_state

Report = Callable[[str], None]
Reader = Callable[[str, Report, float], Any]


class Model(Protocol):
    """What can tell its state as JSON; each call gives a value of its own."""

    def to_state(self) -> Any:
        """Return the state as its file shall hold it."""
        ...


ModelT = TypeVar("ModelT", bound=Model)


class StateStore(Generic[ModelT]):
    """One model and its file. Everyone may load; only the holder of the worker lock saves.

    Args:
        path: the file.
        parse: makes the model of whatever the file holds; of nothing, its default.
        report: is told about a file that could not be read.
        now: seconds since the epoch.
        read: `shared.state_file.read_list` for a file that holds a list.
    """

    def __init__(
        self,
        path: str,
        parse: Callable[[Any], ModelT],
        report: Report,
        now: float,
        read: Reader = read_state,
    ) -> None:
        stored = read(path, report, now)
        self._path = path
        self.model = parse(stored)
        # A file of defaults would say nothing: the first write is the first change.
        self._saved = stored or self.model.to_state()

    def save(self) -> bool:
        """Write the state if it changed; return whether it did.

        Raises:
            OSError: the file could not be written; the next call tries again.
        """
        state = self.model.to_state()
        if state == self._saved:
            return False
        write_state(self._path, state)
        self._saved = state
        return True

"""The worker's small states on disk: read whatever they hold, written only when they changed."""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from shared.state_file import KeptState

Report = Callable[[str], None]


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
        kind: what the file holds, `dict` or `list`.
    """

    def __init__(
        self,
        path: str,
        parse: Callable[[Any], ModelT],
        report: Report,
        now: float,
        kind: type[dict[str, Any]] | type[list[Any]] = dict,
    ) -> None:
        self._file = KeptState(path, report, kind)
        stored = self._file.read(now)
        self.model = parse(stored)
        # A file of defaults would say nothing: the first write is the first change.
        self._saved = stored or self.model.to_state()

    def save(self) -> bool:
        """Write the state if it changed; return whether it was written.

        A file that could not be read when this began is left alone (`KeptState`).

        Raises:
            OSError: the file could not be written; the next call tries again.
        """
        state = self.model.to_state()
        if state == self._saved or not self._file.write(state):
            return False
        self._saved = state
        return True

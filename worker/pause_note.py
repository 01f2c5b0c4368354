"""Why the worker does nothing although jobs wait, written down for whoever asks meanwhile."""

from collections.abc import Callable

from shared.state_file import KeptState, parse_moment, write_state


class PauseNote:
    """One small file; written by the holder of the worker lock, read by everyone.

    Args:
        path: the file.
        report: is told about a file that could not be read or written.
        clock: seconds since the epoch.
    """

    def __init__(
        self, path: str, report: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        self._path = path
        self._report = report
        self._clock = clock
        self._file = KeptState(path, report)

    def write(self, reason: str) -> None:
        """Note a reason, or with an empty text that work goes on; it is never worth an error."""
        if not reason and not self.read()[0]:
            return
        try:
            write_state(self._path, {"reason": reason, "since": self._clock()})
        except OSError as error:
            self._report(f"Why nothing goes on could not be written down: {error}")

    def read(self) -> tuple[str, float]:
        """Return the reason, empty while work goes on, and since when."""
        state = self._file.read(self._clock())
        reason = state.get("reason")
        return (
            reason if isinstance(reason, str) else "",
            parse_moment(state.get("since")) or 0.0,
        )

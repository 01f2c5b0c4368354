"""How long dead letters are kept."""

from collections.abc import Callable

from sync_queue.dlq import DeadLetterQueue

DAY = 86_400.0  # seconds


class Retention:
    """Drops old dead letters when a worker starts and once a day.

    Args:
        letters: the dead letters.
        clock: seconds since the epoch.
        monotonic: seconds that never step.
    """

    def __init__(
        self,
        letters: DeadLetterQueue,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._letters = letters
        self._clock = clock
        self._monotonic = monotonic
        self._purged_at = float("-inf")

    def purge(self, days: int) -> None:
        """Drop, if it is time, the letters that are older than so many days.

        Raises:
            sqlite3.Error: the database cannot be used.
        """
        now = self._monotonic()
        if now - self._purged_at >= DAY:
            self._purged_at = now
            self._letters.purge(self._clock() - days * DAY)

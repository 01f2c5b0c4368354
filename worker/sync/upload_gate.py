"""Holds images back while Plex stores none of them, although it takes edits."""

from collections.abc import Callable
from dataclasses import dataclass, field

from plex.exceptions import PlexError, PlexTemporaryError, PlexUploadsDown
from shared.events import Event, Report

WAIT = 60.0  # seconds between two tries while Plex stores no image


@dataclass(slots=True)
class _Kind:
    """What is known about one kind of image.

    Attributes:
        failing: the items at which uploads failed since the last one that succeeded.
        next_try: seconds since the epoch; None while Plex stores images of this kind.
    """

    failing: set[int] = field(default_factory=set)
    next_try: float | None = None


class UploadGate:
    """Decides whether an image is sent now.

    Plex may fail at one image because of its bytes. When uploads fail at two items in a row, Plex
    stores no images: each job waits without spending a retry, and one upload per interval finds out
    whether Plex stores images again.

    Args:
        clock: seconds since the epoch.
        report: gets an event, once, when images wait.
    """

    def __init__(self, clock: Callable[[], float], report: Report) -> None:
        self._clock = clock
        self._report = report
        self._kinds: dict[str, _Kind] = {}

    def check(self, kind: str, rating_key: int) -> None:
        """Raise while images of this kind wait.

        An item at which an upload failed waits longer than others: its image may be at fault.

        Raises:
            PlexUploadsDown: the upload has to wait.
        """
        state = self._kinds.get(kind, _Kind())
        if state.next_try is None:
            return
        seconds = state.next_try - self._clock() + WAIT * (rating_key in state.failing)
        if 0 < seconds <= 2 * WAIT:
            raise _waiting(seconds)

    def failed(self, kind: str, rating_key: int, error: PlexTemporaryError) -> PlexError:
        """Note that an upload failed although Plex takes edits; return what that means."""
        state = self._kinds.setdefault(kind, _Kind())
        if error.retry_after is not None:
            return error
        state.failing.add(rating_key)
        if len(state.failing) == 1:
            error.reported = True  # the next item shows whether the image or Plex is at fault
            return error
        if all(known.next_try is None for known in self._kinds.values()):
            self._report(Event.UPLOADS_DOWN, cause=error.cause)
        state.next_try = self._clock() + WAIT
        return _waiting(WAIT)

    def succeeded(self, kind: str) -> None:
        """Note that Plex stored an image."""
        self._kinds.pop(kind, None)


def _waiting(seconds: float) -> PlexUploadsDown:
    return PlexUploadsDown("Its image waits, because Plex stores no images", seconds)

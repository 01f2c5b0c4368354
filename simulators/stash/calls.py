"""The circumstances of one GraphQL request, handed to every resolver."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


class Cancel:
    """Tells its subscribers that the request or job behind their work was given up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: list[Callable[[], None]] = []
        self.cancelled = False

    def cancel(self) -> None:
        """Give the work up; later calls do nothing."""
        with self._lock:
            self.cancelled = True
            subscribers, self._subscribers = self._subscribers, []
        for notify in subscribers:
            notify()

    def subscribe(self, notify: Callable[[], None]) -> None:
        """Call `notify` once the work is given up, at once if it already is."""
        with self._lock:
            if not self.cancelled:
                self._subscribers.append(notify)
                return
        notify()

    def unsubscribe(self, notify: Callable[[], None]) -> None:
        with self._lock:
            if notify in self._subscribers:
                self._subscribers.remove(notify)


@dataclass(frozen=True, slots=True)
class Call:
    """One GraphQL request, or a test acting like the web page.

    Attributes:
        base_url: where the client reached Stash, from its Host header.
        cancel: fires when the client goes away.
    """

    base_url: str = ""
    cancel: Cancel = field(default_factory=Cancel)

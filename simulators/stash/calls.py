"""The context of a GraphQL request, for its resolvers."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


class Cancel:
    """Notifies its subscribers when their request or job is cancelled."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: list[Callable[[], None]] = []
        self.cancelled = False

    def cancel(self) -> None:
        """Cancel; later calls do nothing."""
        with self._lock:
            self.cancelled = True
            subscribers, self._subscribers = self._subscribers, []
        for notify in subscribers:
            notify()

    def subscribe(self, notify: Callable[[], None]) -> None:
        """Call `notify` at the cancellation, or now if it has happened."""
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
    """A GraphQL request, or a test that acts like the web page.

    Attributes:
        base_url: where the client reached Stash, from its Host header.
        cancel: is cancelled when the client goes away.
    """

    base_url: str = ""
    cancel: Cancel = field(default_factory=Cancel)

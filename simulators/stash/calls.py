import threading
from collections.abc import Callable
from dataclasses import dataclass, field


class Cancel:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: list[Callable[[], None]] = []
        self.cancelled = False

    def cancel(self) -> None:
        with self._lock:
            self.cancelled = True
            subscribers, self._subscribers = self._subscribers, []
        for notify in subscribers:
            notify()

    def subscribe(self, notify: Callable[[], None]) -> None:
        """Call `notify` when the request is cancelled, or at once if it has been cancelled."""
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
    """The context of a GraphQL request, or of an edit by a test.

    Attributes:
        base_url: the address of Stash in the header `Host` of the request.
        cancel: the object that is cancelled if the client closes the connection.
    """

    base_url: str = ""
    cancel: Cancel = field(default_factory=Cancel)

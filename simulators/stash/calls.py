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
    base_url: str = ""
    cancel: Cancel = field(default_factory=Cancel)

"""The circumstances of one GraphQL request, handed to every resolver."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

VisitedHook = tuple[str, str]
"""A plugin's id and a hook type that already ran on the way to this request."""


class Cancel:
    """Tells whoever subscribed that the request or job behind their work was given up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: list[Callable[[], None]] = []
        self.cancelled = False

    def cancel(self) -> None:
        """Gives the work up; later calls do nothing."""
        with self._lock:
            self.cancelled = True
            subscribers, self._subscribers = self._subscribers, []
        for notify in subscribers:
            notify()

    def subscribe(self, notify: Callable[[], None]) -> None:
        """Calls `notify` once the work is given up, at once if it already is."""
        with self._lock:
            if not self.cancelled:
                self._subscribers.append(notify)
                return
        notify()

    def unsubscribe(self, notify: Callable[[], None]) -> None:
        """Forgets a subscription."""
        with self._lock:
            if notify in self._subscribers:
                self._subscribers.remove(notify)


@dataclass(frozen=True, slots=True)
class Call:
    """One GraphQL request, or a test acting like the web page.

    Attributes:
        base_url: where the client reached Stash, from its Host header.
        user: who asks; empty when Stash has no credentials.
        visited: plugin hooks whose run led to this request, from its cookie.
        cancel: fires when the client goes away.
    """

    base_url: str = ""
    user: str = ""
    visited: tuple[VisitedHook, ...] = ()
    cancel: Cancel = field(default_factory=Cancel)

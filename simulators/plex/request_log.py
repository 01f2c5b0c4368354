"""Every request that arrived: what, when, beside which others, and how it ended."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition
from typing import Literal

Kind = Literal[
    "identity",
    "root",
    "sections",
    "listing",
    "file_filter",
    "metadata",
    "edit",
    "poster_upload",
    "art_upload",
    "poster_list",
    "image_fetch",
    "image_select",
    "scan",
    "prefs",
    "other",
]
_ITEM_PATH = re.compile(r"/library/metadata/([\d,]+)")
TokenState = Literal["present", "guest", "wrong", "absent"]


@dataclass(slots=True)
class Request:
    """One request. Everything about the answer is None or 0 until it is about to be sent.

    Attributes:
        seq: position since the server was made, from 1; `clear()` does not reset it.
        at: `time.monotonic()` at arrival.
        query: decoded pairs in order, a token's value redacted.
        headers: names in lower case, the token redacted to its state.
        token: whether it carried the owner's token ("present"), the guest's, a wrong one, none.
        fault: name of the injected fault that answered it, if one did.
    """

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    token: TokenState
    kind: Kind
    seq: int = 0
    at: float = 0.0
    status: int | None = None
    fault: str | None = None
    done: bool = False

    @property
    def is_write(self) -> bool:
        return self.method in {"PUT", "POST", "DELETE"}

    def param(self, name: str) -> str | None:
        """First value of a query parameter."""
        return next((value for key, value in self.query if key == name), None)

    @property
    def item_ids(self) -> str:
        """Rating keys that the request names, as they stand in its path or in its `id`."""
        found = _ITEM_PATH.match(self.path)
        return found[1] if found else self.param("id") or ""

    def __str__(self) -> str:
        query = "&".join(f"{key}={value}" for key, value in self.query)
        return f"{self.method} {self.path}{'?' if query else ''}{query} -> {self.status}"


class RequestLog:
    """Thread-safe log; its condition is the server's, so it can be waited on without polling."""

    def __init__(self, changed: Condition) -> None:
        self._changed = changed
        self._requests: list[Request] = []
        self._seq = 0
        self._in_flight = 0
        self._writes_in_flight = 0
        self.max_writes_in_flight = 0

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def requests(self) -> list[Request]:
        """All requests since `clear()`, in order of arrival."""
        with self._changed:
            return list(self._requests)

    def select(
        self,
        kind: Kind | None = None,
        method: str | None = None,
        status: int | None = None,
        since: int = 0,
    ) -> list[Request]:
        """Requests that match everything given."""
        return [
            request
            for request in self.requests
            if request.seq > since
            and (kind is None or request.kind == kind)
            and (method is None or request.method == method)
            and (status is None or request.status == status)
        ]

    def count(
        self,
        kind: Kind | None = None,
        method: str | None = None,
        status: int | None = None,
        since: int = 0,
    ) -> int:
        """How many requests match everything given."""
        return len(self.select(kind, method, status, since))

    def writes(self, since: int = 0) -> list[Request]:
        """PUT, POST and DELETE requests."""
        return [request for request in self.since(since) if request.is_write]

    def kinds(self, since: int = 0) -> Counter[Kind]:
        """How many of each kind."""
        return Counter(request.kind for request in self.since(since))

    def mark(self) -> int:
        """A point in time, for `since=`."""
        return self._seq

    def since(self, mark: int) -> list[Request]:
        """Requests that arrived after the mark."""
        return [request for request in self.requests if request.seq > mark]

    def clear(self) -> None:
        """Forget all requests and the maximum; requests in flight stay counted as such."""
        with self._changed:
            self._requests.clear()
            self.max_writes_in_flight = self._writes_in_flight

    def wait_for(self, predicate: Callable[[RequestLog], bool], timeout: float = 30.0) -> bool:
        """Block until the predicate holds for this log; False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: predicate(self), timeout)

    def wait_until_idle(self, timeout: float = 30.0) -> bool:
        """Block until no request is in flight."""
        return self.wait_for(lambda log: log._in_flight == 0, timeout)

    def arrive(self, request: Request) -> None:
        """Record a request that was read from the wire."""
        with self._changed:
            self._seq += 1
            request.seq, request.at = self._seq, time.monotonic()
            self._in_flight += 1
            self._writes_in_flight += request.is_write
            self.max_writes_in_flight = max(self.max_writes_in_flight, self._writes_in_flight)
            self._requests.append(request)
            self._changed.notify_all()

    def finish(self, request: Request, status: int | None) -> None:
        """Record the answer, before its last byte leaves. Only the first call counts."""
        with self._changed:
            if request.done:
                return
            request.done = True
            request.status = status
            self._in_flight -= 1
            self._writes_in_flight -= request.is_write
            self._changed.notify_all()

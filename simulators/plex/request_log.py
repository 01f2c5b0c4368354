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
    "library",
    "sections",
    "listing",
    "file_filter",
    "metadata",
    "edit",
    "poster_upload",
    "art_upload",
    "poster_list",
    "image_select",
    "image_fetch",
    "scan",
    "empty_trash",
    "refresh",
    "activities",
    "prefs",
    "collection",
    "tag_choices",
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
        in_flight: requests being served at arrival, this one counted.
        writes_in_flight: how many of those are a PUT, POST or DELETE.
        connection: number of the TCP connection, from 1.
        fault: name of the injected fault that answered it, if one did.
    """

    seq: int
    at: float
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    token: TokenState
    kind: Kind
    bytes_in: int
    in_flight: int
    writes_in_flight: int
    connection: int
    status: int | None = None
    bytes_out: int = 0
    fault: str | None = None
    done: bool = False

    @property
    def is_write(self) -> bool:
        return is_write(self.method)

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


@dataclass(slots=True)
class Arrival:
    """What the server knows about a request when it arrives."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    token: TokenState
    kind: Kind
    bytes_in: int
    connection: int


class RequestLog:
    """Thread-safe log; its condition is the server's, so it can be waited on without polling."""

    def __init__(self, changed: Condition) -> None:
        self._changed = changed
        self._requests: list[Request] = []
        self._seq = 0
        self._in_flight = 0
        self._writes_in_flight = 0
        self.max_in_flight = 0
        self.max_writes_in_flight = 0

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def requests(self) -> list[Request]:
        """All requests since `clear()`, in order of arrival."""
        with self._changed:
            return list(self._requests)

    @property
    def connections(self) -> int:
        """How many TCP connections carried those requests."""
        return len({request.connection for request in self.requests})

    @property
    def in_flight(self) -> int:
        """Requests being served now."""
        return self._in_flight

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
        """Forget all requests and the maxima; requests in flight stay counted as such."""
        with self._changed:
            self._requests.clear()
            self.max_in_flight = self._in_flight
            self.max_writes_in_flight = self._writes_in_flight

    def wait_for(self, predicate: Callable[[RequestLog], bool], timeout: float = 30.0) -> bool:
        """Block until the predicate holds for this log; False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: predicate(self), timeout)

    def wait_until_idle(self, timeout: float = 30.0) -> bool:
        """Block until no request is in flight."""
        return self.wait_for(lambda log: log.in_flight == 0, timeout)

    def arrive(self, arrival: Arrival) -> Request:
        """Server side: note a request."""
        with self._changed:
            self._seq += 1
            writes = is_write(arrival.method)
            self._in_flight += 1
            self._writes_in_flight += writes
            self.max_in_flight = max(self.max_in_flight, self._in_flight)
            self.max_writes_in_flight = max(self.max_writes_in_flight, self._writes_in_flight)
            request = Request(
                seq=self._seq,
                at=time.monotonic(),
                method=arrival.method,
                path=arrival.path,
                query=arrival.query,
                headers=arrival.headers,
                token=arrival.token,
                kind=arrival.kind,
                bytes_in=arrival.bytes_in,
                in_flight=self._in_flight,
                writes_in_flight=self._writes_in_flight,
                connection=arrival.connection,
            )
            self._requests.append(request)
            self._changed.notify_all()
            return request

    def finish(self, request: Request, status: int | None, bytes_out: int) -> None:
        """Server side: note the answer, before its last byte leaves. Only the first call counts."""
        with self._changed:
            if request.done:
                return
            request.done = True
            request.status = status
            request.bytes_out = bytes_out
            self._in_flight -= 1
            self._writes_in_flight -= request.is_write
            self._changed.notify_all()


def is_write(method: str) -> bool:
    """Whether a method changes the server."""
    return method in {"PUT", "POST", "DELETE"}

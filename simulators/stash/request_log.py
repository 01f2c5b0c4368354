"""What clients asked, for tests to count and to wait on."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .auth import Means


@dataclass(slots=True)
class LoggedRequest:
    """One request. `status` is None until it is answered, 0 when it never was.

    Attributes:
        seq: 1 for the first request ever.
        at: when it came, in seconds since 1970.
        method: HTTP method.
        path: path without query parameters, so without an API key.
        kind: `graphql:` and the top-level fields with commas between, `screenshot`, `image`,
            `login` or `page`.
        operation: the GraphQL operation's name, if it has one.
        query: GraphQL text.
        variables: GraphQL variables.
        auth: what authenticated it, never the secret.
        status: HTTP status of the answer.
    """

    seq: int
    at: float
    method: str
    path: str
    kind: str
    operation: str | None = None
    query: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)
    auth: Means = "none"
    status: int | None = None


Predicate = Callable[[LoggedRequest], bool]
Which = str | Predicate
"""Requests of a kind (`graphql:findScenes`, or just `findScenes`), or those a function picks."""


def matcher(which: Which) -> Predicate:
    """The predicate that `which` stands for."""
    if callable(which):
        return which
    names = {which, f"graphql:{which}"}
    return lambda request: request.kind in names


def any_request(_request: LoggedRequest) -> bool:
    """Matches all."""
    return True


class RequestLog:
    """All requests since the server was made, restarts included."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._requests: list[LoggedRequest] = []
        self._last_seq = 0

    def arrive(self, request: LoggedRequest) -> None:
        """Records a request that was read from the wire and numbers it."""
        with self._changed:
            self._last_seq += 1
            request.seq = self._last_seq
            self._requests.append(request)
            self._changed.notify_all()

    def answer(self, request: LoggedRequest, status: int) -> None:
        """Records what it is answered with, before the answer leaves."""
        with self._changed:
            request.status = status
            self._changed.notify_all()

    def all(self, which: Which = any_request) -> list[LoggedRequest]:
        """The requests that match, oldest first."""
        return self.since(0, which)

    def count(self, which: Which = any_request) -> int:
        """How many requests match."""
        return len(self.all(which))

    def mark(self) -> int:
        """A point in time for `since` and `wait_for`."""
        with self._changed:
            return self._last_seq

    def since(self, mark: int, which: Which = any_request) -> list[LoggedRequest]:
        """The requests that came after `mark` and match."""
        with self._changed:
            return self._matching(mark, matcher(which))

    def _matching(self, mark: int, predicate: Predicate) -> list[LoggedRequest]:
        return [each for each in self._requests if each.seq > mark and predicate(each)]

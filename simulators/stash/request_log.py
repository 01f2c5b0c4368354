"""The log of the requests that arrived at Stash."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulators import traffic

from .auth import Means


@dataclass(slots=True)
class LoggedRequest(traffic.LoggedRequest):
    """A request of Stash.

    Attributes:
        kind: `graphql:` and the top-level fields with commas between, `screenshot`, `login` or
            `page`.
        auth: what authenticated it, never the secret.
        operation: the GraphQL operation's name, if it has one.
        query: GraphQL text.
        variables: GraphQL variables.
    """

    auth: Means = "none"
    operation: str | None = None
    query: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)


Predicate = Callable[[LoggedRequest], bool]
Which = str | Predicate
"""Requests of a kind (`graphql:findScenes`, or just `findScenes`), or those a function picks."""


def matcher(which: Which) -> Predicate:
    """Return the predicate for `which`."""
    if callable(which):
        return which
    names = {which, f"graphql:{which}"}
    return lambda request: request.kind in names


def any_request(_request: LoggedRequest) -> bool:
    """Match all."""
    return True


class RequestLog(traffic.RequestLog[LoggedRequest]):
    """The requests of Stash."""

    def all(self, which: Which = any_request) -> list[LoggedRequest]:
        """Return the requests that match, oldest first."""
        return self.since(0, which)

    def count(self, which: Which = any_request) -> int:
        """Return how many requests match."""
        return len(self.all(which))

    def since(self, mark: int, which: Which = any_request) -> list[LoggedRequest]:
        """Return the requests that came after `mark` and match."""
        return [request for request in super().since(mark) if matcher(which)(request)]

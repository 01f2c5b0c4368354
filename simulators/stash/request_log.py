from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulators import traffic

from .auth import Means


@dataclass(slots=True)
class LoggedRequest(traffic.LoggedRequest):
    auth: Means = "none"
    operation: str | None = None
    query: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)


Predicate = Callable[[LoggedRequest], bool]
Which = str | Predicate


def matcher(which: Which) -> Predicate:
    if callable(which):
        return which
    names = {which, f"graphql:{which}"}
    return lambda request: request.kind in names


def any_request(_request: LoggedRequest) -> bool:
    return True


class RequestLog(traffic.RequestLog[LoggedRequest]):
    def all(self, which: Which = any_request) -> list[LoggedRequest]:
        return self.since(0, which)

    def count(self, which: Which = any_request) -> int:
        return len(self.all(which))

    def since(self, mark: int, which: Which = any_request) -> list[LoggedRequest]:
        return [request for request in super().since(mark) if matcher(which)(request)]

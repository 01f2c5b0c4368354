import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from simulators import traffic
from simulators.traffic import LoggedRequest

Kind = Literal[
    "identity",
    "root",
    "sections",
    "listing",
    "collections",
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
class Request(LoggedRequest):
    kind: Kind
    query: list[tuple[str, str]]
    headers: dict[str, str]
    token: TokenState

    def param(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)

    @property
    def item_ids(self) -> str:
        found = _ITEM_PATH.match(self.path)
        return found[1] if found else self.param("id") or ""

    def __str__(self) -> str:
        query = "&".join(f"{key}={value}" for key, value in self.query)
        return f"{self.method} {self.path}{'?' if query else ''}{query} -> {self.status}"


class RequestLog(traffic.RequestLog[Request]):
    def select(
        self,
        kind: Kind | None = None,
        method: str | None = None,
        status: int | None = None,
        since: int = 0,
    ) -> list[Request]:
        return [
            request
            for request in self.since(since)
            if (kind is None or request.kind == kind)
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
        return len(self.select(kind, method, status, since))

    def writes(self, since: int = 0) -> list[Request]:
        return [request for request in self.since(since) if request.is_write]

    def kinds(self, since: int = 0) -> Counter[Kind]:
        return Counter(request.kind for request in self.since(since))

    def wait_for(self, predicate: Callable[["RequestLog"], bool], timeout: float = 30.0) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: predicate(self), timeout)

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from reconciliation.findings import GapDetectionResult

DAY = 86_400.0


class Scope(Enum):
    ALL = "all"
    RECENT = "24h"
    WEEK = "7days"

    def since(self, now: float) -> float | None:
        days = {Scope.ALL: None, Scope.RECENT: 1, Scope.WEEK: 7}[self]
        return None if days is None else now - days * DAY

    @property
    def words(self) -> str:
        if self is Scope.ALL:
            return "all scenes"
        return f"scenes created in the last {'24 hours' if self is Scope.RECENT else '7 days'}"

    def covers(self, other: "Scope") -> bool:
        return self is Scope.ALL or self is other or other is Scope.RECENT


@dataclass(frozen=True, slots=True)
class Order:
    """A request to start a reconciliation run.

    `only_empty` selects scenes whose Plex item has no metadata. Only a run with `by_user` can
    answer the question of an earlier run. A run with `is_startup` does not delay the regular runs.
    """

    scope: Scope
    only_empty: bool = False
    by_user: bool = True
    is_startup: bool = False

    @property
    def words(self) -> str:
        return f"{self.scope.words}{' without metadata in Plex' if self.only_empty else ''}"

    def finds_the_same_as(self, other: "Order") -> bool:
        return (self.scope, self.only_empty) == (other.scope, other.only_empty)


@dataclass(slots=True)
class Run:
    """An unfinished reconciliation run.

    `cursor` is the id of the last checked scene. Stash has counted `total` scenes. `is_checked`
    means that all scenes were compared. `allowed` means that the run may queue scenes.
    """

    order: Order
    begun_at: float
    cursor: int = 0
    total: int = 0
    is_checked: bool = False
    allowed: bool = False
    result: GapDetectionResult = field(default_factory=GapDetectionResult)

    def to_state(self) -> dict[str, Any]:
        return {
            "order": {**asdict(self.order), "scope": self.order.scope.value},
            "begun_at": self.begun_at,
            "cursor": self.cursor,
            "total": self.total,
            "walked": self.is_checked,
            "allowed": self.allowed,
            "sums": self.result.to_state(),
        }


def run_of_today(raw: Any, now: float) -> Run | None:
    try:
        order = raw["order"]
        flags = {name: bool(order[name]) for name in ("only_empty", "by_user", "is_startup")}
        run = Run(
            order=Order(Scope(order["scope"]), **flags),
            begun_at=float(raw["begun_at"]),
            cursor=int(raw["cursor"]),
            total=int(raw["total"]),
            is_checked=bool(raw["walked"]),
            allowed=bool(raw["allowed"]),
            result=GapDetectionResult.parse(raw["sums"]),
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return None
    return run if 0 <= now - run.begun_at < DAY else None

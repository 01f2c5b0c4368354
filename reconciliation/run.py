"""The state of an unfinished run, and its scope."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Self

from reconciliation.findings import GapDetectionResult
from validation.scene_extractor import StashScene, asked_since, is_since

DAY = 86_400.0  # seconds
STALE_AFTER = DAY  # the findings of an older run are outdated


class Scope(Enum):
    """The scenes to compare; the values are those of the setting `reconcile_scope`."""

    ALL = "all"
    RECENT = "24h"
    WEEK = "7days"

    @property
    def days(self) -> int | None:
        """The maximum age of a scene in days; None for no limit."""
        return {Scope.ALL: None, Scope.RECENT: 1, Scope.WEEK: 7}[self]

    @property
    def words(self) -> str:
        """The scope in words."""
        if self is Scope.ALL:
            return "all scenes"
        return f"scenes created in the last {'24 hours' if self is Scope.RECENT else '7 days'}"

    def covers(self, other: "Scope") -> bool:
        """Tell whether this scope contains every scene of the other one."""
        return self is Scope.ALL or self is other or other is Scope.RECENT


@dataclass(frozen=True, slots=True)
class Window:
    """Accepts scenes created since a moment, in seconds since the epoch; None for all scenes."""

    since: float | None

    @property
    def asked(self) -> str:
        """The filter for Stash: an earlier moment, because Stash's UTC offset is unknown."""
        return "" if self.since is None else asked_since(self.since)

    def has(self, scene: StashScene) -> bool:
        """Tell whether a scene is inside; a scene with an unreadable time is."""
        return self.since is None or is_since(scene.created_at, self.since)


def window_of(scope: Scope, now: float) -> Window:
    """Return the window of a scope at this moment."""
    return Window(None if scope.days is None else now - scope.days * DAY)


@dataclass(frozen=True, slots=True)
class Order:
    """The task of a run."""

    scope: Scope
    only_empty: bool = False  # queue only scenes whose item has no metadata
    by_user: bool = True  # a user started the run, so it can confirm the question of an earlier run
    # The short run after an hour without runs; it does not reset the interval
    is_startup: bool = False

    @property
    def words(self) -> str:
        """The order in words."""
        return f"{self.scope.words}{', only those without metadata' if self.only_empty else ''}"

    def finds_the_same_as(self, other: "Order") -> bool:
        """Tell whether both orders find the same gaps."""
        return (self.scope, self.only_empty) == (other.scope, other.only_empty)


@dataclass(slots=True)
class Run:
    """An unfinished run."""

    order: Order
    begun_at: float  # seconds since the epoch; the scope's window ends here
    cursor: int = 0  # the last checked scene id
    total: int = 0  # the number of scenes to check, as counted on the last page
    is_checked: bool = False  # all scenes are checked, and the gaps can be queued
    allowed: bool = False  # the run is within the safety limits, or the user has confirmed it
    result: GapDetectionResult = field(default_factory=GapDetectionResult)

    def to_state(self) -> dict[str, Any]:
        """Return the stored form."""
        return {
            "order": {**asdict(self.order), "scope": self.order.scope.value},
            "begun_at": self.begun_at,
            "cursor": self.cursor,
            "total": self.total,
            "walked": self.is_checked,
            "allowed": self.allowed,
            "sums": self.result.to_state(),
        }

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self | None:
        """Parse a stored run; return None if it is unreadable, so that a new run starts."""
        try:
            order = raw["order"]
            flags = {name: bool(order[name]) for name in ("only_empty", "by_user", "is_startup")}
            return cls(
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


def run_of_today(raw: Mapping[str, Any] | None, now: float) -> Run | None:
    """Parse an unfinished run; return None without one, or if it is older than a day."""
    run = None if raw is None else Run.parse(raw)
    return run if run is not None and 0 <= now - run.begun_at < STALE_AFTER else None

"""A run and its scope, stored after each page so that the next process can continue it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, Self

from reconciliation.findings import Sums
from validation.scene_extractor import StashScene, asked_since, is_since

STALE_AFTER = 86_400.0  # seconds; what an older run has seen says little about today


class Scope(Enum):
    """All scenes, or those created of late; the values are those of `reconcile_scope`."""

    ALL = "all"
    RECENT = "24h"
    WEEK = "7days"

    @property
    def days(self) -> int | None:
        """How many days back it reaches; None for all."""
        return {Scope.ALL: None, Scope.RECENT: 1, Scope.WEEK: 7}[self]

    @property
    def words(self) -> str:
        """How people call its scenes."""
        return {
            Scope.ALL: "all scenes",
            Scope.RECENT: "scenes created in the last 24 hours",
            Scope.WEEK: "scenes created in the last 7 days",
        }[self]

    def covers(self, other: "Scope") -> bool:
        """Tell whether it looks at every scene that the other looks at."""
        return self is Scope.ALL or self is other or other is Scope.RECENT


@dataclass(frozen=True, slots=True)
class Window:
    """The moment from which on a scene must have been created, in seconds since the epoch."""

    since: float | None

    @property
    def asked(self) -> str:
        """What Stash is asked for: earlier than the moment, as its own offset is not known."""
        return "" if self.since is None else asked_since(self.since)

    def has(self, scene: StashScene) -> bool:
        """Tell whether the scene is in it; one whose time cannot be read is."""
        return self.since is None or is_since(scene.created_at, self.since)


def window_of(scope: Scope, now: float) -> Window:
    """Return the window of a scope as of now, in seconds since the epoch."""
    days = scope.days
    return Window(None if days is None else now - days * 86_400.0)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done.

    Attributes:
        only_empty: queue only the scenes whose item has no metadata at all.
        by_user: somebody started it, and so may answer the question of an earlier run.
        is_startup: it is the small run after a time without any; the interval's clock stands still.
    """

    scope: Scope
    only_empty: bool = False
    by_user: bool = True
    is_startup: bool = False

    @property
    def words(self) -> str:
        """How people call it."""
        return f"{self.scope.words}{', only those without metadata' if self.only_empty else ''}"

    def looks_like(self, other: "Order") -> bool:
        """Tell whether both find the same, whoever ordered them."""
        return (self.scope, self.only_empty) == (other.scope, other.only_empty)


@dataclass(slots=True)
class Run:
    """A run on its way.

    Attributes:
        begun_at: seconds since the epoch; the scope's window counts back from it.
        cursor: the last scene that was checked; the walk goes on behind it.
        total: how many scenes there were to check, when the last page was read.
        walked: all scenes are checked; what is left is to queue what was found.
        allowed: what was found looks right, or a person has confirmed it.
    """

    order: Order
    begun_at: float
    cursor: int = 0
    total: int = 0
    walked: bool = False
    allowed: bool = False
    sums: Sums = field(default_factory=Sums)

    def to_state(self) -> dict[str, Any]:
        """Return the run as it is stored."""
        return {
            "order": {**asdict(self.order), "scope": self.order.scope.value},
            "begun_at": self.begun_at,
            "cursor": self.cursor,
            "total": self.total,
            "walked": self.walked,
            "allowed": self.allowed,
            "sums": self.sums.to_state(),
        }

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self | None:
        """Read a stored run; None when it is none, for then one begins afresh."""
        try:
            order = raw["order"]
            return cls(
                order=Order(
                    Scope(order["scope"]),
                    only_empty=bool(order["only_empty"]),
                    by_user=bool(order["by_user"]),
                    is_startup=bool(order["is_startup"]),
                ),
                begun_at=float(raw["begun_at"]),
                cursor=int(raw["cursor"]),
                total=int(raw["total"]),
                walked=bool(raw["walked"]),
                allowed=bool(raw["allowed"]),
                sums=Sums.parse(raw["sums"]),
            )
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            return None


def run_of_today(raw: Mapping[str, Any] | None, now: float) -> Run | None:
    """Return the stored run that was begun and has not ended; None when there is none of today."""
    run = None if raw is None else Run.parse(raw)
    young = run is not None and 0 <= now - run.begun_at < STALE_AFTER
    return run if young else None

"""Which scenes a reconciliation looks at."""

from enum import Enum

from shared.frozen import frozen
from stash.scenes import asked_since, is_since
from validation.scene_extractor import StashScene


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


@frozen
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

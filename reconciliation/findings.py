"""What a look at one scene says: in step, a gap of some kind, or why nothing can be said."""

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from validation.scene_extractor import StashScene

if TYPE_CHECKING:  # whoever only counts outcomes loads no client of Plex
    from plex.diff import ItemEdit
    from plex.exceptions import PlexError
    from plex.items import PlexItem
    from validation.metadata import SceneMetadata


class Outcome(Enum):
    """What a look at a scene found; the value is how people read it in a sum."""

    IN_STEP = "in step"
    EMPTY = "without metadata in Plex"
    STALE = "stale"
    MISSING = "missing in Plex"
    NOT_LOOKED_FOR = "not in Plex (left, by reconcile_missing or skip_not_found)"
    AMBIGUOUS = "ambiguous in Plex (Check Path Mapping helps)"
    ELSEWHERE = "whose item shows another scene"
    COPY = "copies that Plex made (exclude folders named 'Plex Versions' in Stash)"
    NO_METADATA = "without metadata in Stash yet (add a studio, performers, tags, date or details)"
    NO_FILE = "without a file"
    UNSEEN = "that Plex lists but did not show"


GAPS = (Outcome.EMPTY, Outcome.STALE, Outcome.MISSING)


class Inspected(Protocol):
    """What a sync of one scene would do now; the worker's side fills it in."""

    @property
    def scene(self) -> StashScene:
        """The scene, as just read."""
        ...

    @property
    def desired(self) -> "SceneMetadata":
        """What Plex shall show of it."""
        ...

    @property
    def lacks_metadata(self) -> bool:
        """Whether nobody has identified it yet, so that it is left alone."""
        ...

    @property
    def edits(self) -> "Sequence[tuple[PlexItem, ItemEdit]]":
        """Its items, each with what it would be sent."""
        ...

    @property
    def image_reasons(self) -> Sequence[str]:
        """Why its images have to be looked at; empty when they need not."""
        ...

    @property
    def elsewhere(self) -> Sequence[str]:
        """Which other scenes its other items show."""
        ...

    @property
    def unseen(self) -> bool:
        """Whether Plex lists an item of it but did not show it when it was asked."""
        ...

    @property
    def synced_before(self) -> bool:
        """Whether it was ever sent to Plex."""
        ...

    @property
    def error(self) -> "PlexError | None":
        """Why it has no item: not found, or several candidates."""
        ...


class Finding(NamedTuple):
    """What one scene came to.

    Attributes:
        reasons: what differs, for a histogram; of a gap only.
        again: whether Plex would get something again that it was sent before.
        clears: the fields in which a value that Plex shows would vanish.
    """

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    again: bool = False
    clears: tuple[str, ...] = ()

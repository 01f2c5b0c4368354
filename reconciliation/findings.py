"""The result of comparing one scene, and the counts of a run.

Each checked scene is counted in exactly one outcome, and each gap in one more.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from reconciliation.brake import Weight
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


# Names of the state file.
STATE_NAMES = {
    Outcome.EMPTY: "empty_metadata",
    Outcome.STALE: "stale_sync",
    Outcome.MISSING: "missing",
}
_HAVE_ITEM = (Outcome.IN_STEP, Outcome.EMPTY, Outcome.STALE)


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


class Fate(Enum):
    """What became of a gap; the value is how people read it in a sum."""

    QUEUED = "queued"
    WAITING = "already queued"
    DAMPED = "failed before and left alone for now (see the dead letters)"
    GIVEN_UP = "among the dead letters until Plex has the file"
    NOT_ASKED = "not asked for"


@dataclass(slots=True)
class Sums:
    """What a run counts.

    Attributes:
        checked: scenes looked at.
        outcomes: how many of them came to what; together as many as `checked`.
        fates: how many of the gaps came to what; together as many as the gaps, once all is done.
        reasons: why scenes are gaps; a scene may have several.
        synced: scenes that were sent to Plex before.
        again: gaps by which Plex gets something again.
        cleared: gaps by which a value vanishes from Plex.
        lost: scenes that were synced before and that Stash does not list; not among those checked.
        forgotten: those of them that are gone from Stash for certain.
    """

    checked: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    fates: Counter[Fate] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    synced: int = 0
    again: int = 0
    cleared: int = 0
    lost: int = 0
    forgotten: int = 0

    def count(self, finding: Finding, *, synced_before: bool, wanted: bool) -> None:
        """Add one scene; `wanted` tells whether this run queues a gap of that kind."""
        self.checked += 1
        self.outcomes[finding.outcome] += 1
        self.reasons.update(finding.reasons)
        self.synced += synced_before
        if wanted:
            self.again += finding.again
            self.cleared += bool(finding.clears)
        elif finding.outcome in GAPS:
            self.fates[Fate.NOT_ASKED] += 1

    @property
    def gaps(self) -> int:
        """How many gaps were found."""
        return sum(self.outcomes[outcome] for outcome in GAPS)

    @property
    def enqueued(self) -> int:
        """How many scenes were queued."""
        return self.fates[Fate.QUEUED]

    @property
    def gaps_by_type(self) -> dict[str, int]:
        """The gaps by the names of the state file."""
        return {name: self.outcomes[outcome] for outcome, name in STATE_NAMES.items()}

    @property
    def weight(self) -> Weight:
        """How much would change of what is there."""
        compared = sum(self.outcomes[outcome] for outcome in _HAVE_ITEM)
        return Weight(self.again, self.synced, self.cleared, compared, self.lost)

    def text(self) -> str:
        """Return the counts as a sentence: the gaps always, the rest where there is any."""
        always = (Outcome.IN_STEP, *GAPS)
        parts = [
            f"{self.outcomes[one]:,} {one.value}"
            for one in Outcome
            if one in always or self.outcomes[one]
        ]
        return f"{self.checked:,} scenes checked: {', '.join(parts)}"

    def fates_text(self) -> str:
        """Return what became of the gaps."""
        parts = [f"{self.fates[one]:,} {one.value}" for one in Fate if self.fates[one]]
        known = f"; {self.forgotten:,} scenes gone from Stash were forgotten"
        return (
            f"{self.gaps:,} gaps: {', '.join(parts) or 'nothing to queue'}"
            f"{known if self.forgotten else ''}"
        )

    def to_state(self) -> dict[str, Any]:
        """Return the counts as they are stored."""
        return {
            "checked": self.checked,
            "outcomes": {one.name: number for one, number in self.outcomes.items()},
            "fates": {one.name: number for one, number in self.fates.items()},
            "reasons": dict(self.reasons),
            "synced": self.synced,
            "again": self.again,
            "cleared": self.cleared,
            "lost": self.lost,
            "forgotten": self.forgotten,
        }

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """Read stored counts.

        Raises:
            KeyError, TypeError, ValueError: they are none.
        """
        return cls(
            checked=int(raw["checked"]),
            outcomes=Counter({Outcome[name]: int(n) for name, n in raw["outcomes"].items()}),
            fates=Counter({Fate[name]: int(n) for name, n in raw["fates"].items()}),
            reasons=Counter({str(name): int(n) for name, n in raw["reasons"].items()}),
            synced=int(raw["synced"]),
            again=int(raw["again"]),
            cleared=int(raw["cleared"]),
            lost=int(raw["lost"]),
            forgotten=int(raw["forgotten"]),
        )

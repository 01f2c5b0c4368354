from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Self

from validation.values import counted, counts_text


class Outcome(Enum):
    IN_STEP = "up to date"
    EMPTY = "without metadata in Plex"
    STALE = "different in Plex"
    MISSING = "missing in Plex"
    NOT_LOOKED_FOR = "not in Plex (ignored because of reconcile_missing or skip_not_found)"
    AMBIGUOUS = "with several possible items in Plex (run 'Check Path Mapping')"
    ELSEWHERE = "whose Plex item shows another scene"
    COPY = "whose file is a copy made by Plex (exclude folders named 'Plex Versions' in Stash)"
    NO_METADATA = "without metadata in Stash yet (add a studio, performers, tags, date or details)"
    NOT_SELECTED = "not selected by the settings"
    NO_FILE = "without a file"
    UNSEEN = "that Plex lists but does not return"


STATE_NAMES = {
    Outcome.EMPTY: "empty_metadata",
    Outcome.STALE: "stale_sync",
    Outcome.MISSING: "missing",
}
GAPS = tuple(STATE_NAMES)


class Finding(NamedTuple):
    """The difference between a scene and its items in Plex.

    Attributes:
        again: whether the scene was synced before.
        clears: the fields that a sync would empty.
    """

    outcome: Outcome
    reasons: tuple[str, ...] = ()
    again: bool = False
    clears: tuple[str, ...] = ()


class GapOutcome(Enum):
    QUEUED = "queued"
    WAITING = "already queued"
    DAMPED = "in cool-down after a failure (see the dead letters)"
    GIVEN_UP = "kept in the dead letters until Plex has the file"
    NOT_ASKED = "left out (this task syncs only items without metadata)"


_NUMBERS = ("checked", "synced", "again", "cleared", "lost", "forgotten")


@dataclass(slots=True)
class GapDetectionResult:
    checked: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    gap_outcomes: Counter[GapOutcome] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    synced: int = 0
    again: int = 0
    cleared: int = 0
    lost: int = 0
    forgotten: int = 0

    def count(self, finding: Finding, *, synced_before: bool, wanted: bool) -> None:
        self.checked += 1
        self.outcomes[finding.outcome] += 1
        self.reasons.update(finding.reasons)
        self.synced += synced_before
        if wanted:
            self.again += finding.again
            self.cleared += bool(finding.clears)
        elif finding.outcome in GAPS:
            self.gap_outcomes[GapOutcome.NOT_ASKED] += 1

    @property
    def gaps(self) -> int:
        return sum(self.gaps_by_type.values())

    @property
    def enqueued(self) -> int:
        return self.gap_outcomes[GapOutcome.QUEUED]

    @property
    def gaps_by_type(self) -> dict[str, int]:
        return {name: self.outcomes[outcome] for outcome, name in STATE_NAMES.items()}

    @property
    def compared(self) -> int:
        return sum(self.outcomes[name] for name in (Outcome.IN_STEP, Outcome.EMPTY, Outcome.STALE))

    def text(self) -> str:
        outcomes = counts_text((self.outcomes[outcome], outcome.value) for outcome in Outcome)
        return f"{counted(self.checked, 'scene')} checked{outcomes and f': {outcomes}'}"

    def gaps_text(self) -> str:
        parts = counts_text((self.gap_outcomes[outcome], outcome.value) for outcome in GapOutcome)
        to_sync = self.gaps - self.gap_outcomes[GapOutcome.NOT_ASKED]
        text = f"{counted(to_sync, 'scene')} to sync{parts and f': {parts}'}"
        if self.forgotten:
            text += f"; {counted(self.forgotten, 'scene')} deleted in Stash"
        return text

    def to_state(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in _NUMBERS},
            "outcomes": {outcome.name: number for outcome, number in self.outcomes.items()},
            "fates": {outcome.name: number for outcome, number in self.gap_outcomes.items()},
            "reasons": dict(self.reasons),
        }

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        return cls(
            **{name: int(raw[name]) for name in _NUMBERS},
            outcomes=Counter({Outcome[name]: int(n) for name, n in raw["outcomes"].items()}),
            gap_outcomes=Counter({GapOutcome[name]: int(n) for name, n in raw["fates"].items()}),
            reasons=Counter({str(name): int(n) for name, n in raw["reasons"].items()}),
        )

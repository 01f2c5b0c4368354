"""How much is measured: enough to trust, or just enough to see that everything runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes and repetitions; the defaults are the full run.

    Attributes:
        pairs: runs of a hook, each beside a run of bare Python.
        large_pairs: the same with a cover of 2 MB in the hook's input.
        row: hooks one right after the other.
        edits: single edits watched until Plex shows them.
        edits_from_cold: the same, each with the worker killed before.
        burst: scenes in one bulk edit.
        scenes: in the library that is drained.
        reconciled: scenes in the library that is reconciled.
    """

    pairs: int = 60
    large_pairs: int = 60
    row: int = 1_000
    edits: int = 20
    edits_from_cold: int = 10
    burst: int = 50
    scenes: int = 2_000
    reconciled: int = 100_000


FULL = Scale()
QUICK = Scale(
    pairs=8,
    large_pairs=3,
    row=40,
    edits=4,
    edits_from_cold=2,
    burst=10,
    scenes=100,
    reconciled=2_000,
)

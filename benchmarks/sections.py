"""What can be measured, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks import drains, edits, hooks, reconciliations
from benchmarks.installed import Progress
from benchmarks.scale import Scale
from benchmarks.table import Row
from benchmarks.workspace import Workspace

Part = Callable[[Workspace, Scale, Progress], Iterator[Row]]
"""Measures some rows, from beginning to end, on a rig of its own."""

SECTIONS: Mapping[str, Sequence[Part]] = {
    "hook": (hooks.measure,),
    "edit": (edits.measure,),
    "drain": drains.PARTS,
    "reconcile": (reconciliations.measure,),
}
# These start the plugin's processes, whichever version is installed. The others import it, and a
# process can import one version only.
COMPARABLE = ("hook", "edit", "drain")

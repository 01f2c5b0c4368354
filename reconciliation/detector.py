"""Detects gaps: scenes that a sync would change in Plex now.

Comparing content finds a renamed performer and edits of other tools in Plex. Values that Plex
refused or that `preserve_plex_edits` protects are no gap, because a sync would not send them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from plex.diff import COLLECTIONS, DATE, PERFORMERS, STUDIO, SUMMARY, TAGS, ItemEdit
from plex.exceptions import PlexAmbiguousMatch, PlexCopy, PlexNotFound
from plex.items import PlexItem
from reconciliation.findings import Finding, Inspected, Outcome
from validation.config import Config
from validation.metadata import SceneMetadata
from validation.scene_extractor import StashScene

_METADATA = (STUDIO, PERFORMERS, TAGS, SUMMARY, DATE)
# Plex takes the date of a new item from its file, so a date does not prove a sync.
_NEVER_FROM_A_FILE = (STUDIO, PERFORMERS, TAGS, SUMMARY)
LOCK = "not locked"


@dataclass(frozen=True, slots=True)
class Libraries:
    """Access to both libraries with the current settings.

    Attributes:
        refresh: updates the path index; raises `PlexError` if Plex does not list all files.
        files_known: returns the number of files in the path index.
        inspect: returns what a sync would do with each of these scenes.
    """

    config: Config
    refresh: Callable[[], None]
    files_known: Callable[[], int]
    inspect: Callable[[Collection[StashScene]], Sequence[Inspected]]


class GapDetector:
    """Classifies scenes; `look_for_missing` makes a scene without an item a gap."""

    def __init__(self, *, look_for_missing: bool) -> None:
        self._look_for_missing = look_for_missing

    def detect(self, scene: Inspected) -> Finding:
        """Return the finding about a scene; raise PlexError if Plex failed to answer about it."""
        if not scene.scene.files:
            return Finding(Outcome.NO_FILE)
        if scene.lacks_metadata:
            return Finding(Outcome.NO_METADATA)
        if scene.edits:
            return _compare(scene)
        if scene.elsewhere:
            return Finding(Outcome.ELSEWHERE)
        if scene.unseen:
            return Finding(Outcome.UNSEEN)
        if isinstance(scene.error, PlexCopy):
            return Finding(Outcome.COPY)
        if isinstance(scene.error, PlexAmbiguousMatch):
            return Finding(Outcome.AMBIGUOUS)
        if scene.error is not None and not isinstance(scene.error, PlexNotFound):
            raise scene.error
        if not self._look_for_missing:
            return Finding(Outcome.NOT_LOOKED_FOR)
        return Finding(Outcome.MISSING, ("no item",), again=scene.synced_before)


def reasons_of(edit: ItemEdit) -> list[str]:
    """Return the fields whose value an edit changes, and those that it only locks."""
    return [
        name if sets_value(parameters) else f"{name} {LOCK}"
        for name, parameters in edit.fields.items()
    ]


def sets_value(parameters: Mapping[str, str]) -> bool:
    """Tell whether parameters change the value of a field, not only its lock."""
    return any(not key.endswith(".locked") for key in parameters)


def cleared_by(item: PlexItem, edit: ItemEdit) -> list[str]:
    """Return the fields that an edit empties, except collections: only our own are removed."""
    return [
        name
        for name, parameters in edit.fields.items()
        if name != COLLECTIONS
        and getattr(item, name)
        and sets_value(parameters)
        and not any(value for key, value in parameters.items() if _gives(key))
    ]


def _gives(key: str) -> bool:
    return key.endswith((".value", ".tag.tag"))


def _compare(scene: Inspected) -> Finding:
    reasons: dict[str, None] = {}
    clears: dict[str, None] = {}
    changes = False
    for item, edit in scene.edits:
        reasons.update(dict.fromkeys(reasons_of(edit)))
        clears.update(dict.fromkeys(cleared_by(item, edit)))
        changes = changes or any(sets_value(parameters) for parameters in edit.fields.values())
    reasons.update(dict.fromkeys(scene.image_reasons))
    if not reasons:
        return Finding(Outcome.UNSEEN if scene.unseen else Outcome.IN_STEP)
    empty = has_meaningful_metadata(scene.desired) and any(
        _is_empty(item) for item, edit in scene.edits if edit
    )
    return Finding(
        Outcome.EMPTY if empty else Outcome.STALE,
        tuple(reasons),
        again=changes and scene.synced_before,
        clears=tuple(clears),
    )


def _is_empty(item: PlexItem) -> bool:
    return not any(getattr(item, name) for name in _NEVER_FROM_A_FILE)


def has_meaningful_metadata(desired: SceneMetadata) -> bool:
    """Tell whether a scene has a studio, performers, tags, details or a date."""
    return any(getattr(desired, name) for name in _METADATA)

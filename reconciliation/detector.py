"""Detects gaps. A gap is a scene whose sync would change its item in Plex."""

from dataclasses import dataclass

from plex.diff import ADDITIVE, DATE, PERFORMERS, STUDIO, SUMMARY, TAGS, ItemEdit
from plex.edit_parameters import added_names
from plex.exceptions import PlexAmbiguousMatch, PlexCopy, PlexNotFound
from reconciliation.findings import Finding, Outcome
from validation.metadata import OPTIONAL
from worker.sync.inspection import Inspection

# Plex itself sets the date of a new item, so an item with only a date counts as empty.
_NEVER_FROM_A_FILE = (STUDIO, PERFORMERS, TAGS, SUMMARY)
_METADATA = (*_NEVER_FROM_A_FILE, DATE)


@dataclass(frozen=True, slots=True)
class GapDetector:
    look_for_missing: bool

    def detect(self, scene: Inspection) -> Finding:
        if not scene.scene.files:
            return Finding(Outcome.NO_FILE)
        if scene.restores:
            return Finding(Outcome.STALE, ("not selected, to be restored",), again=True)
        if scene.not_selected or scene.lacks_metadata:
            return Finding(Outcome.NOT_SELECTED if scene.not_selected else Outcome.NO_METADATA)
        if scene.edits:
            return _compare(scene)
        if scene.elsewhere or scene.unseen:
            return Finding(Outcome.ELSEWHERE if scene.elsewhere else Outcome.UNSEEN)
        if isinstance(scene.error, PlexCopy):
            return Finding(Outcome.COPY)
        if isinstance(scene.error, PlexAmbiguousMatch):
            return Finding(Outcome.AMBIGUOUS)
        if scene.error is not None and not isinstance(scene.error, PlexNotFound):
            raise scene.error
        if not self.look_for_missing:
            return Finding(Outcome.NOT_LOOKED_FOR)
        return Finding(Outcome.MISSING, ("no item",), again=scene.synced_before)


def changes_of(edit: ItemEdit) -> dict[str, str | tuple[str, ...]]:
    changes: dict[str, str | tuple[str, ...]] = {}
    for name, parameters in edit.fields.items():
        if not all(key.endswith(".locked") for key in parameters):
            texts = [value for key, value in parameters.items() if key.endswith(".value")]
            changes[name] = texts[0] if texts else tuple(added_names(parameters))
    return changes


def _compare(scene: Inspection) -> Finding:
    reasons: dict[str, None] = {}
    clears: dict[str, None] = {}
    has_changes = False
    for item, edit in scene.edits:
        changes = changes_of(edit)
        has_changes = has_changes or bool(changes)
        for name in edit.fields:
            is_lock = name not in changes and scene.desired.is_set(name)
            reasons[f"{name} not locked" if is_lock else name] = None
        for name, value in changes.items():
            # Emptying one of these fields is harmless, because it loses only values that the plugin
            # wrote.
            if name not in (*ADDITIVE, *OPTIONAL) and getattr(item, name) and not value:
                clears[name] = None
    reasons |= dict.fromkeys(scene.image_reasons)
    if not reasons:
        return Finding(Outcome.UNSEEN if scene.unseen else Outcome.IN_STEP)
    is_identified = any(getattr(scene.desired, name) for name in _METADATA)
    is_empty = is_identified and any(
        edit and not any(getattr(item, name) for name in _NEVER_FROM_A_FILE)
        for item, edit in scene.edits
    )
    return Finding(
        Outcome.EMPTY if is_empty else Outcome.STALE,
        tuple(reasons),
        again=has_changes and scene.synced_before,
        clears=tuple(clears),
    )

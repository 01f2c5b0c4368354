"""The three kinds of gap. Pure functions.

A gap is told by content: what a sync would send now, against what Plex shows now. So a renamed
performer makes all its scenes stale, what another tool has changed in Plex is found, and what is
protected (`preserve_plex_edits`) or was refused by Plex is no gap, since a sync would not send it.
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
# A new item in Plex has the date of its file, so a date does not tell that it was filled.
_NEVER_FROM_A_FILE = (STUDIO, PERFORMERS, TAGS, SUMMARY)
LOCK = "not locked"


@dataclass(frozen=True, slots=True)
class Sides:
    """What a page of a run needs, as of the settings of this moment.

    Attributes:
        config: the settings.
        refresh: brings the index of Plex's files up to date, with a complete listing where anything
            may have changed; raises `PlexError` when Plex could not list it to its end.
        files_known: how many files that index has.
        inspect: tells what a sync would do with scenes.
    """

    config: Config
    refresh: Callable[[], None]
    files_known: Callable[[], int]
    inspect: Callable[[Collection[StashScene]], Sequence[Inspected]]


def detect(one: Inspected, *, look_for_missing: bool) -> Finding:
    """Tell what a scene's state in Plex comes to.

    Args:
        one: the scene, and what a sync would do with it.
        look_for_missing: whether it is a gap when Plex has no item for it.

    Raises:
        PlexError: Plex could not be asked about it, so nothing may be concluded.
    """
    if not one.scene.files:
        return Finding(Outcome.NO_FILE)
    if one.lacks_metadata:
        return Finding(Outcome.NO_METADATA)
    if one.edits:
        return _compare(one)
    if one.elsewhere:
        return Finding(Outcome.ELSEWHERE)
    if one.unseen:
        return Finding(Outcome.UNSEEN)
    if isinstance(one.error, PlexCopy):
        return Finding(Outcome.COPY)
    if isinstance(one.error, PlexAmbiguousMatch):
        return Finding(Outcome.AMBIGUOUS)
    if one.error is not None and not isinstance(one.error, PlexNotFound):
        raise one.error
    if not look_for_missing:
        return Finding(Outcome.NOT_LOOKED_FOR)
    return Finding(Outcome.MISSING, ("no item",), again=one.synced_before)


def reasons_of(edit: ItemEdit) -> list[str]:
    """Return what an edit is for: a field whose value differs, or one that is not locked."""
    return [
        name if sets_value(parameters) else f"{name} {LOCK}"
        for name, parameters in edit.fields.items()
    ]


def sets_value(parameters: Mapping[str, str]) -> bool:
    """Tell whether a field's parameters change its value, not its lock only."""
    return any(not key.endswith(".locked") for key in parameters)


def cleared_by(item: PlexItem, edit: ItemEdit) -> list[str]:
    """Return the fields in which Plex shows something, and would show nothing after the edit.

    Collections do not count: only what we added is ever taken away.
    """
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


def _compare(one: Inspected) -> Finding:
    reasons: dict[str, None] = {}
    clears: dict[str, None] = {}
    changes = False
    for item, edit in one.edits:
        reasons.update(dict.fromkeys(reasons_of(edit)))
        clears.update(dict.fromkeys(cleared_by(item, edit)))
        changes = changes or any(sets_value(parameters) for parameters in edit.fields.values())
    reasons.update(dict.fromkeys(one.image_reasons))
    if not reasons:
        return Finding(Outcome.UNSEEN if one.unseen else Outcome.IN_STEP)
    empty = _has_any(one.desired) and any(_is_empty(item) for item, edit in one.edits if edit)
    return Finding(
        Outcome.EMPTY if empty else Outcome.STALE,
        tuple(reasons),
        again=changes and one.synced_before,
        clears=tuple(clears),
    )


def _is_empty(item: PlexItem) -> bool:
    return not any(getattr(item, name) for name in _NEVER_FROM_A_FILE)


def _has_any(desired: SceneMetadata) -> bool:
    return any(getattr(desired, name) for name in _METADATA)

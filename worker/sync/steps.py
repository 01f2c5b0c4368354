"""The decisions about a scene, step by step, for `debug_logging`.

Each method asks first whether anybody listens: without the setting a step costs nothing more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from plex.diff import PLEX_NAMES, ItemEdit, Value
from plex.field_sender import EditOutcome
from plex.items import PlexItem
from shared.log import Log
from sync_queue.models import Claim
from validation.metadata import SceneMetadata
from validation.scene_extractor import StashScene
from worker.sync.cover_sync import CoverResult
from worker.sync.scene_work import SceneWork

_LONGEST_VALUE = 60  # characters of a value that is shown


@dataclass(frozen=True, slots=True)
class Steps:
    """Tells the steps of the scenes of one batch."""

    log: Log

    def read(self, scene: StashScene, claims: Sequence[Claim]) -> None:
        """A scene was claimed, and read from Stash."""
        if not self.log.show_steps:
            return
        jobs = ", ".join(
            f"{claim.job.update_type} (try {claim.job.retry_count + 1})" for claim in claims
        )
        files = ", ".join(f"{file.path} ({file.size} bytes)" for file in scene.files)
        self.log.step(
            f"{scene.label}: claimed: {jobs}; Stash updated it {scene.updated_at or 'at no time'}; "
            f"files: {files or 'none'}"
        )

    def found(self, one: SceneWork, to_plex: Callable[[str], str]) -> None:
        """It was looked for in Plex; its items were read, and hold its files."""
        if not self.log.show_steps:
            return
        for file in one.scene.files:
            self.log.step(f"{one.scene.label}: {file.path} is {to_plex(file.path)} in Plex")
        matching, kept = one.matching, {item.rating_key for item in one.items}
        rule = f" by {matching.rule.value}" if matching.rule else ""
        for match in matching.matches:
            holds = match.rating_key in kept
            fate = (
                "holds it" if holds else "is left alone: gone, another file's, or another scene's"
            )
            self.log.step(f"{one.scene.label}: item {match.rating_key}{rule} ({match.path}) {fate}")
        if not matching.matches:
            maybe = ", ".join(part.path for part in matching.candidates) or "none"
            self.log.step(f"{one.scene.label}: no item; candidates: {maybe}")

    def compared(self, one: SceneWork, item: PlexItem, edit: ItemEdit) -> None:
        """An item was compared with what it shall show."""
        if not self.log.show_steps:
            return
        values = self.log.obfuscate is None  # a value may be a title
        fields = "; ".join(_field(name, one.desired, item, edit, values) for name in PLEX_NAMES)
        self.log.step(f"{one.scene.label}: item {item.rating_key}: {fields}")

    def sent(self, one: SceneWork, item: PlexItem, outcome: EditOutcome) -> None:
        """An edit was carried out."""
        if self.log.show_steps:
            refused = ", ".join(outcome.refused) or "nothing"
            self.log.step(
                f"{one.scene.label}: item {item.rating_key}: edited and locked with "
                f"{outcome.requests} request(s); refused: {refused}"
            )

    def covered(self, one: SceneWork, cover: CoverResult) -> None:
        """Its cover was decided on."""
        if self.log.show_steps:
            what = ", ".join(sorted(cover.uploaded))
            locks = ", ".join(sorted({kind for kinds in cover.to_lock.values() for kind in kinds}))
            self.log.step(
                f"{one.scene.label}: cover: {f'sent as {what}' if what else cover.why}"
                + (f"; to be locked: {locks}" if locks else "")
            )


def _field(name: str, desired: SceneMetadata, item: PlexItem, edit: ItemEdit, values: bool) -> str:
    wanted, shown = getattr(desired, name), getattr(item, name)
    if wanted is None:
        return f"{name}: not synced, by its setting"
    if name in edit.preserved:
        return f"{name}: preserved, somebody set it in Plex"
    if name in edit.fields:
        if all(key.endswith(".locked") for key in edit.fields[name]):
            return f"{name}: same, its lock is set"
        change = f" ({_clipped(shown)} → {_clipped(wanted)})" if values else ""
        return f"{name}: differs, is sent{change}"
    return f"{name}: refused by Plex before" if name in edit.refused else f"{name}: same"


def _clipped(value: Value | tuple[str, ...]) -> str:
    text = value if isinstance(value, str) else ", ".join(value)
    return repr(text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…")

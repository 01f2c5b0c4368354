from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from plex.client import PlexClient
from plex.exceptions import (
    PlexError,
    PlexNotFound,
    PlexPermanentError,
    PlexPermissionError,
    PlexTemporaryError,
    PlexUploadsDown,
)
from plex.items import ART, IMAGE_LOCKS, POSTER, PlexImage, PlexItem
from plex.originals import with_original_lock
from plex.server_facts import ImageSelection
from shared.events import Event
from stash.exceptions import StashFileError
from stash.images import Cover, UnusableCoverError, read_cover
from sync_queue.sync_log import ItemRecord, SceneRecord
from validation.metadata import SceneMetadata
from validation.scene_extractor import StashScene
from worker.services import Services
from worker.sync.scene_work import EditPlanner, SceneWork
from worker.sync.session import SyncSession

_NO_COVER = ""
_REFUSED = "refused:"


@dataclass(slots=True)
class CoverResult:
    uploaded: set[str] = field(default_factory=set)
    sent: dict[PlexItem, dict[str, str]] = field(default_factory=dict)
    to_lock: dict[PlexItem, set[str]] = field(default_factory=dict)
    tag: str | None = None
    failure: PlexError | StashFileError | None = None
    why: str = "no image to set"


class Target(NamedTuple):
    item: PlexItem
    kind: str
    # The SHA-1 of the last sent image, or None if no image was sent. If Plex refused the image, the
    # SHA-1 has the prefix _REFUSED. If the scene had no usable cover, the text is empty.
    has: str | None
    is_locked: bool  # also True if this Plex server never reports the lock

    @property
    def lacks_lock(self) -> bool:
        return bool(self.has) and not self.is_refused and not self.is_locked

    @property
    def is_refused(self) -> bool:
        return self.has is not None and self.has.startswith(_REFUSED)


def targets_of(
    desired: SceneMetadata, records: Mapping[PlexItem, ItemRecord], planner: EditPlanner
) -> list[Target]:
    targets = [
        Target(
            item,
            kind,
            record.poster_sha1 if kind == POSTER else record.art_sha1,
            IMAGE_LOCKS[kind] in item.locked | planner.behaviour.hidden_locks,
        )
        for item, record in records.items()
        for kind, is_synced in ((POSTER, desired.poster), (ART, desired.art))
        if is_synced
    ]
    if planner.preserve:
        # A lock before the first upload shows that a user chose the image, so the image stays.
        targets = [t for t in targets if t.has or IMAGE_LOCKS[t.kind] not in t.item.locked]
    return targets


def may_differ(scene: StashScene, targets: Sequence[Target], last: SceneRecord | None) -> bool:
    if last is None or last.scene_updated_at != scene.updated_at:
        return True
    return not _is_shown(last, targets)


def _is_shown(last: SceneRecord, targets: Sequence[Target]) -> bool:
    if last.cover_tag is None:
        return all(target.has is not None for target in targets)
    sha1 = last.cover_tag.partition(" ")[0]
    accepted = (sha1, _REFUSED + sha1)
    return all(t.has is not None and (not sha1 or t.has in accepted) for t in targets)


@contextmanager
def judged_write(client: PlexClient, item: PlexItem) -> Iterator[None]:
    try:
        yield
    except (PlexPermissionError, PlexTemporaryError) as error:
        raise client.judge(item, error) from None


@dataclass
class CoverSync:
    services: Services
    session: SyncSession
    work: SceneWork
    last: SceneRecord | None
    planner: EditPlanner
    result: CoverResult = field(default_factory=CoverResult)

    def __post_init__(self) -> None:
        self._log, self._sync_log = self.services.log, self.services.queue.sync_log
        self._client, self._server_id = self.session.client, self.session.library.server_id
        self._names: dict[str, Any] = {"scene": self.work.scene.id, "label": self.work.scene.label}

    def run(self, records: Mapping[PlexItem, ItemRecord]) -> CoverResult:
        work, last, result = self.work, self.last, self.result
        targets = targets_of(work.desired, records, self.planner)
        if work.refused_since:
            targets = [t._replace(has=None) if t.is_refused else t for t in targets]
        if last is not None and _is_shown(last, targets):
            result.tag = last.cover_tag
        if targets:
            result.why = "the scene did not change since its cover was sent"
            # The hook marks the job of a new cover, because two edits within a second have the same
            # time stamp.
            is_changed = any(claim.job.data.get("cover_changed") for claim in work.claims)
            if is_changed or may_differ(work.scene, targets, last):
                self._send_to(targets)
        lost = []
        for target in targets:
            if target.lacks_lock and self._is_lost(target):
                lost.append(target._replace(has=None))
            elif target.lacks_lock:
                result.to_lock.setdefault(target.item, set()).add(target.kind)
        if lost:
            # The lost image is needed, so request the cover without its ETag. With it, Stash would
            # answer `304 Not Modified`.
            result.tag = None
            self._send_to(lost)
        return result

    def _is_lost(self, target: Target) -> bool:
        """Select the sent image again if Plex deselected it.

        Return True if Plex no longer has it.
        """
        item, kind = target.item, target.kind
        if self.planner.preserve or kind in self.result.uploaded:
            return False
        try:
            images = self._client.list_images(item.rating_key, kind)
            ours = _uploads_of(images, str(target.has))
            if ours and not any(image.selected for image in ours):
                with judged_write(self._client, item):
                    self._client.select_image(item.rating_key, kind, ours[0].key)
                self.result.uploaded.add(kind)
            return not ours
        except PlexPermanentError as error:
            self._log.event(Event.IMAGE_NOT_SELECTED, **self._names, error=error, kind=kind)
        except PlexTemporaryError as error:
            self.result.failure = self.result.failure or error
        return False

    def _send_to(self, targets: Sequence[Target]) -> None:
        result, etag = self.result, (self.result.tag or "").partition(" ")[2]
        try:
            cover = read_cover(self.services.stash, self.work.scene.id, etag or None)
        except UnusableCoverError as error:
            self._log.event(Event.COVER_UNUSABLE, **self._names, error=error)
            cover, result.tag = None, f" {error.tag or ''}"
        except StashFileError as error:
            result.failure, result.why = error, str(error)
            return
        result.why = "the scene has no cover that Plex accepts"
        if cover is not None:
            result.why, result.tag = "Plex already has this image", f"{cover.sha1} {cover.tag}"
        for target in targets:
            if cover is not None and target.has not in (cover.sha1, _REFUSED + cover.sha1):
                self._upload(target, cover)
            elif cover is None and target.has is None:
                self._remember(target, _NO_COVER)

    def _upload(self, target: Target, cover: Cover) -> None:
        item, kind, result = target.item, target.kind, self.result
        try:
            self.session.uploads.check(kind, item.rating_key)
            had = cover.sha1 in self._sync_log.uploads(self._server_id, item.rating_key, kind)
            self._remember_intent(target, cover)
            self._remove_overlay_label(target)
            uploading = self.session.uploads.observe(kind, item.rating_key)
            with uploading, judged_write(self._client, item):
                self._client.upload_image(item.rating_key, kind, cover.data)
            with judged_write(self._client, item):
                select_image(self.session, item.rating_key, kind, cover.sha1, had=had, is_new=True)
        except PlexPermanentError as error:
            self._log.event(Event.COVER_REFUSED, **self._names, error=error, kind=kind)
            self._remember(target, _REFUSED + cover.sha1)
        except (PlexTemporaryError, PlexUploadsDown) as error:
            result.failure = result.failure or error
        else:
            result.uploaded.add(kind)
            result.sent.setdefault(item, {})[kind] = cover.sha1
            result.to_lock.setdefault(item, set()).add(kind)
            self._remember(target, cover.sha1)

    def _remove_overlay_label(self, target: Target) -> None:
        """Remove the overlay label of the tool Kometa, or Kometa would restore the old poster."""
        labels = [label for label in target.item.labels or () if label.casefold() == "overlay"]
        if labels and target.kind == POSTER and self.session.config.remove_overlay_label:
            try:
                self._client.edit(target.item, {"labels": {"label[].tag.tag-": labels[0]}})
            except PlexPermanentError as error:
                self._log.event(Event.OVERLAY_LABEL_KEPT, **self._names, error=error)

    def _remember_intent(self, target: Target, cover: Cover) -> None:
        """Store the image's SHA-1 before its upload, because the response may get lost."""
        log, key, kind = self._sync_log, target.item.rating_key, target.kind
        held = log.original(self._server_id, key) or {}
        changed = held if target.has else with_original_lock(held, target.item, kind)
        with self.services.queue.transaction():
            if changed != held:
                log.change_original(self._server_id, key, changed)
            log.remember_upload(self._server_id, key, kind, cover.sha1)

    def _remember(self, target: Target, sha1: str) -> None:
        key = target.item.rating_key
        self._sync_log.remember_image(self.work.scene.id, self._server_id, key, target.kind, sha1)


def select_image(
    session: SyncSession,
    rating_key: int,
    kind: str,
    sha1: str,
    *,
    had: bool = False,
    is_new: bool = False,
) -> None:
    """Make Plex show an uploaded image.

    Args:
        had: whether the item already had this image before the upload.
        is_new: whether the image was uploaded just now.
    """
    client, trait = session.client, session.facts.behaviour().image_selection
    if is_new and trait is ImageSelection.AUTOMATIC and not had:
        return
    if is_new and trait is ImageSelection.EXPLICIT:
        with suppress(PlexNotFound, PlexPermanentError):
            client.select_image(rating_key, kind, f"upload://{kind}s/{sha1}")
            return
    with suppress(PlexNotFound, PlexPermanentError):
        ours = _uploads_of(client.list_images(rating_key, kind), sha1)
        is_shown = any(image.selected for image in ours)
        if ours and not is_shown:
            client.select_image(rating_key, kind, ours[0].key)
        if ours and not had and (not is_shown or trait is None):
            session.facts.learn(ImageSelection.AUTOMATIC if is_shown else ImageSelection.EXPLICIT)


def _uploads_of(images: Sequence[PlexImage], sha1: str) -> list[PlexImage]:
    return [image for image in images if image.key.endswith(sha1)]

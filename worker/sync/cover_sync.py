"""Sends a scene's cover to its items: new bytes only, remembered per item and kind of image."""

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
from plex.server_facts import Behaviour, ImageSelection
from shared.events import Event
from stash.exceptions import StashFileError
from stash.images import Cover, UnusableCoverError
from sync_queue.sync_records import ItemRecord, SceneRecord
from validation.metadata import SceneMetadata
from validation.scene_extractor import StashScene
from worker.services import Services
from worker.sync.scene_work import SceneWork
from worker.sync.session import SyncSession

_NO_COVER = ""  # stored instead of a SHA-1: the scene has no cover that Plex accepts
_REFUSED = "refused:"  # before the SHA-1 of bytes that Plex refused, so the item shows others
_OVERLAY = "overlay"  # label of Kometa, in lower case, for a poster with an overlay


@dataclass(slots=True)
class CoverResult:
    """The outcome of sending a cover."""

    # Kinds that at least one item received, or shows again.
    uploaded: set[str] = field(default_factory=set)
    # Item → kind → SHA-1 of the bytes that it received.
    sent: dict[PlexItem, dict[str, str]] = field(default_factory=dict)
    # Item → kinds to lock; the batch locks them with few requests.
    to_lock: dict[PlexItem, set[str]] = field(default_factory=dict)
    tag: str | None = None  # the cover that no item lacks (`SceneRecord.cover_tag`)
    failure: PlexError | StashFileError | None = None  # why a part has to be tried again
    why: str = "no image is to be set"  # why nothing was uploaded, for the decision trace


class Target(NamedTuple):
    """An image of an item that the plugin sets."""

    item: PlexItem
    kind: str
    has: str | None  # SHA-1 of the bytes last sent, `_NO_COVER`, or `_REFUSED` and a SHA-1
    is_locked: bool  # also true if the server never shows this lock

    @property
    def lacks_lock(self) -> bool:
        """Whether Plex's next refresh may replace the image that was sent."""
        return bool(self.has) and not _is_refused(self.has) and not self.is_locked


def targets_of(
    desired: SceneMetadata,
    records: Mapping[PlexItem, ItemRecord],
    behaviour: Behaviour,
    *,
    preserve: bool,
) -> list[Target]:
    """Return the images that a scene's cover is for; `records` holds the values last sent.

    With `preserve`, images that were locked before the first upload are left out, because a user
    chose them. An image that a user chose later stays only until the cover changes in Stash: seeing
    the choice would cost a request per item.
    """
    targets = [
        Target(
            item,
            kind,
            record.poster_sha1 if kind == POSTER else record.art_sha1,
            IMAGE_LOCKS[kind] in item.locked | behaviour.hidden_locks,
        )
        for item, record in records.items()
        for kind, is_synced in ((POSTER, desired.poster), (ART, desired.art))
        if is_synced
    ]
    if not preserve:
        return targets
    return [t for t in targets if t.has or IMAGE_LOCKS[t.kind] not in t.item.locked]


def may_differ(scene: StashScene, targets: Sequence[Target], last: SceneRecord | None) -> bool:
    """Tell whether the cover has to be read to know whether all images show it."""
    if last is None or last.scene_updated_at != scene.updated_at:
        return True
    return not _is_shown(last.cover_tag, targets)


def _is_shown(cover_tag: str | None, targets: Sequence[Target]) -> bool:
    """Tell whether all images have the cover that was read last.

    An item that Plex did not have at that time may have an older cover. If the scene has no cover,
    items keep their images.
    """
    if cover_tag is None:
        return all(target.has is not None for target in targets)
    sha1 = cover_tag.partition(" ")[0]
    accepted = (sha1, _REFUSED + sha1)
    return all(t.has is not None and (not sha1 or t.has in accepted) for t in targets)


def _is_refused(has: str | None) -> bool:
    return has is not None and has.startswith(_REFUSED)


@contextmanager
def judged_write(client: PlexClient, item: PlexItem) -> Iterator[None]:
    """Raise the meaning of a failed write to an item (see `PlexClient.judge`)."""
    try:
        yield
    except (PlexPermissionError, PlexTemporaryError) as error:
        raise client.judge(item, error) from None


class CoverSync:
    """Sends the cover of one scene; `last` is the outcome of the scene's last job."""

    def __init__(
        self, services: Services, session: SyncSession, work: SceneWork, last: SceneRecord | None
    ) -> None:
        self._images = services.images
        self._queue = services.queue
        self._log = services.log
        self._session = session
        self._client = session.client
        self._server_id = session.library.server_id
        self._preserve = session.config.preserve_plex_edits
        self._work = work
        self._scene = work.scene
        self._names: dict[str, Any] = {"scene": work.scene.id, "label": work.scene.label}
        self._last = last
        self._result = CoverResult()

    def run(self, records: Mapping[PlexItem, ItemRecord]) -> CoverResult:
        """Upload the cover to the items that lack it, and collect the locks to set.

        What was sent is remembered, also when this raises a `StashError` or `PlexError`.
        """
        work, last, result = self._work, self._last, self._result
        behaviour = self._session.facts.behaviour()
        targets = targets_of(work.desired, records, behaviour, preserve=self._preserve)
        if work.refused_since:
            targets = [t._replace(has=None) if _is_refused(t.has) else t for t in targets]
        if last is not None and _is_shown(last.cover_tag, targets):
            result.tag = last.cover_tag
        if targets:
            result.why = "the scene did not change since its cover was sent"
            # Stash's time stamps have whole seconds, so the hook tells of a second change in one.
            is_changed = any(claim.job.data.get("cover_changed") for claim in work.claims)
            if is_changed or may_differ(self._scene, targets, last):
                self._send_to(targets)
        self._collect_locks(targets)
        return result

    def _collect_locks(self, targets: Sequence[Target]) -> None:
        """Collect the locks to set; send images again that the item has lost with their lock."""
        lost = []
        for target in targets:
            if target.lacks_lock and self._is_lost(target):
                lost.append(target._replace(has=None))
            elif target.lacks_lock:
                self._result.to_lock.setdefault(target.item, set()).add(target.kind)
        if lost:
            self._result.tag = None  # without it Stash sends the bytes of an unchanged cover
            self._send_to(lost)

    def _is_lost(self, target: Target) -> bool:
        """Tell whether Plex lost an image that was sent, as after a restored backup.

        An image that Plex has and does not show is selected, unless a user's choice counts.
        """
        item, kind = target.item, target.kind
        if self._preserve or kind in self._result.uploaded:
            return False
        try:
            images = self._client.list_images(item.rating_key, kind)
            ours = _uploads_of(images, str(target.has))
            if ours and not any(image.selected for image in ours):
                with judged_write(self._client, item):
                    self._client.select_image(item.rating_key, kind, ours[0].key)
                self._result.uploaded.add(kind)
        except PlexPermanentError as error:
            self._log.event(Event.IMAGE_NOT_SELECTED, **self._names, error=error, kind=kind)
        except PlexTemporaryError as error:
            self._fail(error)
        else:
            return not ours
        return False

    def _send_to(self, targets: Sequence[Target]) -> None:
        """Read the cover, and upload it to the images that show something else."""
        result = self._result
        try:
            cover = self._images.cover(self._scene.id, _etag_of(result.tag))
        except UnusableCoverError as error:
            self._log.event(Event.COVER_UNUSABLE, **self._names, error=error)
            cover, result.tag = None, f" {error.tag or ''}"
        except StashFileError as error:
            result.failure, result.why = error, str(error)
            return
        result.why = "Plex has these bytes" if cover else "there is none that Plex takes"
        if cover is not None:
            result.tag = f"{cover.sha1} {cover.tag}"
        for target in targets:
            if cover is not None and target.has not in (cover.sha1, _REFUSED + cover.sha1):
                self._upload(target, cover)
            elif cover is None and target.has is None:
                self._remember(target, _NO_COVER)

    def _upload(self, target: Target, cover: Cover) -> None:
        item, kind, result = target.item, target.kind, self._result
        try:
            self._session.uploads.check(kind, item.rating_key)
            uploads = self._queue.sync_log.uploads(self._server_id, item.rating_key, kind)
            self._remember_intent(target, cover)
            self._remove_overlay_label(target)
            self._send(target, cover)
            with judged_write(self._client, item):
                show_uploaded(self._session, item, kind, cover.sha1, had=cover.sha1 in uploads)
        except PlexPermanentError as error:
            self._log.event(Event.COVER_REFUSED, **self._names, error=error, kind=kind)
            self._remember(target, _REFUSED + cover.sha1)
        except (PlexTemporaryError, PlexUploadsDown) as error:
            self._fail(error)  # the other kind is still sent
        else:
            result.uploaded.add(kind)
            result.sent.setdefault(item, {})[kind] = cover.sha1
            result.to_lock.setdefault(item, set()).add(kind)
            self._remember(target, cover.sha1)

    def _send(self, target: Target, cover: Cover) -> None:
        key, kind = target.item.rating_key, target.kind
        try:
            with judged_write(self._client, target.item):
                self._client.upload_image(key, kind, cover.data)
        except PlexTemporaryError as error:
            raise self._session.uploads.failed(kind, key, error) from None
        self._session.uploads.succeeded(kind)

    def _remove_overlay_label(self, target: Target) -> None:
        """Remove Kometa's label; otherwise Kometa restores its copy of the old poster.

        The label is removed before the upload, so that no kill in between can leave it.
        """
        labels = [label for label in target.item.labels if label.casefold() == _OVERLAY]
        is_on = self._session.config.remove_overlay_label
        if not is_on or target.kind != POSTER or not labels:
            return
        try:
            self._client.edit(target.item, {"labels": {"label[].tag.tag-": labels[0]}})
        except PlexPermanentError as error:
            self._log.event(Event.OVERLAY_LABEL_KEPT, **self._names, error=error)

    def _remember_intent(self, target: Target, cover: Cover) -> None:
        """Store the SHA-1 and the original lock before the upload.

        If the upload arrives and its answer does not, the image and its lock must not count as a
        user's choice.
        """
        log, key, kind = self._queue.sync_log, target.item.rating_key, target.kind
        held = log.original(self._server_id, key) or {}
        changed = held if target.has else with_original_lock(held, target.item, kind)
        with self._queue.transaction():
            if changed != held:
                log.change_original(self._server_id, key, changed)
            log.remember_upload(self._server_id, key, kind, cover.sha1)

    def _remember(self, target: Target, sha1: str) -> None:
        self._queue.sync_log.remember_image(
            self._scene.id, self._server_id, target.item.rating_key, target.kind, sha1
        )

    def _fail(self, error: PlexError) -> None:
        self._result.failure = self._result.failure or error


def _etag_of(cover_tag: str | None) -> str | None:
    """Return Stash's ETag in `SceneRecord.cover_tag`."""
    return (cover_tag or "").partition(" ")[2] or None


def show_uploaded(
    session: SyncSession, item: PlexItem, kind: str, sha1: str, *, had: bool = False
) -> None:
    """Make Plex show an image that was just uploaded.

    The first upload to a server shows whether it selects uploads. Servers do not always select
    bytes that the item `had` before, so these are checked each time.
    """
    trait = session.facts.behaviour().image_selection
    if trait is ImageSelection.AUTOMATIC and not had:
        return
    if trait is ImageSelection.EXPLICIT:
        with suppress(PlexNotFound, PlexPermanentError):
            key = f"upload://{kind}s/{sha1}"
            session.client.select_image(item.rating_key, kind, key)
            return
    select_image(session, item.rating_key, kind, sha1, had=had)


def select_image(
    session: SyncSession, rating_key: int, kind: str, sha1: str, *, had: bool = False
) -> None:
    """Select the image with this SHA-1 if Plex shows another one, and learn from that."""
    trait = session.facts.behaviour().image_selection
    with suppress(PlexNotFound, PlexPermanentError):  # then the item keeps its image
        ours = _uploads_of(session.client.list_images(rating_key, kind), sha1)
        is_shown = any(image.selected for image in ours)
        if ours and not is_shown:
            session.client.select_image(rating_key, kind, ours[0].key)
        if ours and not had and (not is_shown or trait is None):
            learned = ImageSelection.AUTOMATIC if is_shown else ImageSelection.EXPLICIT
            session.facts.learn(learned)


def _uploads_of(images: Sequence[PlexImage], sha1: str) -> list[PlexImage]:
    """Return the images with these bytes: Plex names an upload by its SHA-1."""
    return [image for image in images if image.key.endswith(sha1)]

"""Covers to Plex: only new bytes, each item and kind with a memory of its own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from plex.client import PlexClient
from plex.exceptions import (
    PlexError,
    PlexPermanentError,
    PlexPermissionError,
    PlexTemporaryError,
    PlexUploadsDown,
)
from plex.items import PlexItem
from plex.originals import with_original_lock
from plex.server_facts import Behaviour, ServerFacts
from shared.events import Event, Report
from stash.exceptions import StashFileError
from stash.images import Cover, StashImages, UnusableCoverError
from sync_queue.manager import QueueManager
from sync_queue.sync_records import ItemRecord, SceneRecord
from validation.metadata import SceneMetadata
from validation.scene_extractor import StashScene
from worker.sync.image_selection import ImageSelection
from worker.sync.upload_gate import UploadGate

POSTER, ART = "poster", "art"
_LOCKS = {POSTER: "thumb", ART: "art"}
NOTHING_TO_GIVE = ""  # remembered instead of a SHA-1: the scene has no cover, or none Plex takes
_OVERLAY = "overlay"  # Kometa's label of an item whose poster carries its overlay, in lower case
_REFUSED = "refused:"  # before the SHA-1 of bytes that Plex did not take: the item shows others


@dataclass(slots=True)
class CoverResult:
    """What became of a scene's cover.

    Attributes:
        uploaded: the kinds that at least one item got, or shows again.
        sent: item → kind → SHA-1 of the bytes that it got.
        to_lock: item → kinds whose lock is still to be set, for the whole batch at once.
        tag: which cover all items have now, or that no item can have (`SceneRecord.cover_tag`).
        failure: why a part of it is to be tried again.
        why: for people: why nothing was uploaded, if nothing was.
    """

    uploaded: set[str] = field(default_factory=set)
    sent: dict[PlexItem, dict[str, str]] = field(default_factory=dict)
    to_lock: dict[PlexItem, set[str]] = field(default_factory=dict)
    tag: str | None = None
    failure: PlexError | StashFileError | None = None
    why: str = "no image is ours to set"


class Target(NamedTuple):
    """An image of an item that is ours to set, and which bytes it `has` by our memory.

    A lock that the server never shows counts as set.
    """

    item: PlexItem
    kind: str
    has: str | None
    is_locked: bool

    @property
    def lacks_lock(self) -> bool:
        """Whether it shows our image, and Plex's next refresh may replace it."""
        shows_ours = bool(self.has) and not _is_refused(self.has)
        return shows_ours and not self.is_locked


class CoverSync:
    """Sends a scene's cover to its items.

    Args:
        images: Stash's covers.
        client: Plex.
        queue: the memory; each upload is remembered at once, since Plex keeps every copy.
        server_id: Plex's identity.
        facts: what is known about the server.
        uploads: holds images back while the server stores none.
        report: gets an event about a cover that cannot be sent.
        preserve: leave an image alone that was locked in Plex before our first upload: a person
            chose it. Which image is shown after an upload costs a request per item to see, so one
            that was chosen later stays only until the cover changes in Stash.
        remove_overlay_label: take Kometa's label from an item that gets a new poster.
    """

    def __init__(
        self,
        images: StashImages,
        client: PlexClient,
        queue: QueueManager,
        server_id: str,
        facts: ServerFacts,
        uploads: UploadGate,
        report: Report,
        *,
        preserve: bool,
        remove_overlay_label: bool = False,
    ) -> None:
        self._images = images
        self._client = client
        self._queue = queue
        self._behaviour = facts.behaviour()
        self._selection = ImageSelection(client, facts)
        self._server_id = server_id
        self._uploads = uploads
        self._report = report
        self._preserve = preserve
        self._remove_overlay_label = remove_overlay_label

    def run(
        self,
        scene: StashScene,
        desired: SceneMetadata,
        items: dict[PlexItem, ItemRecord],
        last: SceneRecord | None,
        *,
        cover_changed: bool,
        try_refused: bool,
    ) -> CoverResult:
        """Upload what is new to each item; tell what is still to be locked.

        Args:
            scene: with its cover.
            desired: which of the images are synced.
            items: the scene's items and what they were last sent.
            last: what is known of the scene's last sync.
            cover_changed: the cover was changed in Stash since.
            try_refused: a user asked to send what Plex refused.

        Raises:
            StashError, PlexError: the cover could not be had or sent; what was sent is remembered.
        """
        targets = targets_of(desired, items, self._behaviour, preserve=self._preserve)
        if try_refused:
            targets = [t._replace(has=None) if _is_refused(t.has) else t for t in targets]
        known = last is not None and _is_shown(last.cover_tag, targets)
        result = CoverResult(tag=last.cover_tag if last and known else None)
        if targets:
            result.why = "the scene is as it was when its cover was sent"
        # Stash's time stamps have whole seconds: the hook's hint tells of a second change in one.
        if targets and (cover_changed or may_differ(scene, targets, last)):
            self._bring(scene, targets, result)
        self._lock(scene, targets, result)
        return result

    def _lock(self, scene: StashScene, targets: list[Target], result: CoverResult) -> None:
        """Note which images need their lock; send those again that the item has lost with it."""
        lost = []
        for target in targets:
            if target.lacks_lock and self._is_lost(scene, target, result):
                lost.append(target._replace(has=None))
            elif target.lacks_lock:
                result.to_lock.setdefault(target.item, set()).add(target.kind)
        if lost:
            result.tag = None  # its bytes are needed, although Stash has no others
            self._bring(scene, lost, result)

    def _is_lost(self, scene: StashScene, target: Target, result: CoverResult) -> bool:
        """Make Plex show our image where its lock is gone, and something else may be shown by now.

        Where a person's choice counts, what is shown stays.

        Returns:
            Whether the item lacks it, as in a Plex that was restored from a backup.
        """
        if self._preserve or target.kind in result.uploaded:
            return False
        item, kind = target.item, target.kind
        try:
            images = self._client.list_images(item.rating_key, kind)
            ours = [image for image in images if image.key.endswith(str(target.has))]
            if ours and not any(image.selected for image in ours):
                key = ours[0].key
                self._write(item, lambda: self._client.select_image(item.rating_key, kind, key))
                result.uploaded.add(kind)
        except PlexPermanentError as error:
            self._tell(Event.IMAGE_NOT_SELECTED, scene, error, kind)
        except PlexTemporaryError as error:
            result.failure = result.failure or error
        else:
            return not ours
        return False

    def _bring(self, scene: StashScene, targets: list[Target], result: CoverResult) -> None:
        try:
            cover = self._images.cover(scene.id, _stashs_tag(result.tag))
        except UnusableCoverError as error:
            self._tell(Event.COVER_UNUSABLE, scene, error)
            cover, result.tag = None, f" {error.tag or ''}"
        except StashFileError as error:
            result.failure, result.why = error, str(error)
            return
        result.why = "Plex has these bytes" if cover else "there is none that Plex takes"
        if cover is not None:
            result.tag = f"{cover.sha1} {cover.tag}"
        for target in targets:
            if cover is not None and target.has not in (cover.sha1, _REFUSED + cover.sha1):
                self._upload(scene, target, cover, result)
            elif cover is None and target.has is None:
                self._remember(scene, target.item, target.kind, NOTHING_TO_GIVE)

    def _upload(self, scene: StashScene, target: Target, cover: Cover, result: CoverResult) -> None:
        item, kind = target.item, target.kind
        try:
            self._uploads.check(kind, item.rating_key)
        except PlexUploadsDown as error:
            result.failure = result.failure or error
            return
        had = cover.sha1 in self._queue.sync_log.uploads(self._server_id, item.rating_key, kind)
        self._note_ahead(target, cover)
        try:
            self._remove_overlay(scene, target)
            self._send(item, kind, cover)
            self._write(
                item,
                lambda: self._selection.after_upload(item, kind, cover.sha1, had=had),
            )
        except PlexPermanentError as error:
            self._tell(Event.COVER_REFUSED, scene, error, kind)
            self._remember(scene, item, kind, _REFUSED + cover.sha1)
        except (PlexTemporaryError, PlexUploadsDown) as error:
            result.failure = result.failure or error  # the other kind is still sent
        else:
            result.uploaded.add(kind)
            result.sent.setdefault(item, {})[kind] = cover.sha1
            result.to_lock.setdefault(item, set()).add(kind)
            self._remember(scene, item, kind, cover.sha1)

    def _tell(self, event: Event, scene: StashScene, error: Exception, kind: str = "") -> None:
        self._report(event, scene=scene.id, label=scene.label, error=error, kind=kind)

    def _send(self, item: PlexItem, kind: str, cover: Cover) -> None:
        key = item.rating_key
        try:
            self._write(item, lambda: self._client.upload_image(key, kind, cover.data))
        except PlexTemporaryError as error:
            raise self._uploads.failed(kind, key, error) from None
        self._uploads.succeeded(kind)

    def _write(self, item: PlexItem, write: Callable[[], None]) -> None:
        """Carry out a write; raise what its failure means (see `PlexClient.judge`)."""
        try:
            write()
        except (PlexPermissionError, PlexTemporaryError) as error:
            raise self._client.judge(item, error) from None

    def _remove_overlay(self, scene: StashScene, target: Target) -> None:
        """Take Kometa's label away, or Kometa puts its backup of the old poster back.

        The label goes before the upload, so that no kill in between can leave it.
        """
        labels = [label for label in target.item.labels if label.casefold() == _OVERLAY]
        if not self._remove_overlay_label or target.kind != POSTER or not labels:
            return
        try:
            self._client.edit(target.item, {"labels": {"label[].tag.tag-": labels[0]}})
        except PlexPermanentError as error:
            self._tell(Event.OVERLAY_LABEL_KEPT, scene, error)

    def _note_ahead(self, target: Target, cover: Cover) -> None:
        """Note whose image this will be, and the lock of before when it is the first.

        An upload that arrives although we never hear of it must not pass for a person's choice,
        nor its lock for a person's.
        """
        log, key, kind = self._queue.sync_log, target.item.rating_key, target.kind
        held = log.original(self._server_id, key) or {}
        before = held if target.has else with_original_lock(held, target.item, kind, lock_of(kind))
        with self._queue.transaction():
            if before != held:
                log.change_original(self._server_id, key, before)
            log.remember_upload(self._server_id, key, kind, cover.sha1)

    def _remember(self, scene: StashScene, item: PlexItem, kind: str, sha1: str) -> None:
        self._queue.sync_log.remember_image(scene.id, self._server_id, item.rating_key, kind, sha1)


def _is_refused(has: str | None) -> bool:
    """Tell whether the item of an image did not take the bytes that it was sent."""
    return has is not None and has.startswith(_REFUSED)


def lock_of(kind: str) -> str:
    """Return Plex's name of the lock of a `poster` or `art`."""
    return _LOCKS[kind]


def targets_of(
    desired: SceneMetadata,
    items: Mapping[PlexItem, ItemRecord],
    behaviour: Behaviour,
    *,
    preserve: bool,
) -> list[Target]:
    """Return the images that a scene's cover is for.

    Args:
        desired: as what it is to be shown.
        items: the scene's items and what they were last sent.
        behaviour: what is known about the server.
        preserve: leave an image alone that was locked before our first upload.
    """
    kinds = [kind for kind, on in ((POSTER, desired.poster), (ART, desired.art)) if on]
    targets = [
        Target(
            item,
            kind,
            record.poster_sha1 if kind == POSTER else record.art_sha1,
            lock_of(kind) in item.locked or lock_of(kind) in behaviour.hidden_locks,
        )
        for item, record in items.items()
        for kind in kinds
    ]
    if not preserve:
        return targets
    return [one for one in targets if one.has or lock_of(one.kind) not in one.item.locked]


def may_differ(scene: StashScene, targets: Sequence[Target], last: SceneRecord | None) -> bool:
    """Tell whether the cover has to be looked at, to know if all its images show it."""
    unchanged = last is not None and last.scene_updated_at == scene.updated_at
    return not (unchanged and last is not None and _is_shown(last.cover_tag, targets))


def _is_shown(cover_tag: str | None, targets: Sequence[Target]) -> bool:
    """Tell whether all images are of the cover that was looked at last.

    An item that Plex did not have at that time may still show the one before. A scene without a
    cover has nothing to give: its items keep what they show.
    """
    if cover_tag is None:
        return all(target.has is not None for target in targets)
    sha1 = cover_tag.partition(" ")[0]
    shown = (sha1, _REFUSED + sha1)
    return all(t.has is not None and (not sha1 or t.has in shown) for t in targets)


def _stashs_tag(cover_tag: str | None) -> str | None:
    return (cover_tag or "").partition(" ")[2] or None

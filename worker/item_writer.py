"""The stage of a batch that writes: one edit per item that differs, and its cover."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from plex.diff import current_values, edit_for
from plex.items import PlexItem
from stash.images import StashImages
from sync_queue.manager import QueueManager
from sync_queue.sync_log import ItemRecord
from worker.cover_sync import CoverResult, CoverSync
from worker.scene_work import SceneWork
from worker.session import SyncSession


class ItemWriter:
    """Brings the items of scenes in step, and remembers what they were sent.

    Args:
        session: settings and Plex; its library is prepared.
        images: Stash's covers.
        queue: the sync log.
        clock: seconds since the epoch.
        warn: tells the user about a part that cannot be sent.
    """

    def __init__(
        self,
        session: SyncSession,
        images: StashImages,
        queue: QueueManager,
        clock: Callable[[], float],
        warn: Callable[[str], None],
    ) -> None:
        self._session = session
        self._queue = queue
        self._clock = clock
        self._server_id = session.library.server_id
        self._covers = CoverSync(images, session.client, queue, self._server_id, warn)

    def keep_originals(self, work: Sequence[SceneWork]) -> None:
        """Remember what items hold before our first write, in one commit before any of it."""
        log, server_id = self._queue.sync_log, self._server_id
        with self._queue.transaction():
            for one in work:
                for item in one.items:
                    key = item.rating_key
                    if log.item(one.scene.id, server_id, key) is None:
                        log.keep_original(server_id, key, current_values(item), self._clock())
                        untouched = ItemRecord("", {})
                        log.remember_item(one.scene.id, server_id, key, untouched, self._clock())

    def write(self, one: SceneWork) -> tuple[tuple[str, ...], CoverResult]:
        """Send what differs to each item of a scene; return which fields, and the cover's fate.

        Raises:
            StashError, PlexError: a part could not be had or sent; what was sent is remembered.
        """
        log, server_id = self._queue.sync_log, self._server_id
        changed: list[str] = []
        records: dict[PlexItem, ItemRecord] = {}
        for item in one.items:
            last = log.item(one.scene.id, server_id, item.rating_key) or ItemRecord("", {})
            records[item] = last
            original = log.original(server_id, item.rating_key) or {}
            edit = edit_for(one.desired, item, last.sent, original)
            if edit:
                self._session.client.edit(item, edit.fields)
                changed += [name for name in edit.fields if name not in changed]
            if last.digest != one.desired.digest or last.sent != edit.sent:
                sent = replace(last, digest=one.desired.digest, sent=edit.sent)
                log.remember_item(one.scene.id, server_id, item.rating_key, sent, self._clock())
        cover = self._covers.run(
            one.scene,
            one.desired,
            records,
            log.scene(one.scene.id),
            cover_changed=any(claim.job.data.get("cover_changed") for claim in one.claims),
        )
        changed += sorted(cover.uploaded)
        return tuple(changed), cover

    def lock_images(self, covers: Sequence[CoverResult]) -> None:
        """Lock images of the whole batch, with one request per library and set of kinds.

        Raises:
            PlexError: Plex did not take it.
        """
        groups: dict[tuple[int, tuple[str, ...]], list[int]] = {}
        for cover in covers:
            for item, kinds in cover.to_lock.items():
                group = groups.setdefault((item.section_key, tuple(sorted(kinds))), [])
                group.append(item.rating_key)
        for (section_key, locked), keys in groups.items():
            self._session.client.lock_images(section_key, keys, locked)

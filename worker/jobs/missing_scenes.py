from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest

from plex.library import REFRESH_INTERVAL, SINGLE_LOOKS
from sync_queue.manager import QueueManager
from sync_queue.models import MISSING_PATHS, MISSING_SIZES, SyncJob
from validation.scene_extractor import SceneFile
from worker.sync.session import SyncSession

_NOT_FOUND = "PlexNotFound"


@dataclass
class MissingScenes:
    queue: QueueManager
    monotonic: Callable[[], float]
    _seen_listings: int = -1
    _searched_at: float = float("-inf")

    def seconds_to_search(self) -> float | None:
        if not self.queue.count_waiting_with_error(_NOT_FOUND):
            return None
        return max(0.0, self._searched_at + REFRESH_INTERVAL - self.monotonic())

    def search(self, session: SyncSession) -> int:
        self._searched_at = self.monotonic()
        session.library.prepare()
        jobs = [claim.job for claim in self.queue.waiting_with_error(_NOT_FOUND)]
        if len(jobs) <= SINGLE_LOOKS:
            letters = self.queue.dead_letters.of_type(_NOT_FOUND)
            jobs += [letter.job for letter in letters if letter.job is not None]
        # `look_for` searches up to SINGLE_LOOKS files one by one. For more files, it reads all
        # recent changes of Plex instead.
        few = jobs[: SINGLE_LOOKS + 1]
        session.look_for(file.path for job in few for file in _files_of(job))
        return self.make_found_due(session)

    def make_found_due(self, session: SyncSession) -> int:
        listings = session.library.listings
        if listings == self._seen_listings:
            return 0
        self._seen_listings = listings
        jobs = self.queue.waiting_with_error(_NOT_FOUND)
        found = [claim.row_id for claim in jobs if _has_item(session, claim.job)]
        self.queue.make_due_now(found)
        requeued = sum(
            letter.job is not None and _has_item(session, letter.job) and self.queue.requeue(letter)
            for letter in self.queue.dead_letters.of_type(_NOT_FOUND)
        )
        return len(found) + requeued


def _files_of(job: SyncJob) -> list[SceneFile]:
    paths, sizes = job.data.get(MISSING_PATHS), job.data.get(MISSING_SIZES)
    if not isinstance(paths, list):
        return []
    known = sizes[: len(paths)] if isinstance(sizes, list) else []
    return [
        SceneFile(path, size if isinstance(size, int) else 0)
        for path, size in zip_longest(paths, known)
        if isinstance(path, str)
    ]


def _has_item(session: SyncSession, job: SyncJob) -> bool:
    matching = session.matcher.find(_files_of(job), job.scene_id or 0)
    return bool(matching.matches or matching.candidates)

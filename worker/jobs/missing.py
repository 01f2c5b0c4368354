"""Scenes that Plex does not have yet: looked for together, woken when their file appears."""

from itertools import zip_longest

from plex.library import REFRESH_INTERVAL, SINGLE_LOOKS
from sync_queue.manager import QueueManager
from sync_queue.models import MISSING_PATHS, MISSING_SIZES, SyncJob
from validation.scene_extractor import SceneFile
from worker.sync.session import SyncSession

_NOT_FOUND = "PlexNotFound"


class MissingScenes:
    """Watches for the files that waiting jobs and dead letters lack in Plex.

    However many they are, Plex is asked once per refresh interval: for a few by their names, for
    many by what its libraries say has changed.
    """

    def __init__(self, queue: QueueManager) -> None:
        self._queue = queue
        self._seen = -1
        self._looked_at = float("-inf")

    def seconds_to_next_look(self, now: float) -> float | None:
        """Return when a look is due, in seconds; None when no job waits for its file.

        Args:
            now: seconds that never step.
        """
        if not self._queue.jobs.any_with_error(_NOT_FOUND):
            return None
        return max(0.0, self._looked_at + REFRESH_INTERVAL - now)

    def look(self, session: SyncSession, now: float) -> int:
        """Look for all of them and wake those who have come.

        Returns:
            How many jobs are due now because of it.

        Raises:
            PlexError: Plex could not be asked.
        """
        self._looked_at = now
        session.library.prepare()
        session.look_for(self._paths())
        return self.wake(session)

    def wake(self, session: SyncSession) -> int:
        """Make the jobs due, and revive the dead letters, whose file the path index has now.

        Returns:
            How many; at once 0 when there was no news since the last call.
        """
        listings = session.library.listings
        if listings == self._seen:
            return 0
        self._seen = listings
        jobs = self._queue.jobs.waiting_with_error(_NOT_FOUND)
        found = [claim.row_id for claim in jobs if _has_item(session, claim.job)]
        self._queue.jobs.make_due_now(found)
        letters = self._queue.dead_letters.of_type(_NOT_FOUND)
        revived = [
            letter
            for letter in letters
            if letter.job is not None
            and _has_item(session, letter.job)
            and self._queue.requeue(letter)
        ]
        return len(found) + len(revived)

    def _paths(self) -> list[str]:
        """Return the files that are missing, or the first of them when they are many."""
        jobs = [claim.job for claim in self._queue.jobs.waiting_with_error(_NOT_FOUND)]
        if len(jobs) <= SINGLE_LOOKS:
            letters = self._queue.dead_letters.of_type(_NOT_FOUND)
            jobs += [letter.job for letter in letters if letter.job is not None]
        return [file.path for job in jobs[: SINGLE_LOOKS + 1] for file in _files_of(job)]


def _files_of(job: SyncJob) -> list[SceneFile]:
    paths, sizes = job.data.get(MISSING_PATHS), job.data.get(MISSING_SIZES)
    if not isinstance(paths, list):
        return []
    known = sizes if isinstance(sizes, list) else []
    return [
        SceneFile(path, size if isinstance(size, int) else 0)
        for path, size in zip_longest(paths, known[: len(paths)])
        if isinstance(path, str)
    ]


def _has_item(session: SyncSession, job: SyncJob) -> bool:
    matching = session.matcher.find(_files_of(job), job.scene_id or 0)
    return bool(matching.matches or matching.candidates)

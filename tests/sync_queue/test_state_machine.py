"""The queue against a small model, through edits, claims, errors, crashes and time.

Each accepted edit leaves a mark of its own in its job's data. So whatever is merged, postponed or
resumed, it can be told exactly which edits the queue still owes to Plex.
"""

import shutil
import tempfile
from dataclasses import dataclass, field
from unittest import TestCase

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sync_queue.dlq import Failure
from sync_queue.manager import QueueManager
from sync_queue.models import Claim
from sync_queue.operations import METADATA, PATH, get_queued_scene_ids, scene_job
from tests.sync_queue.support import NOW, Clock, postponed, rows

Subject = tuple[int, str]

SCENES = st.integers(min_value=1, max_value=3)
KINDS = st.sampled_from([METADATA, PATH])
PICKS = st.integers(min_value=0, max_value=9)


@dataclass
class Waiting:
    due: float = 0.0
    retries: int = 0
    marks: set[str] = field(default_factory=set)


@dataclass
class Taken:
    subject: Subject
    waited: Waiting
    claim: Claim


class QueueMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp(prefix="queue-model-")
        self.clock = Clock(NOW)
        self.queue = QueueManager(self.folder, self.clock)
        self.waiting: dict[Subject, Waiting] = {}
        self.taken: dict[int, Taken] = {}
        self.dead: set[int] = set()
        self.edits = 0

    def teardown(self) -> None:
        self.queue.close()
        shutil.rmtree(self.folder)

    # what may happen

    @rule(subjects=st.lists(st.tuples(SCENES, KINDS), min_size=1, max_size=4))
    def edit(self, subjects: list[Subject]) -> None:
        jobs, new = [], 0
        for subject in subjects:
            self.edits += 1
            mark = f"edit-{self.edits}"
            jobs.append(scene_job(*subject, self.clock(), {mark: True}))
            new += subject not in self.waiting
            self._merge(subject, {mark})
        assert self.queue.enqueue(jobs) == (new, len(subjects) - new)

    @rule(limit=st.integers(min_value=1, max_value=4))
    def claim(self, limit: int) -> None:
        due = sorted(job.due for job in self.waiting.values() if job.due <= self.clock())
        claims = self.queue.claim(limit)
        assert [claim.job.next_retry_at for claim in claims] == due[:limit]
        for claim in claims:
            assert claim.row_id not in self.taken, "claimed twice"
            subject = (int(claim.job.job_key.removeprefix("scene_")), claim.job.update_type)
            waited = self.waiting.pop(subject)
            assert set(claim.job.data) == waited.marks
            assert claim.job.retry_count == waited.retries
            self.taken[claim.row_id] = Taken(subject, waited, claim)

    @precondition(lambda self: self.taken)
    @rule(pick=PICKS, healthy=st.booleans())
    def finish(self, pick: int, healthy: bool) -> None:
        taken = self._pick(pick)
        self.queue.ack([taken.claim], succeeded=healthy)
        if healthy:
            self.dead.discard(taken.subject[0])

    @precondition(lambda self: self.taken)
    @rule(pick=PICKS, delay=st.sampled_from([1.0, 30.0, 600.0]))
    def postpone(self, pick: int, delay: float) -> None:
        taken = self._pick(pick)
        until = self.clock() + delay
        self.queue.release([postponed(taken.claim, until)])
        taken.waited.due = until
        taken.waited.retries += 1
        self._return(taken)

    @precondition(lambda self: self.taken)
    @rule(pick=PICKS)
    def bury(self, pick: int) -> None:
        taken = self._pick(pick)
        self.queue.dead_letter(taken.claim, Failure("PlexPermanentError", "refused"))
        self.dead.add(taken.subject[0])

    @rule()
    def crash(self) -> None:
        self.queue.close()
        self.queue = QueueManager(self.folder, self.clock)
        assert self.queue.resume() == len(self.taken)
        for row_id in sorted(self.taken):
            self._return(self.taken.pop(row_id))

    @rule(seconds=st.sampled_from([1.0, 45.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    # what must hold at any time

    @invariant()
    def no_edit_is_lost_and_none_comes_back(self) -> None:
        stored = {mark for _, job, _ in rows(self.queue) for mark in job["data"]}
        owed = {mark for job in self.waiting.values() for mark in job.marks}
        owed |= {mark for taken in self.taken.values() for mark in taken.waited.marks}
        assert stored == owed

    @invariant()
    def the_counts_are_those_of_the_model(self) -> None:
        late = sum(job.due > self.clock() for job in self.waiting.values())
        assert self.queue.stats() == {
            "pending": len(self.waiting) - late,
            "retrying": late,
            "in_progress": len(self.taken),
        }
        assert self.queue.has_unfinished() == bool(self.waiting or self.taken)
        queued = get_queued_scene_ids(self.queue.connection)
        assert queued == {scene_id for scene_id, _ in self.waiting}
        assert sum(self.queue.dead_letters.counts_by_type().values()) == len(self.dead)

    @invariant()
    def the_next_due_job_is_that_of_the_model(self) -> None:
        assert self.queue.next_due() == min(
            (job.due for job in self.waiting.values()), default=None
        )

    # the model's own rules

    def _merge(self, subject: Subject, marks: set[str]) -> None:
        known = self.waiting.get(subject, Waiting())
        self.waiting[subject] = Waiting(marks=known.marks | marks)

    def _return(self, taken: Taken) -> None:
        if taken.subject in self.waiting:
            self._merge(taken.subject, taken.waited.marks)
        else:
            self.waiting[taken.subject] = taken.waited

    def _pick(self, pick: int) -> Taken:
        row_id = sorted(self.taken)[pick % len(self.taken)]
        return self.taken.pop(row_id)


TestQueueAgainstItsModel: type[TestCase] = QueueMachine.TestCase
TestQueueAgainstItsModel.settings = settings(  # type: ignore[attr-defined]
    max_examples=35, stateful_step_count=30, deadline=None
)

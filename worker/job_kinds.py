"""The jobs of a batch by what is to be done for them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field

from shared.frozen import frozen
from sync_queue.models import Claim
from sync_queue.operations import ENTITY, FOLDER_SCAN, FORGET, subject_label
from worker.scene_work import Result


@frozen
class JobKinds:
    """Claims: scenes to forget, performers and the like, folders to scan, scenes to sync."""

    forgets: list[Claim] = field(default_factory=list)
    entities: list[Claim] = field(default_factory=list)
    scans: list[Claim] = field(default_factory=list)
    scenes: list[Claim] = field(default_factory=list)


def split_jobs(claims: Iterable[Claim]) -> JobKinds:
    """Return the claims by kind, each in the order in which they came."""
    kinds = JobKinds()
    of_type = {FORGET: kinds.forgets, ENTITY: kinds.entities, FOLDER_SCAN: kinds.scans}
    for claim in claims:
        of_type.get(claim.job.update_type, kinds.scenes).append(claim)
    return kinds


def forget_all(claims: Sequence[Claim]) -> Iterator[Result]:
    """Yield the end of each job of a destroyed scene: nothing of it is left to know.

    A job of the same scene in the same batch comes after it, and finds it gone from Stash.
    """
    for claim in claims:
        yield Result([claim], subject_label(claim.job.job_key), changed=("destroyed in Stash",))

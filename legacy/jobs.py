"""What of a job of the earlier implementation is of use here: which scene, and since when.

Its jobs carried a snapshot of the scene's metadata. Ours read the scene when they sync it, so that
the newest state wins: the snapshots are left behind, and all jobs of a scene are one.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from legacy.plain_data import NotPlainError, read_plain
from shared.frozen import frozen
from shared.state_file import parse_moment

_NUMBER = re.compile("[0-9]{1,19}")
_JOB_KEY = re.compile("scene_([0-9]{1,19})")
_LARGEST_ID = 2**63 - 1  # SQLite's


class NoJobError(ValueError):
    """A stored row cannot be taken over; the text says why."""


@frozen
class EarlierJob:
    """One job.

    Attributes:
        scene_id: Stash's id.
        enqueued_at: when it was queued, in seconds since the epoch; 0 where that is not known.
        path: the scene's file as Stash knew it then, empty where the job has none.
    """

    scene_id: int
    enqueued_at: float
    path: str


def parse_job(data: Any, stored_at: Any = None, scene_id: Any = None) -> EarlierJob:
    """Read a stored job of whatever version.

    Args:
        data: a pickle, or the JSON that persist-queue may be told to write.
        stored_at: the row's own time.
        scene_id: what the row says besides, for jobs that do not.

    Raises:
        NoJobError: it is neither, or names no scene.
    """
    job = _mapping(data)
    key = _JOB_KEY.fullmatch(str(job.get("job_key")))
    named = (job.get("scene_id"), scene_id, key[1] if key else None)
    found = next((one for one in map(parse_scene_id, named) if one is not None), None)
    if found is None:
        message = "it names no scene"
        raise NoJobError(message)
    hints = job.get("data")
    path = hints.get("path") if isinstance(hints, dict) else None
    moments = (parse_moment(job.get("enqueued_at")), parse_moment(stored_at), 0.0)
    return EarlierJob(
        scene_id=found,
        enqueued_at=next(one for one in moments if one is not None),
        path=path if isinstance(path, str) else "",
    )


def parse_scene_id(raw: Any) -> int | None:
    """Return the id of a scene that was stored as a number or as text, None for anything else."""
    if isinstance(raw, str) and _NUMBER.fullmatch(raw):
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 < raw <= _LARGEST_ID:
        return None
    return raw


def _mapping(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, bytes):
        message = f"its data is no bytes but {type(data).__name__}"
        raise NoJobError(message)
    try:
        job = json.loads(data) if data.startswith(b"{") else read_plain(data)
    except (NotPlainError, ValueError, RecursionError) as error:
        raise NoJobError(str(error)) from None
    if not isinstance(job, dict):
        message = f"it holds no job but {type(job).__name__}"
        raise NoJobError(message)
    return job

"""The outcomes of the worker."""

from enum import Enum


class DrainOutcome(Enum):
    """The outcome of a step or a run of the worker."""

    WORKED = "worked"  # The step did some work, and there may be more work.
    DRAINED = "drained"  # No job is due.
    PAUSED = "paused"  # The sync is paused; `SyncWorker.pause_reason` has the reason.
    STOPPED = "stopped"  # The worker was told to stop.
    IDLE = "idle"  # There was no job for a minute.
    LEFT = "left"  # Stash rejects the worker's session.
    UPDATED = "updated"  # The plugin's files have changed.
    DAMAGED = "damaged"  # A database is damaged.
    LOCKED_OUT = "locked out"  # Another process locked the queue's database for too long.
    UNUSABLE = "unusable"  # Another error prevented the start of the worker.

"""The outcome of a step or a run of the worker."""

from enum import Enum


class DrainOutcome(Enum):
    """The outcome of a step or a run of the worker."""

    WORKED = "worked"  # a step did something; there may be more
    DRAINED = "drained"  # no job is due
    PAUSED = "paused"  # see `SyncWorker.pause_reason`
    STOPPED = "stopped"  # the worker was told to end
    IDLE = "idle"  # no job has waited for a minute
    LEFT = "left"  # Stash rejects the worker's session
    UPDATED = "updated"  # the plugin's files have changed
    DAMAGED = "damaged"  # a database is damaged
    LOCKED_OUT = "locked out"  # another process locked the queue's database for too long
    UNUSABLE = "unusable"  # another error kept the worker from starting

"""How the worker's work can end."""

from enum import Enum


class DrainOutcome(Enum):
    """How a step or a run of the worker ended."""

    WORKED = "worked"  # a step did something; there may be more
    DRAINED = "drained"  # no job is due
    PAUSED = "paused"  # see `SyncWorker.pause_reason`
    STOPPED = "stopped"  # it was asked to end
    IDLE = "idle"  # nothing has waited for a minute
    LEFT = "left"  # Stash no longer lets this process in
    UPDATED = "updated"  # the plugin's files have changed
    DAMAGED = "damaged"  # a database was
    LOCKED_OUT = "locked out"  # another process kept the queue's database for too long
    UNUSABLE = "unusable"  # another error kept the worker from beginning

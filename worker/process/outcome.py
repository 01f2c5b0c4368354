from enum import Enum


class DrainOutcome(Enum):
    """The outcome of a step or a run of the worker.

    DRAINED means that no job is due, and IDLE that no job came for a minute. LEFT means that Stash
    rejects the worker's session, and UPDATED that the plugin's files have changed.
    """

    WORKED = "worked"
    DRAINED = "drained"
    PAUSED = "paused"
    STOPPED = "stopped"
    IDLE = "idle"
    LEFT = "left"
    UPDATED = "updated"
    DAMAGED = "damaged"
    LOCKED_OUT = "locked out"
    UNUSABLE = "unusable"

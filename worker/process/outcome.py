from enum import Enum


class DrainOutcome(Enum):
    WORKED = "worked"
    DRAINED = "drained"  # no job is due
    PAUSED = "paused"
    STOPPED = "stopped"
    IDLE = "idle"  # no job has come for a minute
    LEFT = "left"  # Stash rejects the worker's session
    UPDATED = "updated"  # the plugin's files have changed
    DAMAGED = "damaged"
    LOCKED_OUT = "locked out"
    UNUSABLE = "unusable"

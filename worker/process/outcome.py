from enum import Enum


class DrainOutcome(Enum):
    WORKED = "worked"
    DRAINED = "drained", "no job is due"
    PAUSED = "paused"
    STOPPED = "stopped", "it was told to stop"
    IDLE = "idle", "no job has come for a minute"
    LEFT = (
        "left",
        "Stash does not accept its login any more; the next edit or task starts a new worker",
    )
    UPDATED = "updated", "the plugin's files have changed"
    DAMAGED = "damaged", "another process continues with the new database"
    LOCKED_OUT = "locked out", "another process continues"
    UNUSABLE = "unusable"

    def __init__(self, code: str, reason: str = "") -> None:
        self.code, self.reason = code, reason or code

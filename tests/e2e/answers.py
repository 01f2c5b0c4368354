import re
from typing import Any

from simulators.rig import PLUGIN, Rig
from simulators.stash import PluginResult
from sync_queue.dlq import Failure
from sync_queue.models import SyncJob
from tests.e2e.test_dead_letter_tasks import queue_of
from tests.sync_queue.support import job

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
PATHLESS = "Plex has no item for /media/scenes/{}.mp4: scan its library in Plex"


def operation(rig: Rig, mode: str, **arguments: Any) -> PluginResult:
    return rig.stash.run_operation(PLUGIN, {"mode": mode, "format": "json", **arguments})


def asked(rig: Rig, mode: str, **arguments: Any) -> dict[str, Any]:
    result = operation(rig, mode, **arguments)
    assert result.error is None
    assert result.messages() == []
    assert isinstance(result.output, dict)
    return result.output


def story(answer: PluginResult) -> list[str]:
    """What a person reads in Stash's log, with seconds that depend on the machine left out.

    And without the line that only the first task of an installation has, and without what the
    worker did, which the next task repeats.
    """
    assert answer.error is None, answer.error
    lines = [
        line
        for line in answer.messages()
        if " settings page shows them" not in line and not line.startswith(("[", "Since ["))
    ]
    assert lines[-1] == answer.output
    return [re.sub(r"\b\d+s\b", "…s", line) for line in lines]


def bury(rig: Rig, scene_id: int | None, error_type: str, message: str, at: float) -> None:
    dead = job(scene_id or 0, at=at)
    if scene_id is None:
        dead = SyncJob(job_id="7", job_key="tag_5", update_type="entity",
                       data={"kind": "tag", "id": 5})  # fmt: skip
    with queue_of(rig) as queue:
        queue.dead_letters.add(dead, Failure(error_type, message), at)

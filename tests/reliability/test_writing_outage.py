"""A Plex that answers reads and saves no change, measured in simulated time."""

import pytest

from simulators.plex import Request
from simulators.rig import FOLDER, png
from sync_queue.operations import METADATA, scene_job
from tests.reliability.test_http_faults import Bench, bench
from worker.process.outcome import DrainOutcome

__all__ = ["bench"]

SCENES = 8
DRAIN = 3.0  # seconds that eight scenes take under the rate limit after an outage


# Of the 25 writes of eight scenes with covers: their edits, uploads, and one lock for all images.
@pytest.mark.parametrize(
    ("seconds", "writes_before"),
    [(15.0, 0), (120.0, 0), (1800.0, 0), (15.0, 1), (15.0, 3), (15.0, 10), (15.0, 24)],
)
def test_a_writing_outage_spends_no_retry(bench: Bench, seconds: float, writes_before: int) -> None:
    for number in range(1, SCENES):
        path = f"{FOLDER}/s{number}.mp4"
        scene = bench.stash.add_scene(
            files=[path], cover=png(number), title=f"Scene {number}", tags=["T"], studio="S"
        )
        bench.plex.add_item(bench.section, path)
        bench.services.queue.enqueue([scene_job(scene.id, METADATA, bench.clock())])
    end = bench.clock() + seconds
    written_at: list[float] = []

    def is_locked(request: Request) -> bool:
        if not request.is_write:
            return False
        written_at.append(bench.clock())
        return len(written_at) > writes_before and bench.clock() < end

    fault = bench.plex.faults.status(500, text="database is locked", predicate=is_locked)

    while bench.run(lambda _waits: not bench.jobs()) is not DrainOutcome.IDLE and bench.jobs():
        pass  # a run has a limited number of waits

    assert bench.verdict().agree, bench.verdict().differences[:3]
    assert max(written_at) - end <= 30.0 + DRAIN
    assert fault.hits <= 12 + seconds / 8
    assert bench.letters() == []
    assert bench.reported("job_retried") == 0
    assert bench.reported("plex_failed") <= 1 + seconds / 1000  # each run of the bench is a worker
    assert bench.reported("plex_down") == 0

import os
import signal
import subprocess
import sys
from contextlib import ExitStack

import pytest

from sync_queue.manager import QueueManager
from sync_queue.operations import get_queued_scene_ids
from tests.sync_queue.support import REPOSITORY, job, rows

HOOKS = 50

# Starts when its stdin ends, as one of many that were let go in the same moment.
ENQUEUE = """
import sys, time
from sync_queue.operations import enqueue, scene_job
from sync_queue.database import connect
path, scene_id = sys.argv[1], int(sys.argv[2])
sys.stdin.read()
connection = connect(path)
enqueue(connection, [scene_job(scene_id, "metadata", 1.0), scene_job(999, "path", 1.0)], 1.0)
"""

CLAIM_AND_HOLD = """
import sys
from sync_queue.manager import QueueManager
queue = QueueManager(sys.argv[1])
print(len(queue.claim(2)), flush=True)
sys.stdin.read()
"""

HALF_A_TRANSACTION = """
import sys
from sync_queue.manager import QueueManager
queue = QueueManager(sys.argv[1])
claims = queue.claim(2)
with queue.transaction():
    queue.ack(claims)
    print("finished, not committed", flush=True)
    sys.stdin.read()
"""


def start(script: str, *arguments: str, stdin: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=REPOSITORY,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_fifty_hooks_at_once_on_a_fresh_folder_all_store_their_job(folder: str) -> None:
    gate, opener = os.pipe()
    path = f"{folder}/data.db"
    with ExitStack() as stack:
        hooks = [
            stack.enter_context(start(ENQUEUE, path, str(n), stdin=gate)) for n in range(HOOKS)
        ]
        os.close(gate)
        os.close(opener)
        complaints = [hook.communicate()[1].decode() for hook in hooks]
    assert complaints == [""] * HOOKS
    queue = QueueManager(folder)
    assert get_queued_scene_ids(queue.connection) == {*range(HOOKS), 999}
    assert len(rows(queue)) == HOOKS + 1
    queue.close()


@pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")
@pytest.mark.parametrize("script", [CLAIM_AND_HOLD, HALF_A_TRANSACTION])
def test_a_kill_with_claimed_jobs_loses_none(queue: QueueManager, folder: str, script: str) -> None:
    queue.enqueue([job(1), job(2), job(3)])
    with start(script, folder) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline()
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert queue.stats() == {"pending": 1, "retrying": 0, "in_progress": 2}
    assert queue.resume() == 2
    assert [claim.job.scene_id for claim in queue.claim(9)] == [1, 2, 3]

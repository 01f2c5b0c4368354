import pickle
from pathlib import Path

from sync_queue.database import connect
from sync_queue.manager import QueueManager
from sync_queue.operations import PATH, clear_pending_items
from sync_queue.queue_view import JobState, QueueView
from tests.sync_queue.support import NOW, Clock, job, postponed, spool, write_row


def view_of(folder: Path) -> QueueView:
    return QueueView(connect(f"{folder}/data.db"), str(folder), Clock())


def test_the_jobs_of_a_scene_are_found_wherever_they_are(tmp_path: Path) -> None:
    queue = QueueManager(str(tmp_path), Clock())
    queue.enqueue([job(1)])
    queue.claim(1)
    queue.enqueue([job(1), job(1, PATH), job(2), job(11)])
    spool(tmp_path, "metadata.scene_1", "metadata.scene_2", "path.scene_2", "path.scene_2")

    found = view_of(tmp_path).jobs_of(1)

    assert [(one.state, one.job.update_type, one.job.scene_id) for one in found] == [
        (JobState.IN_PROGRESS, "metadata", 1),
        (JobState.WAITING, "metadata", 1),
        (JobState.WAITING, "path", 1),
        (JobState.SPOOLED, "metadata", 1),
    ]
    assert view_of(tmp_path).jobs_of(3) == []
    # Counted as they will be when they are imported: merged with each other and with what waits.
    assert view_of(tmp_path).stats() == {"pending": 5, "retrying": 0, "in_progress": 1}


def test_rows_of_the_earlier_implementation_are_no_hindrance(tmp_path: Path) -> None:
    QueueManager(str(tmp_path), Clock()).close()
    for status in (0, 1, 2, 5):
        write_row(str(tmp_path), pickle.dumps({"scene_id": 1, "job_key": "scene_1"}), status)

    view = view_of(tmp_path)

    assert view.jobs_of(1) == []
    assert view.stats() == {"pending": 0, "retrying": 0, "in_progress": 0}


def test_the_next_try_is_the_first_of_those_that_wait_for_one(tmp_path: Path) -> None:
    queue = QueueManager(str(tmp_path), Clock())
    queue.enqueue([job(scene_id) for scene_id in (1, 2, 3, 4)])
    for claim, wait in zip(queue.claim(3), (60, 30, -10), strict=True):
        queue.release([postponed(claim, NOW + wait)])

    assert view_of(tmp_path).next_due(NOW) == NOW + 30
    clear_pending_items(queue.connection)
    assert view_of(tmp_path).next_due(NOW) is None


def test_a_letters_moment_is_read_and_what_is_none_is_the_beginning_of_time(tmp_path: Path) -> None:
    queue = QueueManager(str(tmp_path), Clock())
    for text in ("2025-06-15 15:06:40", "", "soon", None):
        queue.connection.execute("INSERT INTO dead_letters (failed_at) VALUES (?)", (text,))
    letters = sorted(queue.dead_letters.all(), key=lambda letter: letter.id)
    assert [letter.moment for letter in letters] == [NOW, 0.0, 0.0, 0.0]

"""The process that waits in a worker's place: what it hears, and what it becomes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.file_lock import FileLock
from simulators.rig import REPOSITORY
from worker.launcher import door_of
from worker.takeover import ALREADY_RUNNING, STARTED, ensure_worker

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes")

WAITER = str(REPOSITORY / "worker" / "waiter.py")
# What stands for the plugin: tells what it was given, and how it holds the lock.
WORKER = """
import fcntl, os, sys
with open(os.path.join(os.path.dirname(__file__), 'told'), 'a') as file:
    file.write(f"{sys.argv[1]} {sys.stdin.read()}\\n")
fcntl.flock(int(sys.argv[2]), fcntl.LOCK_EX | fcntl.LOCK_NB)
"""


class Waiting:
    """A process that waits, and the lock of its worker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = FileLock(str(folder / "worker.lock"))
        self.script = str(folder / "Stash2Plex.py")
        Path(self.script).write_text(WORKER)
        os.mkfifo(door_of(self.lock))
        self.door = os.open(door_of(self.lock), os.O_RDWR | os.O_NONBLOCK)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-S", "-P", WAITER, str(self.door)]
        command += [door_of(self.lock), self.lock.path]
        self.process = subprocess.Popen(command, pass_fds=[self.door], stdin=subprocess.DEVNULL)

    def end(self) -> int:
        """Wait for the end of what it became."""
        assert self.process is not None
        return self.process.wait(30)

    def call(self, **connection: str) -> str:
        return ensure_worker(self.script, self.lock, str(self.folder), connection)

    @property
    def told(self) -> str:
        return (self.folder / "told").read_text()


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Waiting]:
    one = Waiting(tmp_path)
    yield one
    os.close(one.door)
    if one.process is not None:
        one.process.kill()
        one.process.wait()


def test_a_call_makes_it_the_worker_with_the_lock_and_the_connection(waiting: Waiting) -> None:
    waiting.start()

    assert waiting.call(Host="stash") == STARTED

    assert waiting.end() == 0
    assert waiting.told == '--worker {"Host": "stash"}\n'


def test_a_call_before_it_listens_is_heard_and_of_several_the_newest_holds(
    waiting: Waiting,
) -> None:
    waiting.call(Cookie="stale")
    waiting.call(Cookie="fresh")

    waiting.start()

    assert waiting.end() == 0
    assert waiting.told == '--worker {"Cookie": "fresh"}\n'


def test_a_call_that_its_caller_could_not_end_starts_nothing_and_spoils_none(
    waiting: Waiting,
) -> None:
    whole = f"\n{sys.executable}\0{waiting.script}\0--worker\0\0".encode()
    os.write(waiting.door, whole[: len(whole) // 2])
    waiting.start()
    assert waiting.process is not None
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.process.wait(0.5)

    waiting.call(Cookie="fresh")

    assert waiting.end() == 0
    assert waiting.told == '--worker {"Cookie": "fresh"}\n'


def test_it_begins_when_who_holds_the_lock_has_let_go(waiting: Waiting) -> None:
    waiting.call(Cookie="fresh")
    assert waiting.lock.try_acquire()
    assert (
        ensure_worker(waiting.script, FileLock(waiting.lock.path), str(waiting.folder), {})
        == ALREADY_RUNNING
    )
    waiting.start()
    assert waiting.process is not None
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.process.wait(0.5)

    waiting.lock.release()

    assert waiting.end() == 0
    assert waiting.told == '--worker {"Cookie": "fresh"}\n'


def test_a_door_with_nobody_behind_it_is_passed_by(waiting: Waiting) -> None:
    os.close(waiting.door)

    assert waiting.call(Cookie="fresh") == STARTED

    os.waitpid(-1, 0)
    assert waiting.told == '--worker {"Cookie": "fresh"}\n'
    waiting.door = os.open(os.devnull, os.O_RDONLY)


def test_no_cookie_is_written_into_a_file_that_stands_where_the_door_should_be(
    waiting: Waiting,
) -> None:
    os.unlink(door_of(waiting.lock))
    Path(door_of(waiting.lock)).write_text("")

    assert waiting.call(Cookie="fresh") == STARTED

    os.waitpid(-1, 0)
    assert waiting.told == '--worker {"Cookie": "fresh"}\n'
    assert Path(door_of(waiting.lock)).read_text() == ""

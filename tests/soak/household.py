"""A worker in this process whose time is ours: real HTTP to both fakes, the real database.

It can be killed at any request to Plex, and what it had in hand stays as a SIGKILL would leave it.
"""

import json
import random
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import reconciliation.engine
from hooks.handlers import jobs_for_hook
from plex.exceptions import PlexError
from shared.clock import boot_time
from shared.data_folder import DataFolder
from shared.log import Log
from simulators.stash import FakeStash
from stash.connection import StashConnection, parse_address
from stash.exceptions import StashError
from stash.scenes import StashScenes
from stash.settings import StashSettings
from sync_queue.manager import QueueManager
from tasks.answer import TaskError
from tasks.sync.reconcile import reconcile_all
from tasks.sync.sync_scenes import sync_all
from tests.services import make_services
from tests.sync_queue.support import NOW, spooled
from validation.config import Config
from worker.pauses import Pauses
from worker.process.outcome import DrainOutcome
from worker.processor import SyncWorker
from worker.services import Services
from worker.sync.inspection import Inspection, inspect_scenes
from worker.sync.session import CurrentSession, SyncSession

PATIENT, HASTY = (10.0, 30.0), (2.0, 0.25)
"""Seconds to connect and to read: while nothing hangs, and where a test waits for them."""
MOST_SECONDS = 6 * 3600.0  # of simulated time: whatever was put off is due by then
LONGEST_WAIT = 30.0  # seconds between two looks of a worker, the setting's default
LINES_KEPT = 40


class Killed(BaseException):
    """The process is gone: nothing of it may happen after this."""


@dataclass
class Time:
    """The clock that people set, and the seconds that pass."""

    wall: float = NOW
    passed: float = 0.0
    steps: int = 0  # how many times the clock was set

    def clock(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.passed

    def pass_on(self, seconds: float) -> None:
        self.wall += seconds
        self.passed += seconds

    def step(self, seconds: float) -> None:
        self.wall += seconds
        self.steps += 1


class Stop(threading.Event):
    """The worker's order to stop; waiting for it takes simulated time."""

    def __init__(self, time: Time) -> None:
        super().__init__()
        self._time = time

    def wait(self, timeout: float | None = None) -> bool:
        self._time.pass_on(timeout or 0.0)
        return self.is_set()


class Sessions(CurrentSession):
    """Gives clients with chosen time-outs, on a wire of the household's."""

    timeout = PATIENT
    wire: Callable[[Callable[..., Any]], Callable[..., Any]]

    def _build(self, config: Config) -> SyncSession:
        session = super()._build(config)
        session.client.timeout = self.timeout
        http: Any = session.client._session
        http.send = self.wire(http.send)
        return session


class Hooks:
    """In the place of Stash's plugin host: the plugin's hook, in this process."""

    def __init__(self, household: "Household") -> None:
        self._household = household

    def hooks(
        self, hook_type: str, object_id: int, input_: Any, fields: Iterable[str], call: object
    ) -> list[Any]:
        del call
        context: dict[str, Any] = {"id": object_id, "type": hook_type, "input": input_}
        if names := list(fields):
            context["inputFields"] = names
        words = jobs_for_hook(json.loads(json.dumps(context)))
        jobs = [spooled(word, self._household.time.clock()) for word in words]
        if jobs and not self._household.is_off:
            self._household.queue.enqueue(jobs)
        return []


class Household:
    """The plugin's durable state and one worker, beside a Stash whose edits reach it.

    Attributes:
        is_off: whether Stash has the plugin switched off, so that no hook tells of an edit.

    Args:
        folder: for the plugin's data.
        stash: made with `time.clock`; its hooks run here from now on.
        time: ours.
        rng: makes jitter and deaths.
    """

    def __init__(self, folder: Path, stash: FakeStash, time: Time, rng: random.Random) -> None:
        self.time = time
        self.is_off = False
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self._stash = stash
        self._rng = rng
        self._data = DataFolder(str(folder))
        self._data.create()
        self._requests_to_live: int | None = None
        host: Any = Hooks(self)
        stash.host = host
        self.open(HASTY)

    def open(self, timeout: tuple[float, float]) -> None:
        self._requests_to_live = None
        self._timeout = timeout
        self._services, time = self._build(timeout), self.time
        self.queue = self._services.queue
        log = self._services.log
        pauses = Pauses(self._data.pause, log.event, time.clock, time.monotonic)
        self.worker = SyncWorker(self._services, Stop(time), pauses=pauses)
        self.worker._begin()

    def close(self) -> None:
        self._services.close()

    def _build(self, timeout: tuple[float, float]) -> Services:
        time = self.time
        log = Log(self._note)
        connection = StashConnection(
            parse_address(self._stash.server_connection()), log.secrets.add
        )
        settings = StashSettings(connection)
        scenes = StashScenes(connection)
        sessions = Sessions(settings, scenes, self._data, log, time.clock)
        sessions.timeout, sessions.wire = timeout, self._wire
        return make_services(
            self._data.root, time.clock, monotonic=time.monotonic, boot_time=boot_time,
            uniform=self._rng.uniform, log=log, stash=connection, scenes=scenes,
            sessions=sessions,
        )  # fmt: skip

    # -- working and dying ----------------------------------------------------------------------

    def die_after(self, requests: int) -> None:
        """Kill the worker at a later request to Plex: before it is sent, or before its answer."""
        self._requests_to_live = requests

    def step(self) -> bool:
        """Let the worker do one step, and time pass until the next; False when it wants none."""
        try:
            left = self.worker._step() is DrainOutcome.LEFT
        except Killed:
            left = True
        if left:
            revive(self.queue)
            self.close()
            self.open(self._timeout)
        seconds = self.worker._seconds_to_next_step()
        self.time.pass_on(min(LONGEST_WAIT, seconds or 0.0) + 0.01)
        return seconds is not None

    def drain(self) -> bool:
        end = self.time.passed + MOST_SECONDS
        while self.queue.waiting() or self.worker._guard.is_away:
            if self.time.passed > end:
                return False
            if not self.step():
                self.time.pass_on(LONGEST_WAIT)
        return True

    def sync_all(self, *, force: bool = False) -> str:
        services = self._build(PATIENT)
        try:
            return sync_all(services, force=force).text
        finally:
            services.close()

    def reconcile(self, *, pages_to_live: int | None = None) -> str | None:
        """Run the task 'Reconcile Library (All)' as a process of its own; return its last line.

        Args:
            pages_to_live: it is killed while it reads the next page after so many.

        Returns:
            None when it was killed, or could not come to its end.
        """
        services = self._build(PATIENT)
        left = [pages_to_live]

        def mortal(*arguments: Any) -> Sequence[Inspection]:
            if left[0] == 0:
                raise Killed
            left[0] = None if left[0] is None else left[0] - 1
            return inspect_scenes(*arguments)

        try:
            with patch.object(reconciliation.engine, inspect_scenes.__name__, mortal):
                return reconcile_all(services).text
        except (Killed, TaskError, PlexError, StashError) as error:
            self._note("reconciliation", repr(error))
            return None
        finally:
            services.close()

    # -- what is there --------------------------------------------------------------------------

    def letters(self) -> list[tuple[int | None, str, str]]:
        letters = self.queue.dead_letters.between(0, 9e9)
        return [
            (one.job.scene_id if one.job else None, one.error_type, one.error_message)
            for one in letters
        ]

    def _wire(self, send: Callable[..., Any]) -> Callable[..., Any]:
        def deadly(*args: Any, **options: Any) -> Any:
            if self._requests_to_live is None:
                return send(*args, **options)
            self._requests_to_live -= 1
            if self._requests_to_live > 0:
                return send(*args, **options)
            if self._rng.random() < 0.5:
                with suppress(Exception):
                    send(*args, **options)
            raise kill(self.queue)

        return deadly

    def _note(self, level: str, text: str, *_: object) -> None:
        self.lines.append(f"{level}: {text}")
        del self.lines[:-LINES_KEPT]
        if level in "we":
            self.warnings.append(text)


def kill(queue: QueueManager) -> Killed:
    """Take a worker's hands off the queue, as a SIGKILL does; return what ends the worker."""

    def nothing(_claims: object) -> None:
        raise Killed

    queue.release = nothing  # type: ignore[assignment, method-assign]
    return Killed()


def revive(queue: QueueManager) -> None:
    with suppress(AttributeError):
        del queue.release

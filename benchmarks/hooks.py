"""What a hook costs the user who waits for it, held against a start of bare Python.

Both are started in turn, so that whatever else runs on the machine slows both.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from benchmarks.installed import Installed, Progress, installed
from benchmarks.processes import Run, run
from benchmarks.table import Row
from benchmarks.workspace import Workspace
from simulators.stash.runner import plugin_input

_SCENES = 50
_PAIRS = 60  # runs of a hook, each beside a run of bare Python
_HOOKS_IN_A_ROW = 1_000
_COVER = 1_500_000  # bytes; some 2 MB as text
_UNIT = "times bare"
_BARE_EVERY = 10  # hooks of a row
_CROWD = 50  # hooks at once
_EDGE = 50  # the first and the last hooks of a row
_REST = 0.02  # seconds in which a worker with nothing to do falls asleep again


class HookError(Exception):
    """A hook did not do what it was timed for."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A bare start and a hook, one right after the other."""

    bare: Run
    hook: Run


class Hooks:
    """Runs the installed plugin's hook as Stash does.

    Args:
        plugin: the plugin.
        scenes: whose edits the hooks tell of, in turn.
    """

    def __init__(self, plugin: Installed, scenes: Sequence[int]) -> None:
        manifest = plugin.rig.manifest
        python = str(plugin.workspace.python)
        directory = str(manifest.directory)
        arguments = [each.replace("{pluginDir}", directory) for each in manifest.exec[1:]]
        self.plugin = plugin
        self._bare = [python, "-S", "-c", "pass"]
        self._hook = [python, *arguments]
        self._environment = plugin.workspace.environment(manifest.directory.parent)
        self._scenes = scenes
        self._started = 0

    def bare(self) -> Run:
        """Start Python for nothing."""
        return run(self._bare, self._environment)

    def hook(self, stdin: bytes) -> Run:
        """Run a hook.

        Raises:
            HookError: it did not queue the edit.
        """
        done = run(self._hook, self._environment, stdin)
        if done.exit_code or json.loads(done.stdout) != {"output": "queued"}:
            message = f"a hook answered {done.stdout!r}, status {done.exit_code}: {done.stderr!r}"
            raise HookError(message)
        return done

    def input(self, **changes: Any) -> bytes:
        """What Stash writes to the hook after an edit of the next scene."""
        rig = self.plugin.rig
        scene_id = self._scenes[self._started % len(self._scenes)]
        self._started += 1
        fields = {"id": str(scene_id), "title": f"Title {self._started}", **changes}
        trigger = "Scene.Update.Post"
        context = {"id": scene_id, "type": trigger, "input": fields, "inputFields": list(fields)}
        operation = rig.manifest.hooks_for(trigger)[0]
        connection = rig.stash.server_connection()
        return plugin_input(rig.manifest, operation, {"hookContext": context}, connection)

    def pairs(self, count: int, prepare: Callable[[], None], **changes: Any) -> list[Pair]:
        """Start both in turn, after the same preparation each time.

        A start for nothing goes before them: it wakes up what the preparation let fall asleep.
        """
        found: list[Pair] = []
        for _ in range(count):
            stdin = self.input(**changes)
            prepare()
            self.bare()
            found.append(Pair(self.bare(), self.hook(stdin)))
        return found

    def settle(self) -> None:
        """Wait until the worker has nothing left to do, and sleeps."""
        self.plugin.wait_until_drained()
        time.sleep(_REST)


def measure(workspace: Workspace, progress: Progress) -> Iterator[Row]:
    """Yield the rows of the hook."""
    with installed(workspace, "hook") as plugin:
        hooks = Hooks(plugin, plugin.rig.add_library(_SCENES, covers=False))
        hooks.hook(hooks.input())
        hooks.settle()
        worker = plugin.wait_for_worker()
        progress("hook: worker alive")
        alive = hooks.pairs(_PAIRS, hooks.settle)
        progress("hook: with a large cover")
        cover = "data:image/jpeg;base64," + "/9j/" * (_COVER // 3)
        large = hooks.pairs(_PAIRS, hooks.settle, cover_image=cover)
        progress(f"hook: {_HOOKS_IN_A_ROW} in a row")
        row = _row(hooks, _HOOKS_IN_A_ROW)
        progress(f"hook: {_CROWD} at once")
        crowd = _crowd(hooks)
        if plugin.worker() != worker:
            message = "the worker was to stay the same while hooks found it alive"
            raise HookError(message)
        progress("hook: starting a worker")
        starting = hooks.pairs(_PAIRS, plugin.rig.stop_worker)
        plugin.wait_for_worker()
    bare = [pair.bare.seconds for pair in (*alive, *starting)]
    yield Row("bare python3 -S -c pass", _median_ms(bare), "ms", note=_spread(bare))
    place = f"in {workspace.root.parent}"
    yield Row("flush (fsync of a page)", workspace.flush * 1e3, "ms", "< 1", place)
    yield _ratio("hook, worker alive", alive, "≤ 1.6")
    yield _ratio("hook, starts the worker", starting, "≤ 2.4")
    yield _ratio("hook, 2 MB cover in its input", large, "≤ 3")
    yield row
    yield crowd


def _crowd(hooks: Hooks) -> Row:
    """Run many hooks at once."""
    inputs = [hooks.input() for _ in range(_CROWD)]
    hooks.settle()
    with ThreadPoolExecutor(_CROWD) as pool:
        begun = time.perf_counter()
        taken = [done.seconds for done in pool.map(hooks.hook, inputs)]
        whole = time.perf_counter() - begun
    note = f"the slowest {max(taken) * 1e3:.0f} ms, all together {whole * 1e3:.0f} ms"
    return Row(f"{_CROWD} hooks at once, each", _median_ms(taken), "ms", note=note)


def _row(hooks: Hooks, count: int) -> Row:
    """Run hooks without a pause; now and then bare Python, under the same load, to compare with."""
    inputs = [hooks.input() for _ in range(count)]
    hooks.settle()
    bare: list[float] = []
    taken: list[float] = []
    for number, stdin in enumerate(inputs):
        if number % _BARE_EVERY == 0:
            bare.append(hooks.bare().seconds)
        taken.append(hooks.hook(stdin).seconds)
    ended = time.perf_counter()
    left = hooks.plugin.wait_until_drained() - ended
    edge = min(_EDGE, count // 2)
    growth = statistics.median(taken[-edge:]) / statistics.median(taken[:edge])
    return Row(
        f"{count} hooks in a row, each",
        statistics.median(taken) / statistics.median(bare),
        _UNIT,
        note=f"{_median_ms(taken)} ms; last {edge} / first {edge}: {growth:.2f}; a worker drained "
        f"them meanwhile, to {left:.2f} s after the last",
    )


def _ratio(name: str, pairs: Sequence[Pair], goal: str = "") -> Row:
    hooks = [pair.hook.seconds for pair in pairs]
    cpu = statistics.median(pair.hook.cpu / pair.bare.cpu for pair in pairs)
    return Row(
        name,
        statistics.median(pair.hook.seconds / pair.bare.seconds for pair in pairs),
        _UNIT,
        goal,
        f"{_median_ms(hooks):.1f} ms, {_spread(hooks)}; CPU {cpu:.2f} times bare",
    )


def _median_ms(seconds: Sequence[float]) -> float:
    return round(statistics.median(seconds) * 1e3, 2)


def _spread(seconds: Sequence[float]) -> str:
    tenths = statistics.quantiles(seconds, n=10, method="inclusive")
    return f"{tenths[0] * 1e3:.1f} to {tenths[-1] * 1e3:.1f} ms in 8 of 10, {len(seconds)} runs"

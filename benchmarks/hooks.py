"""Measures how long a hook delays the user, relative to an empty Python program.

Hooks and empty programs run alternately, so other load of the machine affects both.
"""

import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.installed import Installed, Progress, StandstillError, installed
from benchmarks.processes import Run, run
from benchmarks.table import Row
from benchmarks.workspace import Workspace
from simulators.stash.runner import plugin_input

_SCENES = 50
_PAIRS = 60
_HOOKS_IN_A_ROW = 1_000
_COVER = 1_500_000
_BARE_EVERY = 10
_EDGE = 50
_PAUSE = 0.02


class Hooks:
    def __init__(self, plugin: Installed, scenes: Sequence[int]) -> None:
        manifest, python = plugin.rig.manifest, str(plugin.workspace.python)
        folder = manifest.directory
        arguments = [part.replace("{pluginDir}", str(folder)) for part in manifest.exec[1:]]
        self.plugin = plugin
        self._bare = [python, "-S", "-c", "pass"]
        self._hook = [python, *arguments]
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("PYTHON") and name != "STASH_PLUGIN_DATA"
        } | {"PYTHONPATH": str(folder.parent)}
        self._scenes = scenes
        self._started = 0

    def bare(self) -> Run:
        return run(self._bare, self._environment)

    def hook(self, stdin: bytes) -> Run:
        done = run(self._hook, self._environment, stdin)
        if done.exit_code or json.loads(done.stdout) != {"output": "queued"}:
            raise StandstillError(f"a hook answered {done.stdout!r}, status {done.exit_code}")
        return done

    def input(self, **changes: Any) -> bytes:
        rig = self.plugin.rig
        scene_id = self._scenes[self._started % len(self._scenes)]
        self._started += 1
        fields = {"id": str(scene_id), "title": f"Title {self._started}", **changes}
        trigger = "Scene.Update.Post"
        context = {"id": scene_id, "type": trigger, "input": fields, "inputFields": list(fields)}
        operation = rig.manifest.hooks_for(trigger)[0]
        connection = rig.stash.server_connection()
        return plugin_input(rig.manifest, operation, {"hookContext": context}, connection)

    def pairs(self, prepare: Callable[[], None], **changes: Any) -> list[tuple[Run, Run]]:
        found: list[tuple[Run, Run]] = []
        for _ in range(_PAIRS):
            stdin = self.input(**changes)
            prepare()
            # The first process after a pause starts more slowly, so its time is not used.
            self.bare()
            found.append((self.bare(), self.hook(stdin)))
        return found

    def settle(self) -> None:
        self.plugin.wait_until_drained()
        time.sleep(_PAUSE)


def measure(workspace: Workspace, progress: Progress) -> Iterator[Row]:
    with installed(workspace, "hook") as plugin:
        hooks = Hooks(plugin, plugin.rig.add_library(_SCENES, covers=False))
        hooks.hook(hooks.input())
        hooks.settle()
        worker = plugin.worker()
        progress("hook: worker alive")
        alive = hooks.pairs(hooks.settle)
        progress("hook: with a large cover")
        cover = "data:image/jpeg;base64," + "/9j/" * (_COVER // 3)
        large = hooks.pairs(hooks.settle, cover_image=cover)
        progress(f"hook: {_HOOKS_IN_A_ROW} in a row")
        in_a_row = _in_a_row(hooks)
        if plugin.worker() != worker:
            raise StandstillError("the worker has changed while hooks were to find it alive")
        progress("hook: starting a worker")
        starting = hooks.pairs(plugin.rig.stop_worker)
        plugin.worker()
    bare = [empty.seconds for empty, _ in (*alive, *starting)]
    yield Row("bare python3 -S -c pass", _median_ms(bare), "ms", note=_spread(bare))
    place = f"in {workspace.root.parent}"
    yield Row("flush (fsync of a page)", workspace.flush * 1e3, "ms", "< 1", place)
    yield _ratio("hook, worker alive", alive, "≤ 1.6")
    yield _ratio("hook, starts the worker", starting, "≤ 2.4")
    yield _ratio("hook, 2 MB cover in its input", large, "≤ 3")
    yield in_a_row


def _in_a_row(hooks: Hooks) -> Row:
    inputs = [hooks.input() for _ in range(_HOOKS_IN_A_ROW)]
    hooks.settle()
    bare: list[float] = []
    taken: list[float] = []
    for number, stdin in enumerate(inputs):
        if number % _BARE_EVERY == 0:
            bare.append(hooks.bare().seconds)
        taken.append(hooks.hook(stdin).seconds)
    ended = time.perf_counter()
    left = hooks.plugin.wait_until_drained() - ended
    growth = statistics.median(taken[-_EDGE:]) / statistics.median(taken[:_EDGE])
    return Row(
        f"{_HOOKS_IN_A_ROW} hooks in a row, each",
        statistics.median(taken) / statistics.median(bare),
        "times bare",
        note=f"{_median_ms(taken)} ms; last {_EDGE} / first {_EDGE}: {growth:.2f}; the queue was "
        f"empty {left:.2f} s after the last",
    )


def _ratio(name: str, pairs: Sequence[tuple[Run, Run]], goal: str) -> Row:
    hooks = [hook.seconds for _, hook in pairs]
    ratio = statistics.median(hook.seconds / bare.seconds for bare, hook in pairs)
    cpu = statistics.median(hook.cpu / bare.cpu for bare, hook in pairs)
    note = f"{_median_ms(hooks):.1f} ms, {_spread(hooks)}; CPU {cpu:.2f} times bare"
    return Row(name, ratio, "times bare", goal, note)


def _median_ms(seconds: Sequence[float]) -> float:
    return round(statistics.median(seconds) * 1e3, 2)


def _spread(seconds: Sequence[float]) -> str:
    tenths = statistics.quantiles(seconds, n=10, method="inclusive")
    return f"{tenths[0] * 1e3:.1f} to {tenths[-1] * 1e3:.1f} ms in 8 of 10, {len(seconds)} runs"

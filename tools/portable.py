"""`python -m tools.portable`: check hooks, worker and tasks on this system, from a built release.

With WINDOWS_PYTHON, the path of a `python.exe`, the plugin runs under a Python for Windows in Wine
(`make test-windows`). It needs Wine (Debian: `apt-get install wine64`) and an unpacked Python for
Windows, 3.11 or newer. The content of the NuGet package `python` will do. STASH2PLEX_PLUGIN is the
folder of an unpacked release; without it, a release of this work tree is built.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from simulators import processes
from simulators.plex import Item
from simulators.rig import PLUGIN_SOURCE, REPOSITORY, Rig

_FOLDER, _SCENES, _KILLS, _RUNS = "D:\\media", 50, 20, 60
_WINE = "/usr/lib/wine/wine64"


class PortableRig(Rig):
    """A rig with paths of Windows, whose plugin can run under Wine."""

    def worker_pids(self) -> list[int]:
        """Return the process ids of the workers, as this system has them."""
        script = f"{self.manifest.directory}/Stash2Plex.py".replace("\\", "/")
        found = processes.with_command("--worker")
        return [pid for pid, command in found if script in command.replace("\\", "/")]

    def add_scenes(self) -> list[tuple[int, Item]]:
        """Add scenes and their items."""
        section = self.plex.add_section("Windows", locations=[_FOLDER])
        paths = [f"{_FOLDER}\\{number:03}.mp4" for number in range(_SCENES)]
        scenes = [self.stash.add_scene(files=[path], tags=["T"]).id for path in paths]
        return [
            (scene, self.plex.add_item(section, path))
            for scene, path in zip(scenes, paths, strict=True)
        ]


class Check:
    """Runs the plugin in a rig and prints results; an `AssertionError` is a fault."""

    def __init__(self, rig: PortableRig, python: Path) -> None:
        self._rig, self._python = rig, python
        self._scenes = rig.add_scenes()

    def edit(self, number: int, title: str) -> bytes:
        """Save a title; return the input of the hook."""
        (run,) = self._rig.stash.edit_scene(self._scenes[number][0], title=title)
        assert (run.result.output, run.result.messages("warning")) == ("queued", []), run.result
        return run.result.stdin

    def visible(self, titles: dict[int, str], name: str) -> None:
        """Wait until Plex shows the titles and no job is left."""
        begun = time.monotonic()

        def are_shown() -> bool:
            return all(self._scenes[number][1].title == title for number, title in titles.items())

        assert self._rig.wait_until(are_shown, 60), name
        print(f"{name}: in Plex after {time.monotonic() - begun:.2f} s")
        assert self._rig.wait_until(lambda: self._rig.queued() == 0), name

    def edits(self) -> None:
        """Save an edit that starts a worker, one that finds it alive, and 50 edits at once."""
        self.edit(0, "Ünïcode “first”")
        self.visible({0: "Ünïcode “first”"}, "worker started, no byte-code")
        self.edit(0, "Second")
        self.visible({0: "Second"}, "worker alive")
        with ThreadPoolExecutor(_SCENES) as pool:
            list(pool.map(lambda number: self.edit(number, f"At once {number}"), range(_SCENES)))
        titles = {number: f"At once {number}" for number in range(_SCENES)}
        self.visible(titles, f"{_SCENES} edits at once")
        assert len(self._rig.worker_pids()) == 1
        spool = os.listdir(self._rig.data / "queue" / "spool")
        assert [name for name in spool if ".tmp-" in name] == []

    def kills(self) -> None:
        """Kill the worker after each edit; the last edit's worker syncs all of them."""
        titles = {number: f"Killed {number}" for number in range(_KILLS)}
        for number, title in titles.items():
            self.edit(number, title)
            time.sleep(0.05 * (number % 7))  # kills at different moments
            self._rig.stop_worker()
        self.edit(_KILLS, "Last")
        self.visible({**titles, _KILLS: "Last"}, f"{_KILLS} kills")

    def tasks(self) -> None:
        """Run tasks beside a living worker."""
        for mode in ("queue_status", "health_check", "doctor", "process_queue", "reconcile_all"):
            result = self._rig.task(mode)
            assert result.error is None, (mode, result.error)
            print(f"{mode}: {result.output}")

    def times(self) -> None:
        """Compare a hook with a bare Python, in turn."""
        stdin = self.edit(0, "Timed")
        script = str(self._rig.manifest.directory / "Stash2Plex.py")
        bare, alive, starting = [], [], []
        for _ in range(_RUNS):
            bare.append(self._seconds(["-c", "pass"], b""))
            alive.append(self._seconds([script], stdin))
        for _ in range(_RUNS):
            self._rig.stop_worker()
            bare.append(self._seconds(["-c", "pass"], b""))
            starting.append(self._seconds([script], stdin))
        for name, seconds in (("worker alive", alive), ("starting a worker", starting)):
            ratio = statistics.median(seconds) / statistics.median(bare)
            print(f"hook, {name}: {statistics.median(seconds) * 1e3:.0f} ms, {ratio:.2f} x bare")
        assert self._rig.wait_until(lambda: self._rig.queued() == 0)

    def _seconds(self, arguments: list[str], stdin: bytes) -> float:
        """Run Python until its output ends, as Stash does; return the seconds."""
        begun, pipe = time.perf_counter(), subprocess.PIPE
        command = [str(self._python), "-S", *arguments]
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(stdin)
            process.stdin.close()
            process.stdout.read()
            assert process.wait() == 0
        return time.perf_counter() - begun


@contextmanager
def wine(folder: Path, python: str) -> Iterator[Path]:
    """Yield a command that runs the Windows Python; a sleeping process keeps Wine running."""
    command = folder / "python"
    command.write_text(
        f"#!/bin/sh\nexport WINEPREFIX={folder}/wine WINEDEBUG=-all\n"
        "export WINEDLLOVERRIDES=mscoree,mshtml=  # no installer of .NET and HTML\n"
        f'exec {_WINE} "{python}" "$@"\n'
    )
    command.chmod(0o700)
    # Standard streams are pipes: Wine's Python cannot use files of this system for them.
    pipe = subprocess.PIPE
    sleep = [str(command), "-S", "-c", "import sys; print(flush=True); sys.stdin.read()"]
    with subprocess.Popen(sleep, stdin=pipe, stdout=pipe, stderr=pipe) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdout.readline(), "the Windows Python does not start"
        yield command
        keeper.communicate()


def main() -> str:
    """Run all checks; return the result, or the reason to skip them."""
    windows = os.environ.get("WINDOWS_PYTHON")
    if windows is not None and not (os.path.exists(_WINE) and os.path.exists(windows)):
        return f"Skipped: {_WINE} or {windows or 'WINDOWS_PYTHON'} is missing. {__doc__}"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        if windows is None:
            run(Path(place), Path(sys.executable))
        else:
            with wine(Path(place), windows) as command:
                run(Path(place), command)
    return "All checks passed"


def run(place: Path, python: Path) -> None:
    """Install a release and run all checks under this Python."""
    plugin = PLUGIN_SOURCE
    if plugin == REPOSITORY:
        release = [sys.executable, "-m", "tools.release", "--uncommitted", "--into", str(place)]
        subprocess.run(release, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
        plugin = place / "plugin"
        zipfile.ZipFile(place / "Stash2Plex.zip").extractall(plugin)
    with PortableRig(place / "rig", plugin=plugin, interpreter=python) as rig:
        check = Check(rig, python)
        for part in (check.edits, check.kills, check.tasks):
            part()
        if "WINDOWS_PYTHON" in os.environ:
            check.times()


if __name__ == "__main__":
    print(main())

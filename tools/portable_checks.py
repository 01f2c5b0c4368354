import os
import shutil
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from simulators.rig import TOKEN
from simulators.stash import VideoFile
from simulators.stash.plugin_files import PLUGIN_FILES, PLUGIN_FOLDERS, copy_plugin
from tools.portable_rig import PortableRig

_SCENES, _KILLS, _RUNS = 50, 20, 60
_TITLE = "Ünïcode “first” 日本"
_PATHS = (
    ("e:\\Films\\a\\same.mp4", "E:\\films\\a\\same.mp4"),
    ("E:/films/b/same.mp4", "E:\\films\\b\\same.mp4"),
    ("\\\\nas\\media\\a\\same.mp4", "//nas/media/a/same.mp4"),
    ("\\\\nas\\media\\b\\same.mp4", "//NAS/Media/b/same.mp4"),
    ("\\\\nas\\video\\a\\same.mp4", "/volume1/video/a/same.mp4"),
    ("V:\\c\\same.mp4", "/volume2/v/c/same.mp4"),
)
_WITHOUT_MAP = 4
_PATH_MAP = "//nas/media=>//NAS/media; /volume1/video=>\\\\nas\\video; /volume2/v=>V:"
_LOG_LINE = (
    b'{"time": "2020-01-01 00:00:00.000000", "level": "debug", "code": "", "message": "x"}\n'
)


class Checks:
    def __init__(self, rig: PortableRig, plugin: Path, *, is_windows: bool) -> None:
        self._rig, self._plugin, self._is_windows = rig, plugin, is_windows
        self._scenes = rig.add_scenes(_SCENES)

    def all(self) -> dict[str, Callable[[], str]]:
        checks = {
            "first-edit": self._first_edit,
            "second-edit": self._second_edit,
            "burst": self._burst,
            "kills": self._kills,
            "tasks": self._tasks,
            "command-line": self._command_line,
            "outage": self._outage,
            "settings": self._settings,
            "update": self._update,
            "paths": self._paths,
            "log": self._log,
            "data-folder": self._data_folder,
        }
        return checks | ({"times": self._times} if self._is_windows else {})

    def _edit(self, number: int, title: str) -> bytes:
        (run,) = self._rig.stash.edit_scene(self._scenes[number][0], title=title)
        warnings = run.result.messages("warning")
        assert all(text.startswith("[") for text in warnings), warnings
        assert run.result.output == "queued", run.result
        return run.result.stdin

    def _sync(self, number: int, title: str) -> str:
        self._edit(number, title)
        return self._visible({number: title})

    def _visible(self, titles: dict[int, str]) -> str:
        begun = time.monotonic()

        def are_shown() -> bool:
            return all(self._scenes[number][1].title == title for number, title in titles.items())

        assert self._rig.wait_until(are_shown, 90), "an edit is not in Plex"
        seconds = time.monotonic() - begun
        assert self._rig.wait_until(lambda: self._rig.queued() == 0), "a job is left"
        return f"in Plex after {seconds:.2f} s"

    def _first_edit(self) -> str:
        return self._sync(0, _TITLE)

    def _second_edit(self) -> str:
        return self._sync(0, "Second")

    def _burst(self) -> str:
        with ThreadPoolExecutor(_SCENES) as pool:
            list(pool.map(lambda number: self._edit(number, f"At once {number}"), range(_SCENES)))
        result = self._visible({number: f"At once {number}" for number in range(_SCENES)})
        assert len(self._rig.worker_pids()) == 1
        spool = os.listdir(self._rig.data / "queue" / "spool")
        assert [name for name in spool if ".tmp-" in name] == []
        return f"{_SCENES} edits {result}"

    def _kills(self) -> str:
        titles = {number: f"Killed {number}" for number in range(_KILLS)}
        for number, title in titles.items():
            self._edit(number, title)
            time.sleep(0.05 * (number % 7))
            self._rig.stop_worker()
        self._edit(_KILLS, "Last")
        return f"{_KILLS} edits {self._visible({**titles, _KILLS: 'Last'})}"

    def _tasks(self) -> str:
        self._sync(1, _TITLE)
        modes = ("queue_status", "health_check", "doctor", "process_queue", "reconcile_all")
        for mode in modes:
            result = self._rig.task(mode)
            assert result.error is None, (mode, result.error)
        result = self._rig.task("inspect", scene_id=str(self._scenes[1][0]))
        assert _TITLE in f"{result.output}", result
        return f"{len(modes) + 1} tasks answered"

    def _command_line(self) -> str:
        self._sync(1, _TITLE)
        inspect, count = ["inspect", str(self._scenes[1][0])], 0
        for encoding in ("", "cp437", "cp1252", "utf-8"):
            given = {"PYTHONIOENCODING": encoding} if encoding else {}
            for command in (inspect, ["status"], ["doctor"])[: 3 if encoding == "cp437" else 1]:
                ran = self._rig.command(command, **given)
                assert ran.returncode in {0, 1}, ran
                assert b"error" not in ran.stderr.lower(), ran
                expected = _TITLE.encode(encoding, "backslashreplace") if encoding else b"Scene"
                assert command != inspect or expected in ran.stdout, ran
                count += 1
        return f"{count} commands answered, also in code pages 437 and 1252"

    def _outage(self) -> str:
        titles = {number: f"Outage {number}" for number in range(3)}
        mark = len(self._rig.events())
        self._rig.plex.stop()
        for number, title in titles.items():
            self._edit(number, title)
        assert self._reported(mark, "plex_failed", "plex_down"), "the worker reports no outage"
        assert self._rig.queued() >= len(titles)
        self._rig.plex.start()
        return f"{len(titles)} edits {self._visible(titles)}"

    def _settings(self) -> str:
        mark = len(self._rig.events())
        self._rig.configure(plex_token="wrong-token-000000")
        self._edit(2, "Wrong token")
        assert self._reported(mark, "sync_paused"), "the worker does not pause"
        self._rig.configure(plex_token=TOKEN)
        return self._visible({2: "Wrong token"})

    def _reported(self, mark: int, *codes: str) -> bool:
        return self._rig.wait_until(
            lambda: any(event["code"] in codes for event in self._rig.events()[mark:]), 60
        )

    def _update(self) -> str:
        self._sync(0, "Before the update")
        (old,) = self._rig.worker_pids()
        folder = self._rig.manifest.directory
        for name in PLUGIN_FOLDERS:
            if (folder / name).exists():
                shutil.rmtree(folder / name)
        for name in PLUGIN_FILES:
            (folder / name).unlink()
        copy_plugin(self._plugin, folder)
        self._rig.update_plugin()
        result = self._sync(0, "After the update")
        assert self._rig.worker_pids() != [old], "the old version still runs"
        events = self._rig.events()
        ends = [n for n, event in enumerate(events) if event.get("outcome") == "updated"]
        later = [event["message"] for event in events[ends[-1] :]]
        assert any("After the update" in text for text in later), "the old version synced the edit"
        return f"edit {result}, by a new worker"

    def _paths(self) -> str:
        places = ["E:\\films", "//nas/media", "/volume1/video", "/volume2/v"]
        section = self._rig.plex.add_section("Spellings", locations=places)
        first = len(self._scenes)
        for size, (path, plex_path) in enumerate(_PATHS, 1_000_000):
            scene = self._rig.stash.add_scene(files=[VideoFile(path, size=size)], tags=["T"])
            self._scenes.append((scene.id, self._rig.plex.add_item(section, plex_path, size=size)))
        for count, path_map in ((_WITHOUT_MAP, ""), (len(_PATHS), _PATH_MAP)):
            self._rig.configure(plex_unmatched_path_map=path_map)
            titles = {first + number: f"{count} {number}" for number in range(count)}
            for number, title in titles.items():
                self._edit(number, title)
            self._visible(titles)
        self._rig.configure(plex_unmatched_path_map="")
        return f"{_WITHOUT_MAP} without and {len(_PATHS)} with a path map"

    def _log(self) -> str:
        # Windows does not rename an open file, so a program that reads the log delays its rotation.
        log = self._rig.data / "worker.log"
        self._sync(0, "Before the rotation")
        with open(log, "ab") as file:
            file.write(_LOG_LINE * (1_000_000 // len(_LOG_LINE)))
        with self._rig.reader(log):
            for title in ("Read", "Read again"):
                self._sync(0, title)
        self._sync(0, "Rotated")
        assert self._rig.wait_until(lambda: log.stat().st_size < 500_000), "no new file"
        titles = ("Before the rotation", "Read again", "Rotated")

        def are_logged() -> bool:
            contents = b"".join(path.read_bytes() for path in log.parent.glob(f"{log.name}*"))
            return all(b'Synced scene 1 \\"%s' % title.encode() in contents for title in titles)

        assert self._rig.wait_until(are_logged), "a line is lost"
        return "rotated, no line lost"

    def _data_folder(self) -> str:
        self._rig.stop_worker()
        usual, aside = self._rig.data, self._rig.data.with_name("data-aside")
        usual.rename(aside)
        usual.write_text("no folder")
        self._rig.data_elsewhere = Path(
            self._rig.stash.server_connection()["Dir"], "Stash2Plex-data"
        )
        self._sync(0, "Beside the configuration")
        self._rig.stop_worker()

        wrong = [str(usual / "data"), *(["Q:\\missing\\data"] if self._is_windows else [])]
        for place in wrong:
            ran = self._rig.command(["status"], STASH_PLUGIN_DATA=place)
            assert (ran.returncode, b"cannot be written to" in ran.stderr) == (3, True), ran
            self._rig.stash.runner.env["STASH_PLUGIN_DATA"] = place
            (run,) = self._rig.stash.edit_scene(self._scenes[1][0], title=f"Not in {place}")
            assert "Cannot queue the edit" in f"{run.result.error}", run.result
        self._rig.stash.runner.env["STASH_PLUGIN_DATA"] = None
        usual.unlink()
        aside.rename(usual)
        self._rig.data_elsewhere = None
        self._sync(0, "In the usual folder")
        return f"used another folder; named {len(wrong)} that cannot be used"

    def _times(self) -> str:
        stdin = self._edit(0, "Timed")
        bare, alive, starting = [], [], []
        for _ in range(_RUNS):
            bare.append(self._rig.seconds(["-c", "pass"], b""))
            alive.append(self._rig.seconds([self._rig.script], stdin))
        for _ in range(_RUNS):
            self._rig.stop_worker()
            bare.append(self._rig.seconds(["-c", "pass"], b""))
            starting.append(self._rig.seconds([self._rig.script], stdin))
        assert self._rig.wait_until(lambda: self._rig.queued() == 0)
        return "; ".join(
            f"hook, {name}: {statistics.median(seconds) * 1e3:.0f} ms, "
            f"{statistics.median(seconds) / statistics.median(bare):.2f} x bare"
            for name, seconds in (("worker alive", alive), ("starting a worker", starting))
        )

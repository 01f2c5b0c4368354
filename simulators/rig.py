import json
import os
import random
import sqlite3
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

from simulators import processes
from simulators.alterations import Alterations
from simulators.canary import Canary
from simulators.oracle import Verdict, judge
from simulators.plex import FakePlex, Item, Section
from simulators.prepared import install_linked
from simulators.stash import FakeStash, PluginResult
from simulators.stash.plugin_process import Start, start_process
from simulators.tuning import Tuning, set_constant

REPOSITORY = Path(__file__).resolve().parent.parent
PLUGIN_SOURCE = Path(os.environ.get("STASH2PLEX_PLUGIN") or REPOSITORY)
INTERPRETER = os.environ.get("STASH2PLEX_PYTHON")
PLUGIN = "Stash2Plex"
TOKEN = "rig-token-Kq7Zw93TmVb42Xs8"
FOLDER = "/media/scenes"
MEASURED = "COVERAGE_PROCESS_CONFIG" in os.environ

_STUDIOS = ("Northlight", "Harbour Lane", "Studio Fünf", "Papaya & Sons", "The Old Mill")
_PEOPLE = ("Ada Berg", "Jo Lindqvist", "Mia Okafor", "René Dubois", "Kim Park", "Zoë O'Hara")
_TAGS = ("Outdoor", "Night, rain", "Interview", "Slow [motion]", "Archive", "Made in 東京")


class Rig:
    """A fake Stash with the installed plugin, and a fake Plex.

    At the end of a test, the rig searches the output and the files of the plugin. A secret in them,
    or a line that violates Stash's log protocol, fails the test.

    Args:
        settings: the plugin's settings besides the address and the token of Plex.
        linked: whether the installed plugin has links to the folders in `plugin` instead of copies.
    """

    def __init__(
        self,
        root: Path,
        *,
        settings: dict[str, Any] | None = None,
        plugin: Path = PLUGIN_SOURCE,
        interpreter: str | Path | None = INTERPRETER,
        stash: dict[str, Any] | None = None,
        plex: dict[str, Any] | None = None,
        linked: bool = False,
        start: Start = start_process,
    ) -> None:
        self.stash = FakeStash(root / "stash", **(stash or {}))
        self.stash.runner.start = start
        self.plex = FakePlex(token=TOKEN, **(plex or {}))
        self.section: Section = self.plex.add_section("Scenes", locations=[FOLDER])
        if interpreter is not None:
            self.stash.runner.python = str(interpreter)
        if linked:
            self.manifest = install_linked(self.stash, plugin, PLUGIN)
        else:
            self.manifest = self.stash.install_plugin(plugin)
        if MEASURED:
            self._install_measured()
        script = self.manifest.directory / f"{PLUGIN}.py"
        self._alterations = Alterations(script, REPOSITORY)
        self.settings = settings or {}
        # The rig must use the same SQLite VFS as the plugin to respect the plugin's locks.
        self.vfs = ""
        self.canary = Canary(self.stash)
        self.canary.add(TOKEN, self.stash.gate.api_key)
        # As in a real Stash, the plugin writes byte code and uses the default data folder.
        self.stash.runner.env |= {"PYTHONDONTWRITEBYTECODE": None, "STASH_PLUGIN_DATA": None}

    def __enter__(self) -> Self:
        self.plex.start()
        self.stash.start()
        self.configure()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_worker()
        self.stash.__exit__(kind, error, trace)
        self.plex.close()
        self.canary.runs()
        self.canary.files()
        if self.plex.whole_library_edits and error is None:
            msg = f"the plugin edited a whole library: {self.plex.whole_library_edits}"
            raise AssertionError(msg)
        if self.canary.hits and error is None:
            msg = "the plugin has let out a secret, or broken Stash's log: " + "\n".join(
                self.canary.hits
            )
            raise AssertionError(msg)

    def _install_measured(self) -> None:
        # Remove the option `-S`, because the coverage tool does not start with it.
        command = tuple(part for part in self.manifest.exec if part != "-S")
        self.manifest = replace(self.manifest, exec=command)
        self.stash.host.plugins = [self.manifest]

    def configure(self, **settings: Any) -> None:
        self.settings |= settings
        self.canary.add(self.settings.get("plex_token"))
        known = {"plex_url": self.plex.url, "plex_token": TOKEN}
        self.stash.set_plugin_settings(PLUGIN, known | self.settings)

    def add_pair(self, name: str, *, cover: bytes | None = None, **fields: Any) -> tuple[int, Item]:
        path = f"{FOLDER}/{name}.mp4"
        scene = self.stash.add_scene(files=[path], cover=cover, **fields)
        return scene.id, self.plex.add_item(self.section, path)

    def add_library(self, count: int, *, covers: bool = True, seed: int = 7) -> list[int]:
        rng = random.Random(seed)
        return [self.add_pair(f"s{n:05}", **_scene(rng, n, covers=covers))[0] for n in range(count)]

    def item_of(self, scene_id: int) -> Item:
        item = self.plex.find(self.stash.scene(scene_id).files[0].path)
        assert item is not None
        return item

    def alter(self, module: ModuleType, change: Callable[..., None], **arguments: Any) -> None:
        self._alterations.add(module, change, **arguments)

    def restore_plugin(self) -> None:
        self._alterations.clear()

    def update_plugin(self) -> None:
        yml = self.manifest.directory / f"{PLUGIN}.yml"
        os.utime(yml, (yml.stat().st_atime, yml.stat().st_mtime + 1.0))

    def tune(self, tuning: Tuning) -> None:
        for module, name, value in tuning.values():
            self.alter(module, set_constant, target=module.__name__, name=name, value=value)

    def task(self, mode: str, **arguments: Any) -> PluginResult:
        return self.stash.run_task_to_end(PLUGIN, None, {"mode": mode, **arguments})

    def verdict(self) -> Verdict:
        return judge(self.stash, self.plex)

    def wait_until(self, holds: Callable[[], bool], timeout: float = 30.0) -> bool:
        end = time.monotonic() + timeout
        pause = 0.01
        while True:
            start = time.monotonic()
            if holds():
                return True
            # Sleep twice as long as the check took, to leave CPU time for the plugin.
            time.sleep(min(0.1, 2 * (time.monotonic() - start)))
            if time.monotonic() > end:
                self._show_how_things_stand()
                return False
            with self.plex.changed:
                self.plex.changed.wait(pause)
            pause = min(0.1, pause * 1.5)

    def _show_how_things_stand(self) -> None:
        tail = "\n  ".join(f"{one['code']}: {one['message']}" for one in self.events()[-30:])
        sys.stderr.write(f"workers: {self.worker_pids()}, worker.log ends with:\n  {tail}\n")

    def settled(self, timeout: float = 30.0) -> bool:
        return self.wait_until(lambda: self.verdict().agree, timeout)

    @property
    def data(self) -> Path:
        return self.manifest.directory / "data"

    def worker_log(self) -> str:
        path = self.data / "worker.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def events(self, *codes: str, **fields: Any) -> list[dict[str, Any]]:
        complete_lines = self.worker_log().split("\n")[:-1]
        records: list[dict[str, Any]] = [
            json.loads(one) for one in complete_lines if one.startswith("{")
        ]
        return [
            one
            for one in records
            if one["code"] in (codes or (one["code"],)) and fields.items() <= one.items()
        ]

    def happened(self, *codes: str, count: int = 1, timeout: float = 30.0, **fields: Any) -> bool:
        return self.wait_until(lambda: len(self.events(*codes, **fields)) >= count, timeout)

    @contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        path = self.data / "queue" / "data.db"
        address = path.as_uri() + (f"?vfs={self.vfs}" if self.vfs else "")
        connection = sqlite3.connect(address, uri=True, timeout=10)
        try:
            yield connection
        finally:
            connection.close()

    def queued(self) -> int:
        spooled = len({name.split(".", 1)[1] for name in self.spooled()})
        if not (self.data / "queue" / "data.db").exists():
            return spooled
        with self.database() as connection:
            try:
                rows = connection.execute("SELECT COUNT(*) FROM ack_queue_default").fetchone()
            except sqlite3.OperationalError as error:
                if "no such table" not in str(error):
                    raise
                return spooled
        return spooled + int(rows[0])

    def spooled(self) -> list[str]:
        return sorted(path.name for path in (self.data / "queue" / "spool").glob("[0-9]*.*.*"))

    def worker_pids(self) -> list[int]:
        script = str(self.manifest.directory / "Stash2Plex.py")
        return [pid for pid, command in processes.with_command(script) if "--worker" in command]

    def the_worker(self) -> int:
        found: list[int] = []

        def is_alone() -> bool:
            found[:] = self.worker_pids()
            return len(found) == 1

        assert self.wait_until(is_alone)
        return found[0]

    def task_pids(self) -> list[int]:
        script = str(self.manifest.directory / "Stash2Plex.py")
        return [pid for pid, command in processes.with_command(script) if "--worker" not in command]

    def stop_worker(self) -> None:
        while pids := self.worker_pids():
            processes.kill(pids)
            assert processes.have_ended(pids, 30.0)

    def _end_worker(self) -> None:
        self.plex.faults.clear()
        self.plex.cut_connections()
        pids = self.worker_pids()
        self.canary.processes(pids)
        if MEASURED:
            processes.terminate(pids)
            processes.have_ended(pids, 5.0)
        self.stop_worker()


def png(seed: int) -> bytes:
    row = b"\x00" + struct.pack(">I", seed % (1 << 24))[1:]
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(row))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _scene(rng: random.Random, number: int, *, covers: bool) -> dict[str, Any]:
    return {
        "title": f"Scene {number}: {rng.choice(_TAGS)} & <more>",
        "details": f"What happens in number {number}.\n\nIt ends “well”.",
        "date": f"20{rng.randint(10, 25)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
        "studio": rng.choice(_STUDIOS),
        "performers": rng.sample(_PEOPLE, rng.randint(1, 4)),
        "tags": rng.sample(_TAGS, rng.randint(1, 5)),
        "cover": png(number) if covers else None,
    }

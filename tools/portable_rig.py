import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from simulators import processes
from simulators.plex import Item
from simulators.rig import Rig

_FOLDER = "D:\\media"


class PortableRig(Rig):
    def __init__(self, root: Path, plugin: Path, python: Path) -> None:
        super().__init__(root, plugin=plugin, interpreter=python)
        self.script = str(self.manifest.directory / "Stash2Plex.py")
        self.data_elsewhere: Path | None = None
        self._python = str(python)

    @property
    def data(self) -> Path:
        return self.data_elsewhere or super().data

    def worker_pids(self) -> list[int]:
        script = self.script.replace("\\", "/")
        found = processes.with_command("--worker")
        return [pid for pid, command in found if script in command.replace("\\", "/")]

    def add_scenes(self, count: int) -> list[tuple[int, Item]]:
        section = self.plex.add_section("Windows", locations=[_FOLDER])
        paths = [f"{_FOLDER}\\{number:03}.mp4" for number in range(count)]
        scenes = [self.stash.add_scene(files=[path], tags=["T"]) for path in paths]
        return [(scene.id, self.plex.add_item(section, str(scene.path))) for scene in scenes]

    def reader(self, path: Path) -> AbstractContextManager[None]:
        code = "import sys; file = open(sys.argv[1]); print(flush=True); sys.stdin.read()"
        return running(self._python, "-S", "-c", code, str(path))

    def command(
        self, arguments: list[str], **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        line = [self._python, self.script, *arguments, "--stash", self.stash.url]
        known = {key: text for key, text in os.environ.items() if key != "PYTHONIOENCODING"}
        return subprocess.run(
            line, input=b"", capture_output=True, timeout=120, check=False, env=known | environment
        )

    def seconds(self, arguments: list[str], stdin: bytes) -> float:
        begun, pipe = time.perf_counter(), subprocess.PIPE
        command = [self._python, "-S", *arguments]
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(stdin)
            process.stdin.close()
            # Under Wine, a worker keeps stderr open, so do not wait for the end of stderr.
            process.stdout.read()
            assert process.wait() == 0
        return time.perf_counter() - begun


@contextmanager
def running(*command: str) -> Iterator[None]:
    """Run a program during a `with` block.

    The program must print a line when it is ready, and end when its standard input ends.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline(), "the program does not start"
        yield
        process.communicate()

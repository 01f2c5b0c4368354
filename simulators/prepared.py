import compileall
import shutil
from pathlib import Path

from simulators.stash import FakeStash
from simulators.stash.plugin_files import copy_plugin
from simulators.stash.plugin_manifest import Manifest

Stamps = dict[str, tuple[int, int]]


def prepare(source: Path, folder: Path) -> None:
    copy_plugin(source, folder)
    for path in folder.iterdir():
        if path.is_dir():
            assert compileall.compile_dir(path, quiet=2)


def install_linked(stash: FakeStash, prepared: Path, name: str) -> Manifest:
    target = stash.host.directory / name
    target.mkdir()
    for path in prepared.iterdir():
        if path.is_dir():
            (target / path.name).symlink_to(path)
        else:
            shutil.copy2(path, target)
    return stash.host.load(name)


def stamps(folder: Path) -> Stamps:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in files}

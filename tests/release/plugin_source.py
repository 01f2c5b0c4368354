"""What Stash does with a plugin source: reads its index, checks and unpacks a package, updates it.

It is stricter than Stash, so that what passes here passes there.
"""

import hashlib
import re
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from simulators.stash.plugin_manifest import parse

_KEYS = {"id", "name", "metadata", "version", "date", "path", "sha256", "requires"}
_DATE = "%Y-%m-%d %H:%M:%S"
MANIFEST = "manifest"


@dataclass(frozen=True, slots=True)
class Package:
    id: str
    version: str
    date: datetime
    archive: Path
    sha256: str
    description: str


def read_index(path: Path) -> list[Package]:
    """Read an index; one bad entry costs all of them."""
    entries: Any = parse(path.read_text(encoding="utf-8"))
    assert isinstance(entries, list)
    return [_package(entry, path.parent) for entry in entries]


def _package(entry: Any, folder: Path) -> Package:
    assert isinstance(entry, dict)
    assert set(entry) <= _KEYS
    assert re.fullmatch(r"[A-Za-z0-9_-]+", entry["id"])  # a dot would split its settings' names
    assert entry["name"]
    assert re.fullmatch(r"\d+(\.\d+)?(\.\d+)?", entry["version"])
    assert re.fullmatch(r"[0-9a-f]{64}", entry["sha256"])
    date = datetime.strptime(entry["date"], _DATE)  # noqa: DTZ007 - Stash takes it for UTC
    assert date.strftime(_DATE) == entry["date"]
    archive = folder / entry["path"]
    assert archive.is_file()
    description = entry["metadata"]["description"]
    return Package(entry["id"], entry["version"], date, archive, entry["sha256"], description)


def install(package: Package, plugins: Path, local_path: str = "community") -> Path:
    """Install or update a package; return the plugin's folder."""
    content = package.archive.read_bytes()
    assert hashlib.sha256(content).hexdigest() == package.sha256
    target = plugins / local_path / package.id
    remove_files(target)
    with zipfile.ZipFile(package.archive) as archive:
        names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
        for name in names:
            assert ".." not in PurePosixPath(name).parts
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(name))
            path.chmod(archive.getinfo(name).external_attr >> 16 & 0o777)
    (target / MANIFEST).write_text("\n".join(names), encoding="utf-8")
    return target


def remove_files(target: Path) -> None:
    listed = target / MANIFEST
    if listed.exists():
        for name in listed.read_text(encoding="utf-8").splitlines():
            (target / name).unlink(missing_ok=True)
        listed.unlink()

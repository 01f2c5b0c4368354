import hashlib
import io
import json
import os
import re
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tools.release.contents import ENTRY, check, git, plugin_files, vendored_files
from tools.release.wheels import ReleaseError, read_pins, vendored

_UNIX = 3
_REGULAR_FILE = 0o100644
_LEVEL = 9
_VALUE = r"^{key}: (?P<value>[^\s\"'|>&*!%@`\[{{#][^#\n]*)$"
ARCHIVE, INDEX = "Stash2Plex.zip", "index.yml"


@dataclass(frozen=True, slots=True)
class Manifest:
    id: str
    name: str
    description: str
    version: str


def read_manifest(path: Path) -> Manifest:
    text = path.read_text(encoding="utf-8")

    def value_of(key: str) -> str:
        found = re.findall(_VALUE.format(key=key), text, re.MULTILINE)
        if len(found) != 1:
            message = f"{path.name} must have one line `{key}: …`, without quotes"
            raise ReleaseError(message)
        return str(found[0]).strip()

    return Manifest(path.stem, value_of("name"), value_of("description"), value_of("version"))


def index_of(manifest: Manifest, archive: bytes, path: str, moment: datetime) -> str:
    """Return the text of the index from which Stash installs and updates the plugin.

    Stash offers an update if the date in the index is newer than that of the installed plugin.
    """
    date = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    quoted = {
        "id": manifest.id,
        "name": manifest.name,
        "version": manifest.version,
        "date": date,
        "path": path,
        "sha256": hashlib.sha256(archive).hexdigest(),
    }
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in quoted.items()]
    description = json.dumps(manifest.description, ensure_ascii=False)
    text = "\n  ".join([*lines, "metadata:", f"  description: {description}"])
    return f"- {text}\n"


@dataclass(frozen=True, slots=True)
class Release:
    version: str
    files: Mapping[str, bytes]
    archive: bytes
    index: str

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ARCHIVE).write_bytes(self.archive)
        (folder / INDEX).write_text(self.index, encoding="utf-8", newline="\n")


def build(repository: Path, wheels: Path, moment: datetime) -> Release:
    manifest = _manifest(repository)
    pins = read_pins(repository / "requirements.txt")
    files = plugin_files(repository) | vendored_files(vendored(wheels, pins))
    check(files)
    archive = pack(files, moment)
    return Release(manifest.version, files, archive, index_of(manifest, archive, ARCHIVE, moment))


def commit_moment(repository: Path) -> datetime:
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or git(repository, "log", "-1", "--format=%ct")
    return datetime.fromtimestamp(int(seconds), UTC)


def require_committed(repository: Path) -> None:
    changed = git(repository, "status", "--porcelain")
    if changed:
        raise ReleaseError(f"commit this first, or build with --uncommitted:\n{changed.rstrip()}")


def _manifest(repository: Path) -> Manifest:
    manifest = read_manifest(repository / ENTRY[1])
    with (repository / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    if manifest.version != version:
        raise ReleaseError(
            f"pyproject.toml says version {version}, {ENTRY[1]} says {manifest.version}"
        )
    return manifest


def pack(files: Mapping[str, bytes], moment: datetime) -> bytes:
    """Return a zip whose bytes depend only on the files, the time and the version of zlib.

    Stash unpacks the files in order, so the entry script, which needs all other files, comes last.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files, key=lambda name: (name in ENTRY, name)):
            entry = zipfile.ZipInfo(name, moment.astimezone(UTC).timetuple()[:6])
            entry.create_system = _UNIX
            entry.external_attr = _REGULAR_FILE << 16
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, _LEVEL)
    return buffer.getvalue()

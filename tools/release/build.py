"""Puts a release together."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tools.release.archive import pack
from tools.release.contents import ENTRY, check, git, plugin_files, vendored_files
from tools.release.errors import ReleaseError
from tools.release.index import index_of
from tools.release.manifest import Manifest, read_manifest
from tools.release.pins import read_pins
from tools.release.wheels import vendored

ARCHIVE, INDEX = "Stash2Plex.zip", "index.yml"


@dataclass(frozen=True, slots=True)
class Release:
    """A release in memory.

    Attributes:
        version: of the plugin.
        files: what is in the zip, by path.
        archive: the zip.
        index: the text of the plugin source's index.
    """

    version: str
    files: Mapping[str, bytes]
    archive: bytes
    index: str

    def write(self, folder: Path) -> None:
        """Write zip and index into a folder, which is made if it was missing.

        Raises:
            OSError: it cannot be written to.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ARCHIVE).write_bytes(self.archive)
        (folder / INDEX).write_text(self.index, encoding="utf-8", newline="\n")


def build(repository: Path, wheels: Path, moment: datetime) -> Release:
    """Return the release of the repository's work tree.

    Args:
        repository: its root.
        wheels: the folder with the wheels that requirements.txt pins.
        moment: of the commit.

    Raises:
        ReleaseError: it must not be released; the text says why.
    """
    manifest = _manifest(repository)
    pins = read_pins(repository / "requirements.txt")
    files = plugin_files(repository) | vendored_files(vendored(wheels, pins))
    check(files)
    archive = pack(files, moment)
    return Release(manifest.version, files, archive, index_of(manifest, archive, ARCHIVE, moment))


def commit_moment(repository: Path, environ: Mapping[str, str] = os.environ) -> datetime:
    """Return when the checked-out commit was made, or what SOURCE_DATE_EPOCH says.

    Raises:
        ReleaseError: there is no commit.
    """
    seconds = environ.get("SOURCE_DATE_EPOCH") or git(repository, "log", "-1", "--format=%ct")
    return datetime.fromtimestamp(int(seconds), UTC)


def require_committed(repository: Path) -> None:
    """Make sure that the work tree is what the commit has.

    Raises:
        ReleaseError: it is not.
    """
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

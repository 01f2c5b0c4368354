"""The plugin as another revision of this repository has it."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

from simulators.rig import REPOSITORY


class RevisionError(Exception):
    """There is no such revision, or no repository to ask; the text is git's own."""


def describe(revision: str) -> str:
    """The short hash and the subject of a commit.

    Raises:
        RevisionError: there is none.
    """
    return _commit(revision, "%h (%s)")


def describe_working_tree() -> str:
    """The short hash of what is checked out, and whether anything differs from it.

    Raises:
        RevisionError: this is no repository.
    """
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return _git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


def extract(revision: str, folder: Path) -> Path:
    """Write the files of a revision below a folder; return where they are.

    Raises:
        RevisionError: there is no such revision.
    """
    archive = folder / "revision.zip"
    _git("archive", "--format=zip", f"--output={archive}", _commit(revision, "%H"))
    target = folder / "revision"
    with zipfile.ZipFile(archive) as files:
        files.extractall(target)
    return target


def _commit(revision: str, form: str) -> str:
    return _git("log", "-1", f"--format={form}", "--end-of-options", f"{revision}^{{commit}}")


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(REPOSITORY), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        message = f"git is needed to get another version: {error}"
        raise RevisionError(message) from None
    if done.returncode:
        raise RevisionError(done.stderr.strip().partition("\n")[0])
    return done.stdout.strip()

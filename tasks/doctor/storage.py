"""Checks of the data folder and its files."""

import json
import os
import shutil
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass

from plex.index_database import IndexCheckup
from shared.data_folder import OVERRIDE_VARIABLE, DataFolder
from sync_queue.checkup import DatabaseCheckup
from sync_queue.schema import SCHEMA_VERSION
from tasks.doctor.check import Check, fault, ok, unchecked, warning
from validation.values import counted

LOW, VERY_LOW = 500_000_000, 50_000_000  # bytes; 100,000 scenes need about 200 MB
OTHERS = stat.S_IRWXG | stat.S_IRWXO
# Network file systems: no write-ahead log, and locks may work on one machine only.
_OVER_THE_NETWORK = ("nfs", "cifs", "smb", "fuse.sshfs", "9p", "afs", "davfs", "fuse.rclone")
_MOUNTS = "/proc/mounts"


@dataclass(frozen=True, slots=True)
class FolderCheckup:
    """The result of examining the data folder.

    Attributes:
        refusal: why the folder is not writable; empty if it is.
        mode: permission bits.
        foreign: it belongs to another user than this process.
        open_files: number of files that other users may read.
        free: bytes.
        file_system: type; empty if unknown.
    """

    path: str
    refusal: str
    mode: int
    foreign: bool
    open_files: int
    free: int
    file_system: str


def examine_folder(folder: DataFolder) -> FolderCheckup:
    """Examine the data folder; raise OSError if it is missing or unreadable."""
    status = os.stat(folder.root)
    user: Callable[[], int] | None = getattr(os, "geteuid", None)
    return FolderCheckup(
        path=folder.root,
        refusal=_refusal(folder.root) or _refusal(folder.spool),
        mode=stat.S_IMODE(status.st_mode),
        foreign=user is not None and status.st_uid != user(),
        open_files=_open_files(folder.root),
        free=shutil.disk_usage(folder.root).free,
        file_system=_file_system(os.path.realpath(folder.root)),
    )


def _refusal(folder: str) -> str:
    probe = os.path.join(folder, f"doctor.tmp-{os.getpid()}")
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        return error.strerror or type(error).__name__
    os.unlink(probe)
    return ""


def _open_files(root: str) -> int:
    return sum(
        _mode(os.path.join(folder, name)) & OTHERS != 0
        for folder, _, names in os.walk(root)
        for name in names
    )


def _mode(path: str) -> int:
    try:
        return os.lstat(path).st_mode
    except OSError:  # a temporary file was deleted meanwhile
        return 0


def _file_system(path: str) -> str:
    """Return the type of the file system of a path; empty except on Linux."""
    try:
        with open(_MOUNTS, encoding="utf-8", errors="replace") as file:
            mounts = [line.split()[1:3] for line in file]
    except OSError:
        return ""
    held = [
        (place.replace("\\040", " "), kind)
        for place, kind in mounts
        if f"{path}/".startswith(place.replace("\\040", " ").rstrip("/") + "/")
    ]
    return max(held, key=lambda mount: len(mount[0]), default=("", ""))[1]


def check_folder(seen: FolderCheckup | None, why: str) -> Check:
    """Check whether the data folder is writable and local."""
    name = "data folder"
    elsewhere = f"or set {OVERRIDE_VARIABLE} to a folder that can be"
    if seen is None:
        return fault(
            name, f"there is none ({why})", f"Make the plugin's folder writable, {elsewhere}"
        )
    if seen.refusal:
        return fault(
            name,
            f"{seen.path} cannot be written to ({seen.refusal})",
            f"Make it writable for the user that Stash runs as, {elsewhere}",
        )
    where = f"{seen.path}, writable{f', on {seen.file_system}' if seen.file_system else ''}"
    if seen.file_system.startswith(_OVER_THE_NETWORK):
        return warning(name, where, "Put it on a local disk, which makes saving in Stash faster")
    return ok(name, where)


def check_permissions(seen: FolderCheckup | None) -> Check:
    """Check whether only the owner has access to the data folder."""
    name = "permissions"
    if seen is None:
        return unchecked(name, "there is no data folder")
    if seen.foreign:
        return fault(
            name,
            f"{seen.path} belongs to another user",
            "Run this as the user that Stash runs as, or give that user the folder",
        )
    if sys.platform != "win32" and seen.mode & OTHERS:
        return warning(
            name,
            f"{seen.mode:04o}: other users can open {seen.path}, and read "
            f"{counted(seen.open_files, 'file')}",
            f'Run: chmod -R go= "{seen.path}"',
        )
    return ok(name, f"{seen.mode:04o}: only the owner has access")


def check_space(seen: FolderCheckup | None) -> Check:
    """Check the free space for the queue."""
    name = "free space"
    if seen is None:
        return unchecked(name, "there is no data folder")
    text = f"{seen.free / 1e9:,.1f} GB"
    if seen.free < VERY_LOW:
        return fault(name, text, "Free some space: edits cannot be queued on a full disk")
    if seen.free < LOW:
        return warning(name, text, "Free some space before the disk is full")
    return ok(name, text)


def check_database(seen: DatabaseCheckup) -> Check:
    """Check the queue's database."""
    name = "queue database"
    if not seen.exists:
        return ok(name, "none yet: the first edit or task creates it")
    if seen.damage:
        return fault(
            name,
            f"damaged ({seen.damage})",
            "Nothing to do: the next edit or task quarantines it and creates a new one, and a "
            "reconciliation finds the jobs that were waiting",
        )
    if seen.refusal:
        return fault(
            name,
            f"cannot be read ({seen.refusal})",
            "Close other programs that use it, and make its folder writable for Stash's user",
        )
    if seen.version > SCHEMA_VERSION:
        return fault(
            name,
            f"has schema {seen.version}, this version of Stash2Plex knows {SCHEMA_VERSION}",
            "Install the newer version of the plugin again",
        )
    if seen.version < SCHEMA_VERSION:
        return ok(name, f"sound, schema {seen.version}: the next edit or task brings it up to date")
    journal = "write-ahead log" if seen.wal else "rollback journal"
    text = f"sound, schema {seen.version}, {seen.size / 1e6:,.1f} MB, {journal}"
    if not seen.wal:
        return warning(name, text, "Put the data folder on a local disk, which makes saving faster")
    return ok(name, text)


def check_index(seen: IndexCheckup) -> Check:
    """Check the path index (library.db)."""
    name = "path index"
    if not seen.exists:
        return ok(name, "none yet: the first sync creates it")
    if seen.problem:
        return warning(
            name,
            f"cannot be read ({seen.problem})",
            "Run 'Check Path Mapping', which creates it again; no edit is lost",
        )
    return ok(name, f"sound, {seen.size / 1e6:,.1f} MB")


def check_state_files(folder: DataFolder | None) -> Check:
    """Check whether the state files beside the database are readable."""
    name = "state files"
    if folder is None:
        return unchecked(name, "there is no data folder")
    paths = (
        folder.circuit_breaker,
        folder.recovery_state,
        folder.outage_history,
        folder.stats,
        folder.device_id,
        folder.reconciliation_state,
    )
    there = [path for path in paths if os.path.lexists(path)]
    states = {os.path.basename(path): _is_json(path) for path in there}
    closed = [file for file, is_json in states.items() if is_json is None]
    if closed:
        return warning(
            name,
            f"{', '.join(closed)}: not readable for this user",
            "Make each file readable for the user that Stash runs as, or delete it: until then it "
            "is not updated",
        )
    bad = [file for file, is_json in states.items() if not is_json]
    if bad:
        return warning(
            name,
            f"{', '.join(bad)} cannot be read",
            "Nothing to do: the plugin quarantines each file and creates a new one",
        )
    return ok(name, f"{len(there)}, all readable")


def _is_json(path: str) -> bool | None:
    """Tell whether a file holds JSON; None if it is unreadable."""
    if os.path.isdir(path):
        return False
    try:
        with open(path, encoding="utf-8") as file:
            return isinstance(json.load(file), dict | list)
    except OSError:
        return None
    except (ValueError, RecursionError):
        return False

import importlib.metadata
import json
import os
import platform
import re
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from plex.path_index import IndexCheckup
from shared.data_folder import OVERRIDE_VARIABLE, DataFolder
from shared.files import names_in
from sync_queue.checkup import DatabaseCheckup
from sync_queue.schema import SCHEMA_VERSION
from tasks.doctor.finding import Finding, fault, ok, warning
from validation.values import counted

_PINNED = re.compile(r"^([\w-]+)==(\S+)", re.MULTILINE)
_PACKAGES = ("plexapi", "stashapp-tools", "persist-queue", "requests")
# For 100,000 scenes, the data folder needs about 200 MB on the disk.
_LOW, _VERY_LOW = 500_000_000, 50_000_000
_OTHER_USERS = stat.S_IRWXG | stat.S_IRWXO
# SQLite's write-ahead log and file locks are unreliable on network file systems.
_NETWORK = ("nfs", "cifs", "smb", "fuse.sshfs", "9p", "afs", "davfs", "fuse.rclone")


def check_plugin(version: str, plugin_dir: str) -> Finding:
    found = f"Stash2Plex {version} in {plugin_dir}"
    ymls = [name for name in names_in(plugin_dir) if name.endswith(".yml")]
    if version != "unknown" and len(ymls) <= 1:
        return ok(found)
    remedy = "Copy the whole plugin again, with one Stash2Plex.yml beside Stash2Plex.py"
    return warning(f"{found}, which holds {', '.join(ymls) or 'no yml'}", remedy)


def check_python() -> Finding:
    return ok(f"{platform.python_version()} on {platform.system()}, {sys.executable}")


def check_dependencies(
    plugin_dir: str,
    missing: Sequence[str],
    installed: Callable[[str], str] = importlib.metadata.version,
) -> Finding:
    pip = f'"{sys.executable}" -m pip install'
    requirements = os.path.join(plugin_dir, "requirements.txt")
    if missing:
        text = f"{counted(len(missing), 'package')} missing or broken ({', '.join(missing)})"
        vendor = os.path.join(plugin_dir, "vendor")
        return fault(text, f'Run: {pip} --upgrade --target "{vendor}" -r "{requirements}"')
    versions = {name: _version(name, installed) for name in _PACKAGES}
    found = ", ".join(f"{name} {version}" for name, version in versions.items())
    pinned: Mapping[str, str] = {}
    with suppress(OSError, UnicodeDecodeError), open(requirements, encoding="utf-8") as file:
        pinned = dict(_PINNED.findall(file.read()))
    others = [
        f"{name}=={tested}"
        for name, tested in pinned.items()
        if name in versions and versions[name].split(".")[:2] != tested.split(".")[:2]
    ]
    if not others:
        return ok(found)
    remedy = f"If something fails, run: {pip} {' '.join(others)}"
    return warning(f"{found}; tested with {', '.join(others)}", remedy)


def _version(name: str, installed: Callable[[str], str]) -> str:
    with suppress(importlib.metadata.PackageNotFoundError):
        return installed(name)
    return "(unknown version)"


def check_folder(folder: DataFolder, why: str) -> Finding:
    path, elsewhere = folder.root, f"or set {OVERRIDE_VARIABLE} to a writable folder"
    if not os.path.isdir(path):
        return fault(f"does not exist ({why})", f"Make the plugin's folder writable, {elsewhere}")
    refusal = _refusal(path) or _refusal(folder.spool)
    if refusal:
        remedy = f"Make the data folder writable for Stash's user, {elsewhere}"
        return fault(f"{path} cannot be written to ({refusal})", remedy)
    file_system = _file_system(os.path.realpath(path))
    where = f"{path}, writable{f', on {file_system}' if file_system else ''}"
    if file_system.startswith(_NETWORK):
        return warning(where, "Put it on a local disk, which makes saving in Stash faster")
    return ok(where)


def _refusal(folder: str) -> str:
    probe = os.path.join(folder, f"doctor.tmp-{os.getpid()}")
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        return error.strerror or type(error).__name__
    os.unlink(probe)
    return ""


def _file_system(path: str) -> str:
    mounts: list[list[str]] = []
    with suppress(OSError), open("/proc/mounts", encoding="utf-8", errors="replace") as file:
        mounts = [line.split()[1:3] for line in file]
    found = {folder.replace("\\040", " ").rstrip("/") + "/": kind for folder, kind in mounts}
    holders = (folder for folder in found if f"{path}/".startswith(folder))
    return found.get(max(holders, key=len, default=""), "")


def check_permissions(path: str) -> Finding:
    if sys.platform == "win32":
        return ok("not checked, because on Windows a new folder has the permissions of its parent")
    status = os.stat(path)
    if status.st_uid != os.geteuid():
        remedy = "Run the command as Stash's user, or make Stash's user the owner of the folder"
        return fault(f"{path} belongs to another user", remedy)
    mode = stat.S_IMODE(status.st_mode)
    if mode & _OTHER_USERS:
        files = (os.path.join(parent, name) for parent, _, names in os.walk(path) for name in names)
        readable = counted(sum(map(_is_open_to_others, files)), "file")
        text = f"other users can open {path} ({mode:04o}) and read {readable}"
        return warning(text, f'Run: chmod -R go= "{path}"')
    return ok(f"only the owner has access ({mode:04o})")


def _is_open_to_others(path: str) -> bool:
    with suppress(OSError):
        return os.lstat(path).st_mode & _OTHER_USERS != 0
    return False


def check_space(free: int) -> Finding:
    text = f"{free / 1e9:,.1f} GB"
    if free < _VERY_LOW:
        return fault(text, "Free some space: edits cannot be queued on a full disk")
    return warning(text, "Free some space before the disk is full") if free < _LOW else ok(text)


def check_database(seen: DatabaseCheckup) -> Finding:
    if not seen.exists:
        return ok("does not exist yet; the first edit or task creates the database")
    if seen.damage:
        return fault(
            f"damaged ({seen.damage})",
            "You need to do nothing: the next edit or task renames the damaged file and creates a "
            "new database, and a reconciliation finds the jobs that were waiting",
        )
    if seen.refusal:
        remedy = "Close other programs that use it, and make its folder writable for Stash's user"
        return fault(f"cannot be read ({seen.refusal})", remedy)
    if seen.version > SCHEMA_VERSION:
        text = f"a newer version of the plugin has changed it to schema {seen.version}"
        supported = f"this version supports up to schema {SCHEMA_VERSION}"
        return fault(f"{text}; {supported}", "Install the newer version again")
    if seen.version < SCHEMA_VERSION:
        return ok(f"intact, schema {seen.version}; the next edit or task upgrades the database")
    text = f"intact, schema {seen.version}, {seen.size / 1e6:,.1f} MB"
    if seen.wal:
        return ok(f"{text}, write-ahead log")
    remedy = "Put the data folder on a local disk, which makes saving faster"
    return warning(f"{text}, rollback journal", remedy)


def check_index(seen: IndexCheckup) -> Finding:
    if not seen.exists:
        return ok("does not exist yet; the first sync creates the index")
    if not seen.problem:
        return ok(f"intact, {seen.size / 1e6:,.1f} MB")
    remedy = "Run 'Check Path Mapping' to create the list again. No edit is lost"
    return warning(f"cannot be read ({seen.problem})", remedy)


def check_state_files(folder: DataFolder) -> Finding:
    paths = (
        folder.circuit_breaker, folder.recovery_state, folder.outage_history, folder.stats,
        folder.device_id, folder.reconciliation_state,
    )  # fmt: skip
    states = {os.path.basename(path): _is_json(path) for path in paths if os.path.lexists(path)}
    closed = [file for file, is_json in states.items() if is_json is None]
    if closed:
        remedy = (
            "Make each file readable for Stash's user, or delete it, so that it is updated again"
        )
        return warning(f"this user cannot read {', '.join(closed)}", remedy)
    bad = [file for file, is_json in states.items() if not is_json]
    if bad:
        remedy = "You need to do nothing: the plugin renames each file and creates a new one"
        return warning(f"{', '.join(bad)} cannot be read", remedy)
    return ok(f"{len(states)}, all readable")


def _is_json(path: str) -> bool | None:
    if os.path.isdir(path):
        return False
    try:
        with open(path, encoding="utf-8") as file:
            return isinstance(json.load(file), dict | list)
    except OSError:
        return None
    except (ValueError, RecursionError):
        return False

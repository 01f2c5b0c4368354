"""Checks of the plugin, of Python and of the installed packages."""

import importlib.metadata
import os
import platform
import re
import sys
from collections.abc import Callable, Mapping, Sequence

from tasks.doctor.check import Check, fault, ok, warning

_PINNED = re.compile(r"^([\w-]+)==(\S+)", re.MULTILINE)
# The packages that the plugin imports, without their dependencies.
_OURS = ("plexapi", "stashapp-tools", "persist-queue", "requests")


def check_plugin(version: str, plugin_dir: str) -> Check:
    """Check the version and the folder of the plugin."""
    found = f"Stash2Plex {version} in {plugin_dir}"
    ymls = sorted(name for name in _names(plugin_dir) if name.endswith(".yml"))
    if version == "unknown" or len(ymls) > 1:
        return warning(
            "plugin",
            f"{found}, which holds {', '.join(ymls) or 'no yml'}",
            "Copy the whole plugin again: one Stash2Plex.yml beside Stash2Plex.py",
        )
    return ok("plugin", found)


def check_python() -> Check:
    """Return the version and the path of Python."""
    return ok("python", f"{platform.python_version()} on {platform.system()}, {sys.executable}")


def check_dependencies(
    plugin_dir: str,
    missing: Sequence[str],
    installed: Callable[[str], str] = importlib.metadata.version,
) -> Check:
    """Compare the installed versions of the packages with the tested ones."""
    pip = f'"{sys.executable}" -m pip install'
    if missing:
        return fault(
            "dependencies",
            f"{', '.join(missing)}: missing or broken",
            f'Run: {pip} --upgrade --target "{os.path.join(plugin_dir, "vendor")}" '
            f'-r "{os.path.join(plugin_dir, "requirements.txt")}"',
        )
    versions = {name: _version(name, installed) for name in _OURS}
    found = ", ".join(f"{name} {version}" for name, version in versions.items())
    pinned = _pinned(os.path.join(plugin_dir, "requirements.txt"))
    others = [
        f"{name}=={pinned[name]}"
        for name, version in versions.items()
        if _differs(version, pinned.get(name))
    ]
    if others:
        return warning(
            "dependencies",
            f"{found}; tested with {', '.join(others)}",
            f"If something fails, run: {pip} {' '.join(others)}",
        )
    return ok("dependencies", found)


def _differs(version: str, pinned: str | None) -> bool:
    """Tell whether the versions differ in the first two numbers."""
    return pinned is not None and version.split(".")[:2] != pinned.split(".")[:2]


def _version(name: str, installed: Callable[[str], str]) -> str:
    try:
        return installed(name)
    except importlib.metadata.PackageNotFoundError:
        return "(unknown version)"  # copied instead of installed


def _pinned(path: str) -> Mapping[str, str]:
    try:
        with open(path, encoding="utf-8") as file:
            return dict(_PINNED.findall(file.read()))
    except (OSError, UnicodeDecodeError):
        return {}


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []

"""The plugins folder: what is installed, and what Stash makes of it."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from .plugin_manifest import Manifest, ManifestError, load

PLUGIN_FILES = ("Stash2Plex.py", "Stash2Plex.yml", "requirements.txt")
PLUGIN_FOLDERS = (
    "app",
    "hooks",
    "tasks",
    "worker",
    "reconciliation",
    "legacy",
    "plex",
    "stash",
    "sync_queue",
    "validation",
    "shared",
    "ui",
    "vendor",
)


class PluginRegistry:
    """The plugins that Stash has loaded from its plugins folder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.plugins: list[Manifest] = []
        self.errors: list[str] = []

    def install(self, source: Path, name: str, files: Iterable[str] | None = None) -> Manifest:
        """Copy a plugin's files as if its package were unzipped, and reload.

        Raises:
            ManifestError: Stash would not load the plugin.
        """
        target = self.directory / name
        target.mkdir(parents=True, exist_ok=True)
        for relative in plugin_files(source, files):
            copy = target / relative
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / relative, copy)
        return self.loaded(name)

    def loaded(self, name: str) -> Manifest:
        """Reload, and return a plugin that must be there now.

        Raises:
            ManifestError: Stash would not load the plugin.
        """
        self.reload()
        found = self.find(name)
        if found is None:
            msg = f"Stash did not load {name}: {self.errors or 'no ' + name + '.yml'}"
            raise ManifestError(msg)
        return found

    def reload(self) -> None:
        """Reads every `.yml` below the plugins folder; what is no plugin becomes an error."""
        plugins: dict[str, Manifest] = {}
        self.errors = []
        for path in _walk(self.directory):
            try:
                manifest = load(path)
            except ManifestError as error:
                self.errors.append(f"Error loading plugin {path}: {error}")
                continue
            if manifest.id.lower() in plugins:
                self.errors.append(
                    f"Error loading plugin {path}: plugin ID {manifest.id} already exists"
                )
                continue
            plugins[manifest.id.lower()] = manifest
        self.plugins = list(plugins.values())

    def find(self, plugin_id: str) -> Manifest | None:
        """The plugin of that id, case-sensitively."""
        return next((plugin for plugin in self.plugins if plugin.id == plugin_id), None)


def _walk(directory: Path) -> list[Path]:
    """Every `.yml` below, hidden folders and symbolic links included."""
    return sorted(
        Path(folder, name)
        for folder, _, names in os.walk(directory, followlinks=True)
        for name in names
        if name.endswith(".yml")
    )


def plugin_files(source: Path, files: Iterable[str] | None = None) -> list[Path]:
    """Return the relative paths of the files to install, by default those that users get."""
    found: list[Path] = []
    for name in files or (*PLUGIN_FILES, *PLUGIN_FOLDERS):
        path = source / name
        found += [path] if path.is_file() else _files_below(path)
    return [path.relative_to(source) for path in found]


def _files_below(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    ]

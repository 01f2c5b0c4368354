import shutil
from collections.abc import Iterable
from pathlib import Path

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


def copy_plugin(source: Path, target: Path, files: Iterable[str] | None = None) -> None:
    for relative in plugin_files(source, files):
        copy = target / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / relative, copy)


def plugin_files(source: Path, files: Iterable[str] | None = None) -> list[Path]:
    found: list[Path] = []
    for name in files or (*PLUGIN_FILES, *PLUGIN_FOLDERS):
        path = source / name
        found += [path] if path.is_file() else sorted(path.rglob("*"))
    return [
        path.relative_to(source)
        for path in found
        if path.is_file() and "__pycache__" not in path.parts
    ]

"""`python -m tools.portable [CHECK ...]`: check the plugin on this system, from a built release.

Environment variables:
    WINDOWS_PYTHON: the path of a `python.exe` of version 3.11 or newer. If it is set, the plugin
        runs in Wine.
    STASH2PLEX_PLUGIN: the folder of an unpacked release. Without it, this work tree is built.
"""

import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from simulators.rig import PLUGIN_SOURCE, REPOSITORY
from tools.portable_checks import Checks
from tools.portable_rig import PortableRig, running

_WINE = "/usr/lib/wine/wine64"


@contextmanager
def wine(folder: Path, python: str) -> Iterator[Path]:
    command = folder / "python"
    command.write_text(
        f"#!/bin/sh\nexport WINEPREFIX={folder}/wine WINEDEBUG=-all\n"
        "export WINEDLLOVERRIDES=mscoree,mshtml=  # no installer of .NET and HTML\n"
        f'exec {_WINE} "{python}" "$@"\n'
    )
    command.chmod(0o700)
    code = "import sys; print(flush=True); sys.stdin.read()"
    # Without this idle process, Wine would end after each command and start again for the next.
    with running(str(command), "-S", "-c", code):
        yield command


def main(names: Sequence[str] = ()) -> str:
    windows = os.environ.get("WINDOWS_PYTHON")
    if windows is not None and not (os.path.exists(_WINE) and os.path.exists(windows)):
        return f"Skipped: {_WINE} or {windows or 'WINDOWS_PYTHON'} is missing. {__doc__}"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        if windows is None:
            count = run(Path(place), _own_python(), names)
        else:
            with wine(Path(place), windows) as command:
                count = run(Path(place), command, names)
    return f"{count} checks passed"


def _own_python() -> Path:
    # On Windows, `python.exe` of a virtual environment starts the base Python as a second process,
    # which the checks would count as a second worker.
    return Path(sys.base_prefix, "python.exe") if sys.platform == "win32" else Path(sys.executable)


def run(place: Path, python: Path, names: Sequence[str]) -> int:
    plugin = PLUGIN_SOURCE
    if plugin == REPOSITORY:
        release = [sys.executable, "-m", "tools.release", "--uncommitted", "--into", str(place)]
        subprocess.run(release, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
        plugin = place / "plugin"
        zipfile.ZipFile(place / "Stash2Plex.zip").extractall(plugin)
    is_windows = sys.platform == "win32" or "WINDOWS_PYTHON" in os.environ
    with PortableRig(place / "rig", plugin, python) as rig:
        checks = Checks(rig, plugin, is_windows=is_windows).all()
        for name in names or checks:
            begun = time.monotonic()
            result = checks[name]()
            print(f"{name}: {result} ({time.monotonic() - begun:.0f} s)", flush=True)
    return len(names or checks)


if __name__ == "__main__":
    print(main(sys.argv[1:]))

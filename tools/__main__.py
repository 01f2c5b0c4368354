"""`python -m tools COMMAND`: the targets of the Makefile for systems without make.

The commands create the virtual environment `.venv`, and update it when pinned versions change.
"""

import argparse
import subprocess
import sys
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
_VENV, _WHEELS = REPOSITORY / ".venv", REPOSITORY / "build" / "wheels"
_PYTHON = _VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
_PINS = (REPOSITORY / "requirements.txt", REPOSITORY / "requirements-dev.txt")
_PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")
_ANY = ("--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none")
COMMANDS = {
    "check": (
        ("-m", "ruff", "check", "."),
        ("-m", "ruff", "format", "--check", "."),
        ("-m", "tools.style"),
        ("-m", "mypy"),
    ),
    "test": (("-m", "pytest", "-n", "auto"),),
    "portable": (("-m", "tools.portable"),),
    "demo": (("-m", "tools.demo"),),
    "release": (("-m", "tools.release"),),
}


def prepare() -> None:
    ready = _VENV / ".ready-without-make"
    if ready.exists() and ready.stat().st_mtime >= max(pin.stat().st_mtime for pin in _PINS):
        return
    if not _PYTHON.exists():
        venv.create(_VENV, with_pip=True)
    runtime, dev = map(str, _PINS)
    fetch = ("download", "--require-hashes", "--no-deps", *_ANY, f"--dest={_WHEELS}", "-r", runtime)
    for arguments in (fetch, ("install", "--require-hashes", "--no-deps", "-r", runtime),
                      ("install", "--no-deps", "-r", dev)):  # fmt: skip
        subprocess.run([_PYTHON, *_PIP, *arguments], check=True, cwd=REPOSITORY)
    ready.touch()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    options = parser.parse_args()
    prepare()
    runs = (subprocess.run([_PYTHON, *line], check=False, cwd=REPOSITORY).returncode
            for line in COMMANDS[options.command])  # fmt: skip
    return next((status for status in runs if status), 0)


if __name__ == "__main__":
    sys.exit(main())

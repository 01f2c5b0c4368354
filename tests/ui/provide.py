"""Makes sure of a browser for the page's tests: `python -m tests.ui.provide`.

One that is there is taken. Else CI, where it is root, installs Debian's; everybody else gets
Chrome's own builds into `build/browser`, with the help of Node. What cannot be had in time is told
in a line, and the tests that want it are skipped.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.ui.chromium import LACK, PLACE, Programs, find

LIMIT = 120.0  # seconds for all downloads
_UNPACKING = 120.0  # seconds for what must not be interrupted: it would leave half a package
_APT = ("chromium", "chromium-driver")
_BUILDS = "@puppeteer/browsers@2.10.5"  # the newest that runs on Node 18


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a browser is wanted.

    Attributes:
        path: where programs lie, as in the variable PATH.
        place: where those are brought to that nobody has to install.
        may_install: whether the system's packages may be installed: CI's may, a person's not.
        limit: seconds for all downloads.
    """

    path: str
    place: Path
    may_install: bool
    limit: float = LIMIT


def provide(machine: Machine) -> str:
    """Bring a browser unless there is one; return the line that says what there is now."""
    if find(machine.path, machine.place):
        return ""
    end = time.monotonic() + machine.limit
    problems = [problem for way in (_debians, _chromes) if (problem := way(machine, end))]
    programs = find(machine.path, machine.place)
    if programs is None:
        return f"No browser, its tests are skipped: {'; '.join(problems) or LACK}"
    if not _run(machine, [str(programs.browser), "--version"], 30):
        return f"The page is tested in {programs.browser}"
    _discard(programs, machine.place)
    return f"No browser, its tests are skipped: {programs.browser} does not start"


def _debians(machine: Machine, end: float) -> str:
    if not machine.may_install or shutil.which("apt-get", path=machine.path) is None:
        return ""
    install = ["apt-get", "install", "--quiet", "--yes", "--no-install-recommends"]
    return (
        _run(machine, ["apt-get", "update", "--quiet"], end - time.monotonic())
        or _run(machine, [*install, "--download-only", *_APT], end - time.monotonic())
        or _run(machine, [*install, *_APT], _UNPACKING)
    )


def _chromes(machine: Machine, end: float) -> str:
    if find(machine.path, machine.place):
        return ""
    if shutil.which("npx", path=machine.path) is None:
        return LACK
    machine.place.mkdir(parents=True, exist_ok=True)
    for name in ("chrome-headless-shell@stable", "chromedriver@stable"):
        command = ["npx", "--yes", _BUILDS, "install", name, "--path", str(machine.place)]
        problem = _run(machine, command, end - time.monotonic())
        if problem:
            return f"{LACK}; {problem}"
    return ""


def _run(machine: Machine, command: Sequence[str], seconds: float) -> str:
    """Run something to its end; return what went wrong, empty when nothing did."""
    words = f"'{' '.join(command[:2])}'"
    program = shutil.which(command[0], path=machine.path) or command[0]
    environment = {**os.environ, "PATH": machine.path, "DEBIAN_FRONTEND": "noninteractive"}
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        try:
            process = subprocess.Popen(
                [program, *command[1:]], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                env=environment, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            return f"{words} cannot be started: {error}"
        try:
            status = process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with whatever it has started
            process.wait()
            return f"{words} took too long"
        said.seek(0)
        lines = [line.strip() for line in said if "rror" in line] or [f"status {status}"]
    return "" if status == 0 else f"{words} failed: {lines[0][:200]}"


def _discard(programs: Programs, place: Path) -> None:
    """Take away what was brought and is of no use here, so that it is not found again."""
    if place in programs.browser.parents:
        shutil.rmtree(place)


def main() -> None:
    """Tell what was done, if anything was."""
    may_install = bool(os.environ.get("CI")) and os.geteuid() == 0
    told = provide(Machine(os.environ.get("PATH", os.defpath), PLACE, may_install))
    if told:
        sys.stdout.write(f"{told}\n")


if __name__ == "__main__":
    main()

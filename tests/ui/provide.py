"""Makes sure of a browser for the page's tests: `python -m tests.ui.provide`.

One that is there is taken. Else CI, where it is root, installs Debian's; everybody else gets
Chrome's own builds into `build/browser`, with the help of Node. What cannot be had in time is told
in a line, and the tests that want it are skipped.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from tests.ui.chromium import LACK, PLACE, Programs, find

LIMIT = 120.0  # seconds for all downloads
_UNPACKING = 120.0  # seconds for what must not be interrupted: it would leave half a package
_APT = ("chromium", "chromium-driver")
_BUILDS = "@puppeteer/browsers@2.10.5"  # the newest that runs on Node 18


def provide(*, may_install: bool) -> str:
    """Bring a browser unless there is one; return the line that says what there is now.

    Args:
        may_install: whether the system's packages may be installed: CI's may, a person's not.
    """
    if find():
        return ""
    end = time.monotonic() + LIMIT
    problems = [_debians(end) if may_install else "", "" if find() else _chromes(end)]
    programs = find()
    if programs is None:
        return f"No browser, its tests are skipped: {'; '.join(filter(None, problems)) or LACK}"
    if not _run([str(programs.browser), "--version"], 30):
        return f"The page is tested in {programs.browser}"
    _discard(programs)
    return f"No browser, its tests are skipped: {programs.browser} does not start"


def _debians(end: float) -> str:
    if shutil.which("apt-get") is None:
        return ""
    install = ["apt-get", "install", "--quiet", "--yes", "--no-install-recommends"]
    return (
        _run(["apt-get", "update", "--quiet"], end - time.monotonic())
        or _run([*install, "--download-only", *_APT], end - time.monotonic())
        or _run([*install, *_APT], _UNPACKING)
    )


def _chromes(end: float) -> str:
    if shutil.which("npx") is None:
        return LACK
    PLACE.mkdir(parents=True, exist_ok=True)
    for name in ("chrome-headless-shell@stable", "chromedriver@stable"):
        command = ["npx", "--yes", _BUILDS, "install", name, "--path", str(PLACE)]
        problem = _run(command, end - time.monotonic())
        if problem:
            return f"{LACK}; {problem}"
    return ""


def _run(command: Sequence[str], seconds: float) -> str:
    words = f"'{' '.join(command[:2])}'"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
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


def _discard(programs: Programs) -> None:
    if PLACE in programs.browser.parents:
        shutil.rmtree(PLACE)


def main() -> None:
    may_install = bool(os.environ.get("CI")) and os.geteuid() == 0
    told = provide(may_install=may_install)
    if told:
        sys.stdout.write(f"{told}\n")


if __name__ == "__main__":
    main()

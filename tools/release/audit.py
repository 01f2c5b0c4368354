"""`python -m tools.release.audit`: check the pinned versions against the package index of pip.

Exit status:
    0: all versions are the newest.
    1: newer versions exist.
    2: a version was withdrawn, or its file has another hash.
    3: the index did not answer for some versions.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.release.contents import REPOSITORY
from tools.release.wheels import Pin, ReleaseError, read_pins

CURRENT, NEWER, WITHDRAWN, NO_ANSWER = range(4)
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
# pip prints this text if the index has no version of a package, or does not answer.
_NONE = "(from versions: none)"
_YANKED = re.compile(r"yanked version: .*?being yanked: (?P<why>[^\n]*)", re.DOTALL)


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    try:
        pins = read_pins(REPOSITORY / "requirements.txt")
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return WITHDRAWN
    found: set[int] = set()
    for pin in pins:
        status, text = _doubt(pin) or _newest(pin)
        found.add(status)
        print(f"{pin.name} {pin.version}: {text}", flush=True)
    return next((status for status in (WITHDRAWN, NO_ANSWER, NEWER) if status in found), CURRENT)


def _doubt(pin: Pin) -> tuple[int, str] | None:
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text(f"{pin.name}=={pin.version} --hash=sha256:{pin.sha256}\n")
        done = _pip(
            "download", "--require-hashes", "--no-deps", "--only-binary=:all:", "--platform", "any",
            "--implementation", "py", "--abi", "none", "--no-cache-dir", "--dest", folder,
            "--requirement", str(wanted),
        )  # fmt: skip
    if done.returncode == 0:
        yanked = _YANKED.search(done.stderr)
        return (WITHDRAWN, f"was withdrawn: {yanked['why']}") if yanked else None
    if "DO NOT MATCH THE HASHES" in done.stderr:
        return WITHDRAWN, "the file in the package index differs from the pinned file"
    if "(from versions: " in done.stderr and _NONE not in done.stderr:
        return WITHDRAWN, "the index has other versions only"
    return _no_answer(done)


def _newest(pin: Pin) -> tuple[int, str]:
    done = _pip(
        "install", "--dry-run", "--ignore-installed", "--no-deps", "--only-binary=:all:",
        "--quiet", "--report", "-", f"{pin.name}>={pin.version}",
    )  # fmt: skip
    if done.returncode:
        return _no_answer(done)
    version = json.loads(done.stdout)["install"][0]["metadata"]["version"]
    if version == pin.version:
        return CURRENT, "the newest"
    return NEWER, f"{version} is out"


def _no_answer(done: subprocess.CompletedProcess[str]) -> tuple[int, str]:
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return NO_ANSWER, f"the index gave no answer ({lines[-1] if lines else 'nor did pip'})"


def _pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*_PIP, *arguments], capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())

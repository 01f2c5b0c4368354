"""A browser is made sure of where it can be, and nothing is held up or broken where it cannot."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

import pytest

from tests.ui.chromium import LACK, find
from tests.ui.provide import LIMIT, Machine, provide

pytestmark = pytest.mark.skipif(os.name != "posix", reason="its stand-ins are shell scripts")
RUNS = "exit 0"
BRINGS = (
    'name=${4%@*}; mkdir -p "$6/$name/linux-1/$name-linux64"; '
    'printf "#!/bin/sh\\n" > "$6/$name/linux-1/$name-linux64/$name"; '
    'chmod +x "$6/$name/linux-1/$name-linux64/$name"'
)


class Programs:
    """The programs of a machine: scripts that note that they ran."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "bin"
        self.folder.mkdir()
        self.place = folder / "browser"
        self._ran = folder / "ran"

    def add(self, name: str, does: str = RUNS) -> None:
        program = self.folder / name
        program.write_text(f'#!/bin/sh\nPATH="$PATH:/bin:/usr/bin"\n'
                           f'echo "{name} $*" >> "{self._ran}"\n{does}\n')  # fmt: skip
        program.chmod(0o700)

    @property
    def ran(self) -> list[str]:
        return self._ran.read_text().splitlines() if self._ran.exists() else []

    def provide(self, *, may_install: bool = False, limit: float = LIMIT) -> str:
        return provide(Machine(str(self.folder), self.place, may_install, limit))

    @property
    def has_browser(self) -> bool:
        return find(str(self.folder), self.place) is not None


def _ends(pid: int) -> bool:
    """Whether a process is gone soon: a signal is not the end of it yet."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 30.0)[0])
    finally:
        os.close(descriptor)


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    return Programs(tmp_path)


def test_a_browser_that_is_there_costs_nothing(programs: Programs) -> None:
    for name in ("chromium", "chromedriver", "apt-get", "npx"):
        programs.add(name)
    assert programs.provide(may_install=True) == ""
    assert programs.ran == []


def test_ci_installs_the_systems(programs: Programs) -> None:
    made = " ".join(
        f'printf "#!/bin/sh\\n" > "{programs.folder}/{name}"; chmod +x "{programs.folder}/{name}";'
        for name in ("chromium", "chromedriver")
    )
    programs.add("apt-get", f'case "$*" in *download*|update*) ;; *) {made} esac')
    programs.add("npx", "exit 1")

    told = programs.provide(may_install=True)

    assert told == f"The page is tested in {programs.folder / 'chromium'}"
    assert [one.split()[1] for one in programs.ran] == ["update", "install", "install"]


def test_a_persons_system_stays_as_it_is(programs: Programs) -> None:
    programs.add("apt-get")
    programs.add("npx", BRINGS)

    told = programs.provide()

    assert told.startswith(f"The page is tested in {programs.place}/chrome-headless-shell/")
    assert {one.split()[0] for one in programs.ran} == {"npx"}
    assert programs.has_browser
    assert programs.provide() == ""


def test_where_none_can_be_had_one_line_says_so_and_what_to_do(programs: Programs) -> None:
    told = programs.provide(may_install=True)
    assert told == f"No browser, its tests are skipped: {LACK}"

    programs.add("apt-get", "echo 'E: Error: no network' >&2; exit 100")
    programs.add("npx", "echo 'Error: getaddrinfo ENOTFOUND' >&2; exit 1")
    told = programs.provide(may_install=True)

    assert "\n" not in told
    assert "'apt-get update' failed: E: Error: no network" in told
    assert told.endswith("failed: Error: getaddrinfo ENOTFOUND")
    assert not programs.has_browser


def test_what_hangs_is_ended_with_all_that_it_has_started(
    programs: Programs, tmp_path: Path
) -> None:
    note = tmp_path / "child"
    programs.add("npx", f'sleep 600 & echo $! > "{note}"; wait')

    told = programs.provide(limit=2.0)

    assert told.endswith("'npx --yes' took too long")
    child = note.read_text().strip() if note.exists() else ""  # a slow disk may have kept it
    if sys.platform == "linux" and child:
        assert _ends(int(child))


def test_a_browser_that_does_not_start_is_not_kept(programs: Programs) -> None:
    for broken in ("/no/such/shell\\n", "/bin/sh\\nexit 1\\n"):
        programs.add("npx", BRINGS.replace("/bin/sh\\n", broken))

        assert programs.provide().endswith("chrome-headless-shell does not start")
        assert not programs.has_browser

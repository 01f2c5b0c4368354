"""README's three steps, done as they stand there, from a fresh clone to an edit that arrives."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from simulators.rig import REPOSITORY
from tests.conftest import MakeRig
from tests.release.conftest import BASE_PYTHON
from tools.release.__main__ import WHEELS

STEP = re.compile(r"^\d\. (?:.+\n|\n(?= ))+", re.MULTILINE)
COMMANDS = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def steps(page: Path) -> list[str]:
    return STEP.findall(section(page))


def section(page: Path) -> str:
    return page.read_text(encoding="utf-8").split("## Install\n")[1].split("\n## ")[0]


def commands(page: Path) -> list[str]:
    return [line.strip() for step in steps(page) for line in COMMANDS.findall(step)]


def test_there_are_three_steps_and_the_last_one_is_stashs() -> None:
    found = steps(REPOSITORY / "README.md")

    assert len(found) == 3
    assert [bool(COMMANDS.search(step)) for step in found] == [True, True, False]
    assert "Reload plugins" in found[2]
    assert "**Sign in with Plex**" in section(REPOSITORY / "README.md")


def test_the_quick_start_says_the_same() -> None:
    assert commands(REPOSITORY / "docs" / "quick-start.md") == commands(REPOSITORY / "README.md")


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
def test_who_follows_readme_in_a_fresh_clone_has_a_plugin_that_works(
    tmp_path: Path, make_rig: MakeRig, bare_python: Path
) -> None:
    """The package index is a folder here, so that the test needs no network."""
    clone, plugins = tmp_path / "clone", tmp_path / "plugins"
    plugins.mkdir()
    subprocess.run(["git", "clone", "--quiet", REPOSITORY, clone], check=True)
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith(("MAKE", "MFL"))},
        "PATH": f"{Path(BASE_PYTHON).parent}:{os.environ['PATH']}",
        "PIP_FIND_LINKS": str(WHEELS),
        "PIP_NO_INDEX": "1",
        "PLUGINS": str(plugins),
        "PYTHON": BASE_PYTHON,
    }

    for command in commands(REPOSITORY / "README.md"):
        shell = ["/bin/sh", "-euc", command]
        done = subprocess.run(
            shell, cwd=clone, env=environment, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    assert [str(one.relative_to(plugins)) for one in plugins.rglob("*.yml")] == [
        "Stash2Plex/Stash2Plex.yml"
    ]
    rig = make_rig(plugin=plugins / "Stash2Plex", interpreter=bare_python)
    scene_id, item = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(scene_id, title="Installed")
    assert rig.wait_until(lambda: item.title == "Installed"), rig.worker_log()

"""The workflows call targets and modules that exist, and pin each action by its hash."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulators.rig import REPOSITORY
from tools.__main__ import COMMANDS
from tools.release.publish import notes, pages
from tools.release.wheels import ReleaseError

WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yaml"))
SOURCE = "https://somebody.github.io/Stash2Plex/index.yml"
ADDRESS = "https://github.com/somebody/Stash2Plex"


def steps(workflow: Path) -> Iterator[dict[str, Any]]:
    for job in yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values():
        yield from job["steps"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: str(path.name))
def test_each_action_is_pinned_by_its_hash(workflow: Path) -> None:
    actions = [step["uses"] for step in steps(workflow) if "uses" in step]

    assert actions
    assert [one for one in actions if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", one)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: str(path.name))
def test_each_command_is_a_target_or_a_module_that_exists(workflow: Path) -> None:
    lines = [
        shlex.split(line) for step in steps(workflow) for line in step.get("run", "").split("\n")
    ]

    for command in (line for line in lines if line and line[0] == "make"):
        done = subprocess.run(
            ["make", "--dry-run", "--always-make", command[1]],
            cwd=REPOSITORY, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    for command in (line for line in lines if line[:2] in (["python", "-m"], ["python3", "-m"])):
        line = [sys.executable, "-m", command[2], "--help"]
        known = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True, check=True)
        assert [word for word in command if word[:2] == "--" and word not in known.stdout] == []
        assert command[2] != "tools" or command[3] in COMMANDS


def test_the_notes_are_the_section_of_the_changelog_and_the_source(tmp_path: Path) -> None:
    manifest = f"name: S\nurl: {ADDRESS}\ndescription: D\nversion: 1.2.0\n"
    (tmp_path / "Stash2Plex.yml").write_text(manifest)
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(
        "# C\n\n## 1.2.0 (2026-12-31)\n\n- New: [a](docs/a.md#b)\n\n## 1.1.0\n\n- Old\n"
    )

    text = notes(tmp_path, "v1.2.0", SOURCE, ADDRESS)

    assert SOURCE in text
    assert f"- New: [a]({ADDRESS}/blob/v1.2.0/docs/a.md#b)" in text
    assert "- Old" not in text
    for tag, address in (("v1.3.0", ADDRESS), ("v1.2.0", "https://github.com/fork/Stash2Plex")):
        with pytest.raises(ReleaseError):
            notes(tmp_path, tag, SOURCE, address)
    changelog.write_text("# C\n\n## 1.2.0 (not yet released)\n\n- New\n")
    with pytest.raises(ReleaseError):
        notes(tmp_path, "v1.2.0", SOURCE, ADDRESS)


def test_the_pages_have_the_newest_version_and_a_folder_per_version(tmp_path: Path) -> None:
    for tag in ("v1.0.0", "v1.1.0"):
        folder = tmp_path / "releases" / tag
        folder.mkdir(parents=True)
        (folder / "index.yml").write_text(tag)

    releases, readme = tmp_path / "releases", REPOSITORY / "README.md"
    pages(releases, "v1.1.0", tmp_path / "pages", readme, SOURCE, ADDRESS)

    found = {
        name: (tmp_path / "pages" / name / "index.yml").read_text()
        for name in (".", "v1.0.0", "v1.1.0")
    }
    assert found == {".": "v1.1.0", "v1.0.0": "v1.0.0", "v1.1.0": "v1.1.0"}
    text = (tmp_path / "pages" / "index.html").read_text(encoding="utf-8")
    assert SOURCE in text
    assert "OWNER" not in text
    assert f"({ADDRESS}/blob/v1.1.0/docs/install.md)" in text

"""Nothing unknown gets in: pinned, hashed, audited, and never fetched at run time."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.dependencies import DEPENDENCIES, Dependency, is_accepted
from simulators.rig import REPOSITORY
from tests.test_architecture import imports, sources
from tools.release.__main__ import WHEELS
from tools.release.audit import CURRENT, NEWER, NO_ANSWER, WITHDRAWN, verdict
from tools.release.pins import read_pins

PINS = read_pins(REPOSITORY / "requirements.txt")
# What could bring code in: installers, and what reads a URL without being asked to speak to Plex
# or Stash.
FETCHERS = {"pip", "ensurepip", "venv", "setuptools", "pkg_resources", "zipimport", "ftplib"}


def test_the_versions_that_are_checked_at_run_time_are_those_of_the_project() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    block = text.split("dependencies = [")[1].split("]")[0]

    wanted = set(re.findall(r'"([\w-]+)([=>]=[\d.]+)"', block))

    assert {(one.package, one.needed) for one in DEPENDENCIES} == wanted


@pytest.mark.parametrize("one", DEPENDENCIES, ids=lambda one: str(one.package))
def test_what_is_pinned_is_a_version_that_is_accepted(one: Dependency) -> None:
    (pinned,) = [pin.version for pin in PINS if pin.name == one.package]

    assert is_accepted(pinned, one.needed)


@pytest.mark.parametrize(
    ("found", "needed", "accepted"),
    [
        ("2.32", ">=2.32", True),
        ("2.32.0", ">=2.32", True),
        ("2.100.1", ">=2.32", True),
        ("3", ">=2.32", True),
        ("2.31.9", ">=2.32", False),
        ("1.1", "==1.1.0", True),
        ("1.1.0.post1", "==1.1.0", True),
        ("1.1.1", "==1.1.0", False),
        ("1.10", "==1.1.0", False),
        ("", ">=0.1", False),
    ],
)
def test_versions_are_compared_by_their_numbers(found: str, needed: str, accepted: bool) -> None:
    assert is_accepted(found, needed) is accepted


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_code_of_the_plugin_fetches_code(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = {name for name, _ in imports(path)}
    wholly = {
        node.module if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    arguments = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert modules & FETCHERS == set()
    assert wholly & {"urllib.request", "importlib.util", "runpy"} == set()
    assert called & {"exec", "eval", "compile", "__import__"} == set()
    # The command is told to people; as an argument of its own it would be run.
    assert arguments & {"pip", "pip3", "ensurepip", "git", "curl", "wget"} == set()
    if "subprocess" in modules:
        assert path == REPOSITORY / "worker" / "launcher.py"


# -- the audit, against a package index of our own -------------------------------------------------


class Index:
    """A package index on loopback.

    Args:
        root: an empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "simple").mkdir(parents=True)
        handler = partial(_Quiet, directory=str(root))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/simple"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def offer(self, wheel: str, content: bytes, yanked: str | None = None) -> None:
        """Offer a wheel of the project of its name's first part."""
        (self.root / wheel).write_bytes(content)
        project = wheel.split("-", maxsplit=1)[0].replace("_", "-")
        page = self.root / "simple" / project / "index.html"
        page.parent.mkdir(exist_ok=True)
        text = page.read_text() if page.exists() else "<!DOCTYPE html>\n"
        mark = "" if yanked is None else f' data-yanked="{yanked}"'
        digest = hashlib.sha256(content).hexdigest()
        page.write_text(f'{text}<a href="/{wheel}#sha256={digest}"{mark}>{wheel}</a><br>\n')


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    made = Index(tmp_path / "index")
    yield made
    made.close()


def small_wheel(path: Path, version: str) -> bytes:
    info = f"idna-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: idna\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path.read_bytes()


def run_audit(url: str, requirements: Path) -> subprocess.CompletedProcess[str]:
    text = next(one for one in PINS if one.name == "idna")
    requirements.write_text(f"idna=={text.version} --hash=sha256:{text.sha256}\n")
    environment = {
        **os.environ, "PIP_INDEX_URL": url, "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "tools.release.audit", "--requirements", str(requirements)],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.fixture
def pinned() -> tuple[str, bytes]:
    wheel = next(WHEELS.glob("idna-*.whl"))
    return wheel.name, wheel.read_bytes()


def test_the_audit_is_content_with_the_newest(
    index: Index, pinned: tuple[str, bytes], tmp_path: Path
) -> None:
    index.offer(*pinned)

    done = run_audit(index.url, tmp_path / "requirements.txt")

    assert (done.returncode, done.stderr) == (CURRENT, "")
    assert done.stdout.endswith(": the newest\n")


def test_the_audit_names_a_newer_version_but_none_that_was_withdrawn(
    index: Index, pinned: tuple[str, bytes], tmp_path: Path
) -> None:
    index.offer(*pinned)
    index.offer("idna-99.2-py3-none-any.whl", small_wheel(tmp_path / "a", "99.2"), "broken")
    index.offer("idna-99.1-py3-none-any.whl", small_wheel(tmp_path / "b", "99.1"))

    done = run_audit(index.url, tmp_path / "requirements.txt")

    assert done.returncode == NEWER, done.stdout
    assert done.stdout.endswith(": 99.1 is out\n")


def test_the_audit_finds_a_version_that_was_withdrawn(
    index: Index, pinned: tuple[str, bytes], tmp_path: Path
) -> None:
    index.offer(*pinned, "it eats files")

    done = run_audit(index.url, tmp_path / "requirements.txt")

    assert done.returncode == WITHDRAWN, done.stdout
    assert done.stdout.endswith(": was withdrawn: it eats files\n")


def test_the_audit_finds_a_file_that_is_another_one_than_was_pinned(
    index: Index, pinned: tuple[str, bytes], tmp_path: Path
) -> None:
    version = pinned[0].split("-")[1]
    index.offer(pinned[0], small_wheel(tmp_path / "a", version))

    done = run_audit(index.url, tmp_path / "requirements.txt")

    assert done.returncode == WITHDRAWN, done.stdout
    assert "the file that the index has is not the one that was pinned" in done.stdout


def test_the_audit_finds_a_version_that_is_gone(index: Index, tmp_path: Path) -> None:
    index.offer("idna-1.0-py3-none-any.whl", small_wheel(tmp_path / "a", "1.0"))

    done = run_audit(index.url, tmp_path / "requirements.txt")

    assert done.returncode == WITHDRAWN, done.stdout
    assert done.stdout.endswith(": the index has other versions only\n")


def test_the_audit_does_not_take_silence_for_an_answer(tmp_path: Path) -> None:
    done = run_audit("http://127.0.0.1:9/simple", tmp_path / "requirements.txt")

    assert done.returncode == NO_ANSWER, done.stdout
    assert "gave no answer" in done.stdout


def test_the_worst_that_is_known_is_the_verdict() -> None:
    assert verdict([]) == CURRENT
    assert verdict([CURRENT, NEWER]) == NEWER
    assert verdict([NEWER, NO_ANSWER, CURRENT]) == NO_ANSWER
    assert verdict([NO_ANSWER, WITHDRAWN, NEWER]) == WITHDRAWN

"""The release at work, under a Python that has nothing, or worse."""

import json
import os
import shlex
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from simulators.rig import REPOSITORY, Rig
from tests.conftest import MakeRig
from tests.e2e.test_hook import hold_worker_lock
from tests.release.conftest import BASE_PYTHON
from tests.release.plugin_source import MANIFEST, remove_files
from tools.release.__main__ import WHEELS

DISTRIBUTIONS = {
    "requests", "plexapi", "stashapi", "persistqueue", "urllib3", "certifi", "idna",
    "charset_normalizer",
}  # fmt: skip
BROKEN = "raise RuntimeError('a site package was asked')\n"


def site_packages(python: Path) -> Path:
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    answer = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True)
    return Path(answer.stdout.strip())


def link_packages(python: Path) -> Path:
    target = site_packages(python)
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        name = entry.name.split("-")[0].split(".")[0].lower()
        metadata = {"plexapi", "stashapp_tools", "persist_queue"} | DISTRIBUTIONS
        if entry.is_dir() and name in metadata:
            (target / entry.name).symlink_to(entry)
    return target


def spoil_packages(place: Path) -> None:
    for name in DISTRIBUTIONS:
        (place / name).mkdir(parents=True)
        (place / name / "__init__.py").write_text(BROKEN)


def add_python_dep_manager(plugins: Path) -> None:
    """Install that plugin beside ours, and what it has fetched for others.

    Whoever imports it runs git and pip; nobody here has either.
    """
    folder = plugins / "PythonDepManager"
    folder.mkdir()
    (folder / "PythonDepManager.yml").write_text("name: PythonDepManager\nversion: 1.1.0\n")
    for name in ("__init__.py", "deps.py"):
        (folder / name).write_text(BROKEN)
    for name in DISTRIBUTIONS:
        spoil_packages(plugins / "py_dependencies" / f"{name}_latest")


def sync_one(rig: Rig, title: str) -> None:
    scene_id, item = rig.add_pair(title, tags=["T"])
    (run,) = rig.stash.edit_scene(scene_id, title=title, performers=["René Dubois"])
    assert run.result.output == "queued"
    assert rig.wait_until(lambda: item.title == title), rig.worker_log()
    answer = rig.task("health_check")
    assert (answer.error, answer.messages("error")) == (None, [])


def test_the_zip_needs_only_python(make_rig: MakeRig, plugin: Path, bare_python: Path) -> None:
    rig = make_rig(plugin=plugin, interpreter=bare_python)

    sync_one(rig, "Bare")

    assert rig.settled(), rig.verdict().differences
    assert list(site_packages(bare_python).iterdir()) == []
    written = rig.manifest.directory / "vendor" / "plexapi" / "__pycache__"
    assert list(written.glob("utils.*.pyc")) != []
    (worker,) = rig.worker_pids()
    command = Path(f"/proc/{worker}/cmdline").read_bytes().split(b"\0")
    assert (b"-S" in command) == ("-S" in rig.manifest.exec), "it is started as the hook was"


def test_other_packages_have_no_effect(make_rig: MakeRig, plugin: Path, bare_python: Path) -> None:
    """Neither site packages, nor a neighbour in the plugins folder, nor PythonDepManager's."""
    rig = make_rig(plugin=plugin, interpreter=bare_python)
    plugins = rig.manifest.directory.parent
    add_python_dep_manager(plugins)
    for place in (site_packages(bare_python), plugins):
        spoil_packages(place)

    sync_one(rig, "Beside")

    assert "site package" not in rig.worker_log()


def test_it_works_without_byte_code(make_rig: MakeRig, plugin: Path, bare_python: Path) -> None:
    """A file where Python wants a folder is an obstacle for root, too."""
    rig = make_rig(plugin=plugin, interpreter=bare_python)
    folder = rig.manifest.directory
    rig.data.write_text("")
    for path in [folder, *(one for one in folder.rglob("*") if one.is_dir())]:
        (path / "__pycache__").write_text("")

    scene_id, item = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(scene_id, title="Read-only")

    assert rig.wait_until(lambda: item.title == "Read-only")
    assert list(folder.rglob("*.pyc")) == []
    assert rig.task("queue_status").error is None
    rig.data.unlink()


def test_a_hook_reads_no_vendored_file(make_rig: MakeRig, plugin: Path, bare_python: Path) -> None:
    rig = make_rig(plugin=plugin, interpreter=bare_python)
    scene_id, _ = rig.add_pair("a")
    lock = hold_worker_lock(rig)
    hook = rig.stash.edit_scene(scene_id, title="T")[0].result.stdin
    task = json.dumps({**json.loads(hook), "args": {"mode": "queue_status"}}).encode()

    by_hook, by_task = seen(rig, bare_python, hook), seen(rig, bare_python, task)

    assert "hooks.handlers" in by_hook
    assert "/queue/spool" in by_hook
    assert "sqlite3" not in by_hook
    assert "/vendor" not in by_hook
    assert "sqlite3" in by_task
    assert "/vendor/plexapi" in by_task
    lock.release()


def seen(rig: Rig, python: Path, stdin: bytes) -> str:
    """Run the entry; return every path and module that it opened, listed or imported."""
    script = str(rig.manifest.directory / "Stash2Plex.py")
    spy = (
        "import sys, os\n"
        "write = os.write\n"
        "def note(event, values):\n"
        "    if event in ('open', 'import', 'os.listdir', 'os.scandir', 'exec'):\n"
        "        write(2, (repr(values) + '\\n').encode())\n"
        f"sys.argv = [{script!r}]; sys.path.insert(0, {os.path.dirname(script)!r})\n"
        f"source = open({script!r}).read()\n"
        "sys.addaudithook(note)\n"
        f"exec(compile(source, {script!r}, 'exec'), "
        f"{{'__name__': '__main__', '__file__': {script!r}}})\n"
    )
    done = subprocess.run(
        [python, "-S", "-c", spy], input=stdin, capture_output=True, check=True, timeout=60
    )
    return done.stderr.decode()


@pytest.mark.parametrize("action", ["update", "uninstall"])
def test_a_change_by_stash_loses_no_job(
    make_rig: MakeRig, plugin: Path, bare_python: Path, action: str
) -> None:
    """Stash removes its own files. An uninstall leaves the files that docs/install.md names."""
    rig = make_rig(plugin=plugin, interpreter=bare_python)
    rig.plex.stop()
    scene_id, item = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(scene_id, title="Kept")
    assert rig.happened("plex_failed"), "it has all it imports"
    folder = rig.manifest.directory
    shutil.copy(plugin / MANIFEST, folder)
    remove_files(folder)

    assert rig.happened("worker_ended", outcome="updated")
    if action == "uninstall":
        assert rig.wait_until(lambda: rig.worker_pids() == [])
        left = {path.parent.name for path in folder.rglob("*") if path.is_file()}
        assert left <= {"__pycache__", "data", "queue", "spool"}
    shutil.copytree(plugin, folder, dirs_exist_ok=True)
    rig.plex.start()
    if action == "uninstall":
        sync_one(rig, "After")

    assert rig.wait_until(lambda: item.title == "Kept"), rig.worker_log()


# -- something is missing or broken ----------------------------------------------------------------

Breakage = Callable[[Path], None]


def remove(name: str) -> Breakage:
    def act(site: Path) -> None:
        (site / name).unlink() if (site / name).is_symlink() else shutil.rmtree(site / name)

    return act


def _own_copy(site: Path, name: str) -> Path:
    copy = site / name
    if copy.is_symlink():
        source = copy.resolve()
        copy.unlink()
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def lose_file(name: str, file: str) -> Breakage:
    return lambda site: (_own_copy(site, name) / file).unlink()


def spoil_file(name: str, file: str, text: str) -> Breakage:
    def act(site: Path) -> None:
        (_own_copy(site, name) / file).write_text(text)

    return act


def change_version(stem: str, version: str) -> Breakage:
    def act(site: Path) -> None:
        (info,) = site.glob(f"{stem}-*.dist-info")
        path = _own_copy(site, info.name) / "METADATA"
        lines = path.read_text(encoding="utf-8").splitlines()
        changed = [f"Version: {version}" if one.startswith("Version: ") else one for one in lines]
        path.write_text("\n".join(changed), encoding="utf-8")

    return act


BREAKAGES: dict[str, tuple[Breakage, str]] = {
    "missing": (remove("persistqueue"), "persist-queue is missing"),
    "a part of a part is missing": (remove("idna"), ": idna is missing. Install"),
    "half installed": (
        lose_file("plexapi", "utils.py"),
        "plexapi is incomplete (plexapi.utils is missing)",
    ),
    "ImportError inside": (
        spoil_file("stashapi", "classes.py", "from requests import nothing_of_that_name"),
        "stashapp-tools is broken (ImportError: cannot import name 'nothing_of_that_name'",
    ),
    "half written": (
        spoil_file("requests", "api.py", "def half_a_f"),
        ": requests is broken (SyntaxError: expected '(' (api.py, line 1)). Install",
    ),
    "wrong version": (
        change_version("persist_queue", "1.0.0"),
        "persist-queue is 1.0.0, ==1.1.0 is needed",
    ),
    "too old": (change_version("plexapi", "4.17.9"), "plexapi is 4.17.9, >=4.18 is needed"),
}


@pytest.mark.parametrize(("breakage", "complaint"), BREAKAGES.values(), ids=BREAKAGES.keys())
def test_a_broken_package_costs_no_edit_and_task_and_worker_say_what_to_do(
    make_rig: MakeRig, bare_python: Path, breakage: Breakage, complaint: str
) -> None:
    """In a clone, whose dependencies are the interpreter's."""
    rig = make_rig(plugin=REPOSITORY, interpreter=bare_python)
    shutil.rmtree(rig.manifest.directory / "vendor", ignore_errors=True)
    breakage(link_packages(bare_python))
    scene_id, _ = rig.add_pair("a", tags=["T"])

    run = rig.stash.edit_scene(scene_id, title="T")[0].result
    answer = rig.task("queue_status")

    assert run.output == "queued"
    assert rig.wait_until(lambda: rig.queued() == 1)
    assert answer.error is not None
    assert complaint in answer.error
    assert f"under this Python ({bare_python})" in answer.error
    assert f'run: "{bare_python}" -m pip install ' in answer.error
    assert rig.happened("worker_unusable")
    message = rig.events("worker_unusable")[0]["message"]
    assert message.startswith(
        f"Worker cannot start. Queued jobs are kept. The cause: {answer.error}"
    )


def test_a_clone_uses_the_interpreters_packages(make_rig: MakeRig, bare_python: Path) -> None:
    rig = make_rig(plugin=REPOSITORY, interpreter=bare_python)
    shutil.rmtree(rig.manifest.directory / "vendor", ignore_errors=True)
    add_python_dep_manager(rig.manifest.directory.parent)
    link_packages(bare_python)

    sync_one(rig, "Clone")


@pytest.mark.parametrize(
    "breakage",
    [remove("requests"), lose_file("plexapi", "utils.py"), change_version("persist_queue", "1")],
    ids=["missing", "half unpacked", "of another version"],
)
def test_the_command_that_is_given_repairs_the_plugin_and_the_edit_arrives(
    make_rig: MakeRig, plugin: Path, bare_python: Path, breakage: Breakage
) -> None:
    where = [BASE_PYTHON, "-c", "import pip; print(pip.__path__[0])"]
    pip = subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip()
    (site_packages(bare_python) / "pip").symlink_to(pip)
    rig = make_rig(plugin=plugin, interpreter=bare_python)
    breakage(rig.manifest.directory / "vendor")
    scene_id, item = rig.add_pair("a", tags=["T"])
    rig.stash.edit_scene(scene_id, title="Repaired")
    answer = rig.task("queue_status")
    assert answer.error is not None

    command = shlex.split(answer.error.split("run: ")[1])
    offline = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(WHEELS)}
    subprocess.run(command, env=offline, check=True, capture_output=True, timeout=120)

    assert rig.task("process_queue").error is None
    assert item.title == "Repaired"
    assert [path.name for path in rig.manifest.directory.rglob("*.yml")] == ["Stash2Plex.yml"]


@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
def test_the_zip_runs_on_newer_pythons_also_on_several_in_turn(
    make_rig: MakeRig, plugin: Path, bare_python: Path, version: str
) -> None:
    """An update of Python leaves the byte-code of the old one beside the new one's."""
    found = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python3"))
    if not found:
        pytest.skip(f"no Python {version} on this machine")
    rig = make_rig(plugin=plugin, interpreter=bare_python)
    sync_one(rig, "Old")
    rig.stop_worker()
    rig.stash.runner.python = str(found[-1])

    sync_one(rig, "New")

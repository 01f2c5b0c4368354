"""The zip: the same bytes from the same commit, everything that is needed, nothing else."""

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from email.parser import BytesParser
from pathlib import Path, PurePosixPath

import pytest

from simulators.rig import REPOSITORY
from tests.release.plugin_source import install, read_index
from tools.release.__main__ import WHEELS
from tools.release.build import Release, build, commit_moment, require_committed
from tools.release.contents import NOT_SHIPPED, SHIPPED, VENDOR, VENDORED_LIST, check
from tools.release.wheels import Pin, ReleaseError, read_pins, select, vendored

PINS = read_pins(REPOSITORY / "requirements.txt")
MOST_BYTES = 3_000_000
KINDS = {".py", ".pem", ".md", ".txt", ".yml", ".typed", ".js", ".css", ""}
MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_two_builds_are_byte_for_byte_the_same(tmp_path: Path) -> None:
    """In two processes that differ in time zone, hash seed and umask."""
    for name, zone, umask in (("a", "Asia/Tokyo", "022"), ("b", "America/Lima", "077")):
        environment = {**os.environ, "TZ": zone, "PYTHONHASHSEED": umask}
        command = f"umask {umask}; exec {sys.executable} -m tools.release --uncommitted --into "
        subprocess.run(
            ["/bin/sh", "-c", command + str(tmp_path / name)],
            cwd=REPOSITORY, env=environment, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    for file in ("Stash2Plex.zip", "index.yml"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def entries(release: Release) -> Iterator[zipfile.ZipInfo]:
    with zipfile.ZipFile(io.BytesIO(release.archive)) as archive:
        yield from archive.infolist()


def test_all_entries_have_one_mode_and_time_and_the_script_is_last(release: Release) -> None:
    found = list(entries(release))
    names = [entry.filename for entry in found]

    assert {entry.external_attr >> 16 for entry in found} == {0o100644}
    assert len({entry.date_time for entry in found}) == 1
    assert names[-2:] == ["Stash2Plex.py", "Stash2Plex.yml"]
    assert names[:-2] == sorted(names[:-2])
    assert sorted(names) == sorted(release.files)


def test_it_has_exactly_the_files_of_plugin_and_dependencies(release: Release) -> None:
    tracked = {
        str(path.relative_to(REPOSITORY))
        for name in SHIPPED
        for path in (REPOSITORY / name, *(REPOSITORY / name).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    carried = {
        f"{VENDOR}/{path}" for one in vendored(WHEELS, PINS) for path in one.files
    } | {VENDORED_LIST}  # fmt: skip

    assert set(release.files) == tracked | carried


def test_it_has_no_tests_no_caches_nothing_compiled_and_a_single_yml(release: Release) -> None:
    paths = [PurePosixPath(name) for name in release.files]

    assert [str(path) for path in paths if path.suffix in (".yml", ".yaml")] == ["Stash2Plex.yml"]
    unwanted = {"tests", "simulators", "__pycache__", "benchmarks"}
    assert [path for path in paths if unwanted & set(path.parts)] == []
    assert {path.suffix for path in paths} <= KINDS
    assert {path.name for path in paths if path.parent.name.endswith(".dist-info")} == {"METADATA"}
    assert b"\x7fELF" not in {content[:4] for content in release.files.values()}


@pytest.mark.parametrize("pin", PINS, ids=lambda pin: str(pin.name))
def test_each_dependency_has_its_licence_and_requirements(pin: Pin, release: Release) -> None:
    info = f"vendor/{pin.stem}.dist-info"
    metadata = BytesParser().parsebytes(release.files[f"{info}/METADATA"])
    listed = release.files[VENDORED_LIST].decode()

    assert [name for name in release.files if name.startswith(f"{info}/licenses/")] != []
    assert f"| {pin.name} | {pin.version} | " in listed
    assert pin.sha256 in listed
    assert "| ? |" not in listed
    needed = [
        line.split("<")[0].split(">")[0].split("!")[0].strip()
        for line in metadata.get_all("Requires-Dist") or []
        if "extra ==" not in line
    ]
    assert {name.replace("_", "-") for name in needed} <= {one.name for one in PINS}


def test_whoever_adds_a_folder_decides_whether_users_get_it() -> None:
    listed = subprocess.run(
        ["git", "-C", str(REPOSITORY), "ls-files"], capture_output=True, text=True, check=True
    )

    assert {name.split("/")[0] for name in listed.stdout.splitlines()} <= SHIPPED | NOT_SHIPPED


# -- what is refused -------------------------------------------------------------------------------

LICENCE = {"a-1.dist-info/licenses/LICENSE": b"free", "a-1.dist-info/METADATA": b"Version: 1\n"}
PIN = Pin("a", "1", "")


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"a/speed.cpython-311-x86_64-linux-gnu.so": b""}, "nothing that the plugin may carry"),
        ({"a/speed.pyd": b""}, "nothing that the plugin may carry"),
        ({"a/data.yml": b""}, "nothing that the plugin may carry"),
        ({"a.pth": b""}, "nothing that the plugin may carry"),
        ({"../a.py": b""}, "would not lie in the vendored folder"),
        ({"a-1.data/scripts/a": b""}, "would not lie in the vendored folder"),
        ({"a-1.dist-info/METADATA": b"Version: 2\n"}, "its wheel is of version 2"),
    ],
)
def test_a_wheel_of_one_platform_is_refused(files: dict[str, bytes], why: str) -> None:
    select(PIN, LICENCE)

    with pytest.raises(ReleaseError, match=why):
        select(PIN, LICENCE | files)


def test_a_wheel_that_is_not_the_pinned_one_or_is_not_there_is_refused(tmp_path: Path) -> None:
    pin = next(one for one in PINS if one.name == "idna")
    wheel = next(WHEELS.glob("idna-*.whl"))
    with pytest.raises(ReleaseError, match="no idna"):
        vendored(tmp_path, [pin])
    (tmp_path / wheel.name).write_bytes(wheel.read_bytes() + b" ")

    with pytest.raises(ReleaseError, match=r"idna.* is not the file whose hash"):
        vendored(tmp_path, [pin])


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("vendor/a/b.yml", "Stash would load all of these"),
        ("APP/x.py", "differ only by case"),
        ("vendor/a/b:c.py", "not every file system has"),
        ("vendor/plex/__init__.py", "would hide plex"),
        ("vendor/json.py", "would hide json"),
    ],
)
def test_contents_that_would_harm_users_are_refused(name: str, why: str) -> None:
    sound = {"Stash2Plex.py": b"", "Stash2Plex.yml": b"", "app/x.py": b""}
    check(sound)

    with pytest.raises(ReleaseError, match=why):
        check({**sound, name: b""})


@pytest.mark.parametrize(
    "line",
    ["requests==2.34.2", "requests>=2 --hash=sha256:" + "0" * 64, "requests --hash=sha256:00"],
)
def test_a_dependency_without_version_or_hash_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(f"# why\n{line}\n")

    with pytest.raises(ReleaseError, match=r"not of the form"):
        read_pins(tmp_path / "requirements.txt")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "app").mkdir(parents=True)
    for name in ("Stash2Plex.yml", "Stash2Plex.py", "requirements.txt", "pyproject.toml"):
        (folder / name).write_bytes((REPOSITORY / name).read_bytes())
    (folder / "app" / "x.py").write_text("")
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "One"]):
        identity = ["-c", "user.name=N", "-c", "user.email=e@example.org"]
        subprocess.run(["git", "-C", str(folder), *identity, *command], check=True)
    return folder


def test_what_is_not_committed_is_not_released(repository: Path) -> None:
    require_committed(repository)
    (repository / "app" / "x.py").write_text("changed = True")

    with pytest.raises(ReleaseError, match=r"commit this first.*\n M app/x.py"):
        require_committed(repository)


@pytest.mark.parametrize(
    ("sound", "other"),
    [
        ("version: 1", "#version: 1"),
        ("version: 1", "version: 1\nversion: 1"),
        ("name: Stash2Plex\n", 'name: "Stash2Plex"\n'),
        ("description: ", "description: |\n  "),
    ],
)
def test_an_ambiguous_manifest_is_refused(repository: Path, sound: str, other: str) -> None:
    text = (repository / "Stash2Plex.yml").read_text()
    assert sound in text
    (repository / "Stash2Plex.yml").write_text(text.replace(sound, other, 1))

    with pytest.raises(ReleaseError, match=r"Stash2Plex.yml must have one line"):
        build(repository, WHEELS, MOMENT)


# -- the plugin source -----------------------------------------------------------------------------


def test_stash_accepts_index_and_zip(release: Release, offered: Path, tmp_path: Path) -> None:
    (package,) = read_index(offered)

    folder = install(package, tmp_path)

    assert package.id == "Stash2Plex"
    assert package.version == release.version
    assert package.date == commit_moment(REPOSITORY).replace(tzinfo=None)
    assert package.description in (folder / "Stash2Plex.yml").read_text()
    assert [str(path.relative_to(folder)) for path in folder.rglob("*.yml")] == ["Stash2Plex.yml"]

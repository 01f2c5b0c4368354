import os
import stat
from pathlib import Path

import pytest

from shared.data_folder import DataFolder, data_folder_of

POSIX_ONLY = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")


@pytest.fixture
def plugin_dir(tmp_path: Path) -> Path:
    path = tmp_path / "plugin"
    path.mkdir()
    return path


@pytest.fixture
def stash_dir(tmp_path: Path) -> Path:
    path = tmp_path / "stash"
    path.mkdir()
    return path


@pytest.fixture
def unwritable(tmp_path: Path) -> str:
    """A place in which nobody, not even root, can make a folder: it lies below a regular file."""
    blocker = tmp_path / "regular-file"
    blocker.write_text("no folder")
    return str(blocker / "plugin")


def folder_of(plugin_dir: str, stash_dir: str, environ: dict[str, str]) -> DataFolder:
    return data_folder_of(os.path.join(plugin_dir, "Stash2Plex.py"), {"Dir": stash_dir}, environ)


def test_the_data_lies_beside_the_script(plugin_dir: Path, stash_dir: Path) -> None:
    folder = folder_of(str(plugin_dir), str(stash_dir), {})
    assert folder.root == str(plugin_dir / "data")
    assert os.path.isdir(folder.queue_folder)
    assert list(stash_dir.iterdir()) == []


def test_the_environment_names_another_place(plugin_dir: Path, tmp_path: Path) -> None:
    wanted = tmp_path / "else" / "where"
    environ = {"STASH_PLUGIN_DATA": str(wanted)}
    folder = folder_of(str(plugin_dir), "", environ)
    assert folder.root == str(wanted)
    assert os.path.isdir(folder.queue_folder)
    assert list(plugin_dir.iterdir()) == []


def test_a_place_of_the_environment_that_cannot_be_made_is_not_replaced_by_another(
    plugin_dir: Path, stash_dir: Path, unwritable: str
) -> None:
    with pytest.raises(OSError, match="regular-file"):
        folder_of(str(plugin_dir), str(stash_dir), {"STASH_PLUGIN_DATA": unwritable})


def test_data_lies_beside_stashs_configuration_if_needed(unwritable: str, stash_dir: Path) -> None:
    folder = folder_of(unwritable, str(stash_dir), {})
    assert folder.root == str(stash_dir / "Stash2Plex-data")
    assert os.path.isdir(folder.queue_folder)


def test_without_any_place_it_is_an_os_error(unwritable: str) -> None:
    for stash_dir in ("", unwritable):
        with pytest.raises(OSError, match="regular-file"):
            folder_of(unwritable, stash_dir, {})


def test_every_file_lies_inside_the_folder_and_has_a_name_of_its_own() -> None:
    folder = DataFolder(os.path.join("some", "root"))
    paths = [path for name, path in vars(folder).items() if name != "root"]
    assert all(path.startswith(folder.root + os.sep) for path in paths)
    assert len(set(paths)) == len(paths)


@POSIX_ONLY
def test_the_queues_folder_belongs_to_the_user_alone(plugin_dir: Path) -> None:
    folder = folder_of(str(plugin_dir), "", {})
    assert stat.S_IMODE(os.stat(folder.queue_folder).st_mode) == 0o700

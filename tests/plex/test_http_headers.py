"""One lasting device, so that Plex never reports a new one."""

import uuid
from pathlib import Path

import pytest

from plex.connection import device_headers
from tests.reported import Reported, no_report

NOW = 1_750_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "device_id.json")


def test_an_installation_keeps_its_identity(path: str) -> None:
    first = device_headers(path, no_report, NOW)
    assert device_headers(path, no_report, NOW + 86_400) == first
    assert uuid.UUID(first["X-Plex-Client-Identifier"]).version == 4


def test_two_installations_are_two_devices(path: str, tmp_path: Path) -> None:
    other = str(tmp_path / "other.json")
    mine, theirs = (device_headers(one, no_report, NOW) for one in (path, other))
    assert mine["X-Plex-Client-Identifier"] != theirs["X-Plex-Client-Identifier"]


def test_a_torn_file_is_reported_and_replaced_by_a_new_identity(path: str) -> None:
    Path(path).write_text('{"device_id": "to')
    reports = Reported()
    made = device_headers(path, reports, NOW)
    assert len(reports) == 1
    assert device_headers(path, no_report, NOW) == made


def test_a_place_that_cannot_be_written_to_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        device_headers(str(tmp_path / "missing" / "device_id.json"), no_report, NOW)


def test_an_identity_that_cannot_be_read_now_is_not_given_up(path: str) -> None:
    Path(path).symlink_to(path)
    reports = Reported()
    assert device_headers(path, reports, NOW)["X-Plex-Client-Identifier"]
    assert len(reports) == 1
    assert Path(path).is_symlink()

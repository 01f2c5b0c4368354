"""Scans of the fake Plex, its disk, its trash, and what it says it is doing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from simulators.plex import FakePlex
from simulators.plex.plexapi_client import plexapi_server
from simulators.plex.raw_client import RawClient


@pytest.fixture
def plex() -> Iterator[FakePlex]:
    with FakePlex() as server:
        scenes = server.add_section("Scenes", ["/plex/scenes", "/plex/more"])
        server.add_item(scenes, "/plex/scenes/old/a.mp4")
        for path in ("/plex/scenes/new/b.mp4", "/plex/scenes/newer/c.mkv", "/plex/more/d.mp4"):
            server.disk.add(path, size=77)
        server.disk.add("/plex/scenes/new/b.nfo")
        server.disk.add("/plex/scenes2/e.mp4")
        yield server


@pytest.fixture
def section(plex: FakePlex) -> Iterator[Any]:
    with plexapi_server(plex) as server:
        yield server.library.section("scenes")


def found(plex: FakePlex) -> set[str]:
    return {item.title for item in plex.items()} - {"a"}


def test_a_scan_of_a_folder_adds_its_files(plex: FakePlex, section: Any) -> None:
    counter = plex.section("Scenes").content_changed_at
    section.update("/plex/scenes/new")
    assert found(plex) == {"b"}
    item = plex.find("/plex/scenes/new/b.mp4")
    assert item is not None
    assert item.parts[0].size == 77
    assert plex.section("Scenes").content_changed_at == counter + 1
    section.update("/plex/scenes/new/")
    assert len(plex.items()) == 2, "scanned again, nothing new"
    assert plex.section("Scenes").content_changed_at == counter + 1


def test_a_scan_of_everything_looks_at_all_locations(plex: FakePlex, section: Any) -> None:
    section.update()
    assert found(plex) == {"b", "c", "d"}


@pytest.mark.parametrize(
    "path",
    [
        "/plex/scenes/new/b.mp4",
        "/plex/scenes2",
        "/stash/scenes/new",
        "/plex",
        "/plex/scenes/ne",
        "nonsense",
    ],
)
def test_a_wrong_path_is_200_and_scans_nothing(plex: FakePlex, raw: RawClient, path: str) -> None:
    answer = raw.get("/library/sections/1/refresh", {"path": path})
    assert (answer.status_code, answer.content) == (200, b"")
    assert found(plex) == set()


def test_the_path_is_form_decoded(plex: FakePlex, raw: RawClient) -> None:
    plex.disk.add("/plex/scenes/a b+c/x.mp4")
    raw.get("/library/sections/1/refresh?path=%2Fplex%2Fscenes%2Fa+b%2Bc")
    assert found(plex) == {"x"}


def test_while_it_scans_it_says_so(plex: FakePlex, section: Any, raw: RawClient) -> None:
    plex.scanner.delay = None
    raw.ask("POST", "/library/sections/1/refresh", {"path": "/plex/scenes/new"})
    assert raw.xml("/library/sections")[0].attrib["refreshing"] == "1"
    (activity,) = section._server.activities
    assert (activity.type, activity.subtitle) == ("library.update.section", "Scenes")
    context = raw.xml("/activities").find("Activity/Context")
    assert context is not None
    assert context.attrib == {"librarySectionID": "1"}
    assert found(plex) == set()
    plex.finish_scan()
    assert found(plex) == {"b"}
    section.reload()
    assert not section.refreshing
    assert section._server.activities == []


def test_a_scan_can_end_by_itself(plex: FakePlex, section: Any) -> None:
    plex.scanner.delay = 0.01
    section.update("/plex/scenes/new")
    assert plex.wait_for(lambda server: len(server.items()) == 2)
    assert plex.section("Scenes").refreshing is False


def test_a_cancelled_scan_finds_nothing(plex: FakePlex, section: Any) -> None:
    plex.scanner.delay = None
    section.update("/plex/scenes/new")
    section.cancelUpdate()
    plex.finish_scan()
    assert found(plex) == set()
    assert plex.activities == []


def test_a_missing_file_goes_to_the_trash_and_comes_back(
    plex: FakePlex, section: Any, raw: RawClient
) -> None:
    plex.disk.remove("/plex/scenes/old/a.mp4")
    section.update("/plex/scenes/new")
    assert not plex.snapshot()["1"]["deleted"], "another folder was scanned"
    section.update("/plex/scenes/old")
    assert plex.snapshot()["1"]["deleted"]
    assert "deletedAt" in raw.xml("/library/metadata/1")[0].attrib
    plex.disk.add("/plex/scenes/old/a.mp4")
    section.update("/plex/scenes/old")
    assert not plex.snapshot()["1"]["deleted"]


def test_emptying_the_trash_removes_and_a_rescan_gives_a_new_key(
    plex: FakePlex, section: Any, raw: RawClient
) -> None:
    plex.disk.remove("/plex/scenes/old/a.mp4")
    section.update("/plex/scenes/old")
    section.emptyTrash()
    assert raw.get("/library/metadata/1").status_code == 404
    plex.disk.add("/plex/scenes/old/a.mp4")
    section.update("/plex/scenes/old")
    item = plex.find("/plex/scenes/old/a.mp4")
    assert item is not None
    assert item.rating_key != 1


def test_a_moved_file_keeps_its_key(plex: FakePlex, section: Any) -> None:
    part = plex.item(1).parts[0]
    plex.move_file("/plex/scenes/old/a.mp4", "/plex/scenes/new/a2.mp4")
    assert plex.find("/plex/scenes/old/a.mp4") is None
    assert plex.item(1).files == ["/plex/scenes/new/a2.mp4"]
    assert plex.item(1).parts[0].id == part.id
    section.update("/plex/scenes/old")
    assert len(plex.items()) == 1
    with pytest.raises(KeyError):
        plex.move_file("/plex/scenes/old/a.mp4", "/plex/x.mp4")


def test_a_version_can_be_added(plex: FakePlex, raw: RawClient) -> None:
    plex.add_version(1, "/plex/scenes/old/a 4k.mkv", size=9)
    parts = raw.xml("/library/metadata/1").findall(".//Part")
    assert [part.attrib["file"] for part in parts] == [
        "/plex/scenes/old/a.mp4",
        "/plex/scenes/old/a 4k.mkv",
    ]
    assert plex.find("/plex/scenes/old/a 4k.mkv") is plex.item(1)

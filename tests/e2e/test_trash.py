"""Plex's trash: the old item of a moved file is not used, and a disk that is away is no change."""

from simulators.rig import Rig
from simulators.stash import VideoFile
from tests.golden import figures


def test_a_disk_that_vanished_is_no_change(rig: Rig) -> None:
    pairs = [rig.add_pair(f"scene {n}", title=f"Title {n}", tags=["T"]) for n in range(8)]
    rig.task("all")
    assert rig.wait_until(lambda: rig.verdict().agree and rig.queued() == 0)
    for path in list(rig.plex.disk):
        rig.plex.disk.remove(path)
    rig.plex.scanner.start(rig.section, None)
    assert all(item.deleted_at for _, item in pairs)
    mark = rig.plex.log.mark()

    reconciled = rig.task("reconcile_all")
    everything = rig.task("all")

    assert figures(reconciled.output)[:2] == [8, 8]
    assert figures(everything.output) == [8, 8]
    assert rig.plex.log.count(kind="edit", since=mark) == 0
    assert rig.queued() == 0


def test_the_item_that_plex_has_shows_the_scene_not_the_one_in_the_trash(rig: Rig) -> None:
    rig.stash.add_scene(title="A", tags=["T"], files=[VideoFile("/data/x/a.mp4", size=11)])
    old = rig.plex.add_item(rig.section, "/media/scenes/old/a.mp4", size=11)
    rig.plex.disk.remove(old.files[0])
    rig.plex.disk.add("/media/scenes/new/a.mp4", size=11)
    rig.plex.scanner.start(rig.section, None)

    rig.task("all")

    new = rig.plex.find("/media/scenes/new/a.mp4")
    assert new is not None
    assert rig.wait_until(lambda: new.title == "A")
    assert old.title == "a"

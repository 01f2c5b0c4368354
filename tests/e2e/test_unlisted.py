"""Files that Plex does not list as videos: the reason is told, and they are not waited for."""

from __future__ import annotations

from simulators.rig import FOLDER, Rig
from tests.e2e.test_dead_letter_tasks import dead_scenes, queue_of


def tries(rig: Rig) -> dict[int, int]:
    """How often each waiting job has failed."""
    with queue_of(rig) as queue:
        waiting = queue.waiting_with_error("PlexNotFound")
        return {claim.job.scene_id or 0: claim.job.retry_count for claim in waiting}


def make_due(rig: Rig) -> None:
    with queue_of(rig) as queue:
        waiting = queue.waiting_with_error("PlexNotFound")
        queue.hurry([claim.row_id for claim in waiting])


def test_a_file_that_plex_never_lists_is_explained_given_up_soon_and_synced_if_it_comes(
    rig: Rig,
) -> None:
    rig.plex.add_section("Series", ["/media/series"], type="show")
    paths = [f"{FOLDER}/Studio/Scenes/x.mp4", "/media/series/a.mp4"]
    extra, episode = [rig.stash.add_scene(title="T", tags=["t"], files=[path]) for path in paths]
    other, _ = rig.add_pair("other", tags=["t"])
    lost = {extra.id, episode.id}

    rig.task("all")
    for failed in (1, 2):
        assert rig.wait_until(lambda: tries(rig) == dict.fromkeys(lost, failed))  # noqa: B023
        make_due(rig)

    assert rig.wait_until(lambda: dead_scenes(rig) == lost)
    with queue_of(rig) as queue:
        letters = queue.dead_letters.of_type("PlexNotFound")
        reasons = {letter.job.scene_id: letter.error_message for letter in letters if letter.job}
    assert "folder named 'Scenes'" in str(reasons[extra.id])
    assert "library 'Series', which holds shows" in str(reasons[episode.id])
    rig.stop_worker()
    item = rig.plex.add_item(rig.section, paths[0])
    rig.stash.edit_scene(other, title="Another")
    assert rig.wait_until(lambda: item.title == "T")


def test_a_copy_that_plex_made_is_done_and_not_missing(rig: Rig) -> None:
    rig.add_pair("a", tags=["t"])
    copy = f"{FOLDER}/Plex Versions/Optimized for TV/a.mp4"
    rig.stash.add_scene(title="T", tags=["t"], files=[copy])

    rig.task("all")
    assert rig.wait_until(lambda: rig.data.exists() and rig.queued() == 0)
    answer = rig.task("reconcile_all")

    assert dead_scenes(rig) == set()
    assert "0 missing in Plex" in str(answer.output)
    assert "1 copies that Plex made" in str(answer.output)
    assert rig.queued() == 0

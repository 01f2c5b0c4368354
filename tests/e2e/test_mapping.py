"""Settings that choose what reaches Plex, judged by the oracle."""

from typing import Any

import pytest

from simulators.oracle import judge
from simulators.rig import Rig
from simulators.stash import SceneFields
from tests.conftest import MakeRig

SCENE: SceneFields = {
    "title": "Title",
    "details": "<p>Hello &amp; <b>bye</b>.</p><p>One<br>two</p>",
    "date": "2024-05-06",
    "studio": "Studio",
    "performers": ["Ada", "Zoe"],
    "tags": ["Outdoor", "Archive"],
}
# Setting, its value, and what it changes in the scene above.
MAPPINGS: list[tuple[str, Any, dict[str, Any]]] = [
    (
        "title_template",
        "{studio} - {code} - {title} ({date}) {performers}",
        {"title": "Studio - Title (2024-05-06) Ada, Zoe"},
    ),
    ("plain_summary", True, {"details": "Hello & bye.\n\nOne\ntwo"}),
]


def sync(rig: Rig) -> int:
    """Sync all scenes; return the number of edits in Plex."""
    mark = rig.plex.log.mark()
    rig.task("all")
    rig.task("process_queue")
    assert rig.wait_until(lambda: rig.queued() == 0)
    rig.stop_worker()  # it may still be reading back the sent values
    return rig.plex.log.count("edit", since=mark)


@pytest.mark.parametrize(("setting", "value", "changes"), MAPPINGS)
def test_the_setting_changes_what_plex_shows_and_off_again_restores_it(
    make_rig: MakeRig, setting: str, value: object, changes: dict[str, Any]
) -> None:
    rig = make_rig(settings={setting: value})
    scene_id, _ = rig.add_pair("a", **SCENE)
    rig.add_pair("other", title="Other", tags=["Other"])

    def mapped(scene: dict[str, Any]) -> dict[str, Any]:
        return {**scene, **changes} if scene["id"] == scene_id else scene

    assert "2 would change" in str(rig.task("preview_sync").output)
    assert sync(rig) == 2
    assert judge(rig.stash, rig.plex, mapped=mapped).differences == ()
    assert sync(rig) == 0

    rig.configure(**{setting: ""})
    assert "1 would change" in str(rig.task("preview_sync").output)
    assert sync(rig) == 1
    assert rig.verdict().differences == ()

    rig.configure(**{setting: value})
    assert sync(rig) == 1
    assert judge(rig.stash, rig.plex, mapped=mapped).differences == ()

from typing import Any

from plex.items import PlexItem
from reconciliation import scheduler
from reconciliation.state import Order, ReconciliationState
from tests.plex.support import edit_for
from validation.config import Config
from validation.metadata import SceneMetadata, project
from validation.scene_extractor import Entity, SceneFile, StashScene
from worker.sync.inspection import Inspection

SCENE = StashScene(
    id=7,
    title="Title",
    details="Details",
    date="2024-05-06",
    studio=Entity(1, "Northlight"),
    performers=(Entity(1, "Ada"), Entity(2, "Jo")),
    tags=(Entity(1, "Night"),),
    files=(SceneFile("/media/a.mp4", 5),),
)
LOCKED = frozenset(
    {"title", "studio", "summary", "originallyAvailableAt", "actor", "genre", "collection"}
)
DESIRED = project(SCENE, Config(sync_poster=False, sync_background=False))
IN_STEP = PlexItem(
    rating_key=70,
    section_key=1,
    title="Title",
    studio="Northlight",
    summary="Details",
    date="2024-05-06",
    performers=("Ada", "Jo"),
    tags=("Night",),
    collections=("Northlight",),
    locked=LOCKED,
    files=("/media/a.mp4",),
)
BARE = PlexItem(70, 1, title="a", files=("/media/a.mp4",))


def seen(**more: Any) -> Inspection:
    return Inspection(**{"scene": SCENE, "desired": DESIRED, "synced_before": True, **more})


def looked(*items: PlexItem, desired: SceneMetadata = DESIRED, **more: Any) -> Inspection:
    hints = {name: more.pop(name) for name in ("refused", "preserve") if name in more}
    sent = more.pop("sent", {})
    edits = tuple((item, edit_for(desired, item, sent, {}, **hints)) for item in items)
    return seen(desired=desired, edits=edits, **more)


def due(
    state: ReconciliationState, interval: str, scope: str, now: float, *, at_start: bool
) -> Order | None:
    config = Config(reconcile_interval=interval, reconcile_scope=scope)
    return scheduler.due(state, config, now, at_start=at_start, rebuilt=False)

"""What the tests of the reconciliation share."""

from dataclasses import dataclass
from typing import Any

from plex.diff import ItemEdit, edit_for
from plex.exceptions import PlexError
from plex.items import PlexItem
from validation.config import Config
from validation.metadata import SceneMetadata, project
from validation.scene_extractor import Entity, SceneFile, StashScene

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


@dataclass(frozen=True)
class Looked:
    """What an inspection says of a scene."""

    scene: StashScene = SCENE
    desired: SceneMetadata = DESIRED
    lacks_metadata: bool = False
    edits: tuple[tuple[PlexItem, ItemEdit], ...] = ()
    image_reasons: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    unseen: bool = False
    synced_before: bool = True
    error: PlexError | None = None


def looked(*items: PlexItem, desired: SceneMetadata = DESIRED, **more: Any) -> Looked:
    """A scene with these items; what each would be sent is what a sync would send."""
    hints = {name: more.pop(name) for name in ("refused", "preserve") if name in more}
    sent = more.pop("sent", {})
    edits = tuple((item, edit_for(desired, item, sent, {}, **hints)) for item in items)
    return Looked(desired=desired, edits=edits, **more)

"""The edits of the demo."""

from typing import NamedTuple

from simulators.rig import png
from simulators.stash import SceneFields

BURST = 50  # scenes in the bulk edit, if there are as many

ONE_EDIT: SceneFields = {
    "title": "The Lighthouse at 50% Speed",
    "studio": "Blue Hour Films",
    "details": "A keeper, a storm & a radio.\n\nNobody answers.",
    "date": "2024-02-29",
    "performers": ["Ada Berg", "Zoë O'Hara"],
    "tags": ["Archive", "Night, rain", "One take"],
}
BURST_EDIT: SceneFields = {
    "studio": "Lantern House",
    "tags": ["Festival 2026", "Night, rain", "東京"],
}


class OutageEdit(NamedTuple):
    """One save while Plex is away: which of the outage's scenes, in words, and the changes."""

    scene: int
    what: str
    changes: SceneFields


OUTAGE_SCENES = 8
OUTAGE_EDITS = (
    OutageEdit(0, "title", {"title": "First Draft of a Title"}),
    OutageEdit(1, "a new performer", {"performers": ["Nora Vale", "Kim Park"]}),
    OutageEdit(2, "a new tag", {"tags": ["Aurora", "Handheld"]}),
    OutageEdit(3, "a new studio", {"studio": "Salt & Copper"}),
    OutageEdit(4, "date", {"date": "1999-12-31"}),
    OutageEdit(0, "summary", {"details": "Written while Plex was away."}),
    OutageEdit(5, "cover", {"cover": png(0xC0FFEE)}),
    OutageEdit(6, "all tags removed", {"tags": []}),
    OutageEdit(0, "title again", {"title": "Second Draft of a Title"}),
    OutageEdit(7, "studio removed", {"studio": None}),
    OutageEdit(1, "title", {"title": "Nora, in Passing"}),
    OutageEdit(0, "title once more", {"title": "Final Title, Really"}),
)
EDITS_BEFORE_KILL = 6  # the worker is killed after these

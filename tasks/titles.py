"""What Stash calls scenes, where it says so quickly: a list with numbers beats one that is late."""

import threading
from collections.abc import Iterable, Mapping

from stash.exceptions import StashError
from tasks.context import TaskContext

PATIENCE = 1.5  # seconds
MOST_ASKED = 250  # scenes; each is a look-up of its own in Stash


def titles_of(context: TaskContext, scene_ids: Iterable[int | None]) -> Mapping[int, str]:
    """Return scene id → title or file name, of those that Stash named in time."""
    wanted = list(dict.fromkeys(one for one in scene_ids if one is not None))[:MOST_ASKED]
    found: dict[int, str] = {}

    def ask() -> None:
        try:
            found.update(context.scenes.names(wanted))
        except StashError as error:
            context.log.step(f"Scenes are shown by their numbers: {error}")

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return dict(found) if not asking.is_alive() else {}

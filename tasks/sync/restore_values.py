"""The task Restore Plex Values, which restores the values from before the first sync."""

from tasks.answer import Answer
from tasks.sync.item_tasks import ItemTask, change_items
from worker.services import Services
from worker.sync.restoration import Restoration


def restore_values(services: Services, *, scene_id: int | None) -> Answer:
    """Restore the values and locks of a scene's items, or of all items.

    Restored items count as never synced.
    """
    session = services.sessions.current()
    task = ItemTask(
        do="restore",
        done="restored",
        effect="This would undo the sync of {scenes}: {items} in Plex would get the values from "
        "before the first sync",
        afterwards="the next edit of a scene syncs it again",
        question=services.folder.restore_question,
        change=Restoration(services, session).restore,
    )
    return change_items(services, session, task, scene_id)

"""The task Unlock Fields, which unlocks the fields that the plugin has locked."""

from plex.items import PlexItem
from plex.originals import Original, removed_locks
from tasks.answer import Answer
from tasks.sync.item_tasks import ItemTask, change_items
from worker.services import Services
from worker.sync.restoration import Records
from worker.sync.scene_work import written_fields


def unlock_fields(services: Services, *, scene_id: int | None) -> Answer:
    """Unlock the fields of a scene's items, or of all items. The values stay.

    Fields that were locked before the first sync stay locked.
    """
    session = services.sessions.current()

    def unlock(item: PlexItem, original: Original, records: Records) -> tuple[str, ...]:
        written = written_fields(records.values(), item, original)
        fields = removed_locks(original, written)
        if fields:
            refused = session.client.edit(item, fields).refused
            for error in refused.values():
                raise error
        return ()

    task = ItemTask(
        do="unlock",
        done="unlocked",
        effect="This would unlock the fields of {items} in Plex, which show {scenes}. Their values "
        "would stay, but a refresh in Plex may then replace them",
        afterwards="the next sync of a scene locks the fields again",
        question=services.folder.unlock_question,
        change=unlock,
    )
    return change_items(services, session, task, scene_id)

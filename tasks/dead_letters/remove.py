from tasks.answer import Answer, TaskError
from tasks.dead_letters.retry import chosen_letters
from validation.values import counted
from worker.services import Services

DAY = 86_400.0


def clear_dlq(services: Services) -> Answer:
    removed = services.queue.dead_letters.clear()
    return Answer(f"Removed {counted(removed, 'dead letter')}", data={"removed": removed})


def purge_dlq(services: Services, *, days: int) -> Answer:
    removed = services.queue.dead_letters.purge(services.clock() - days * DAY)
    left = services.queue.dead_letters.count()
    return Answer(
        f"Removed {counted(removed, 'dead letter')} older than {counted(days, 'day')}; "
        f"{left:,} left",
        data={"removed": removed, "left": left},
    )


def drop_dlq(services: Services, *, scene_id: int | None, error_type: str) -> Answer:
    if scene_id is None and not error_type:
        raise TaskError(
            "Choose the dead letters by scene_id or error_type. The mode clear_dlq removes all"
        )
    dead = services.queue.dead_letters
    with services.queue.transaction():
        letters = chosen_letters(dead, scene_id, error_type)
        removed = sum(dead.remove(letter.id) for letter in letters)
    return Answer(f"Removed {counted(removed, 'dead letter')}", data={"removed": removed})

from tasks.answer import Answer
from validation.values import counted
from worker.services import Services


def clear_match_cache(services: Services) -> Answer:
    library = services.sessions.current().library
    library.index.use_server(library.server_id)
    forgotten = library.index.clear()
    return Answer(
        f"Cleared {counted(forgotten, 'file')} from the match cache; the next sync lists Plex's "
        "libraries again",
        data={"forgotten": forgotten},
    )

"""How a task ends that could not do its work; light, for programs that ask every few seconds."""

from plex.index_database import is_about_index


class TaskError(Exception):
    """A task could not do its work; the text says why and what to do."""


def unusable_database(error: Exception) -> str:
    """Return what people are told when a database of the plugin cannot be used by a task."""
    doctor = "Run the task 'Doctor': it tells what is wrong with it, and what to do"
    if is_about_index(error):
        return (
            f"The index of Plex's files (library.db) cannot be used now ({error}). No edit is "
            f"in it. {doctor}"
        )
    return f"The plugin's database cannot be used now ({error}). {doctor}"

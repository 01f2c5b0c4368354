"""How a task ends that could not do its work; light, for programs that ask every few seconds."""


class TaskError(Exception):
    """A task could not do its work; the text says why and what to do."""


def unusable_database(error: Exception) -> str:
    """Return what people are told when the plugin's database cannot be used by a task."""
    return (
        f"The plugin's database cannot be used now ({error}). Run the task 'Doctor': it tells what "
        "is wrong with it, and what to do"
    )

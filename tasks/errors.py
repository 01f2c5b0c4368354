"""How a task ends that could not do its work; light, for programs that ask every few seconds."""


class TaskError(Exception):
    """A task could not do its work; the text says why and what to do."""

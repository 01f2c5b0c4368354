"""What the fake Stash refuses, in the words of the real one."""


class StashError(Exception):
    """A refusal that a client of the GraphQL API gets to read as an error's message."""

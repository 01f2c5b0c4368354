"""What can go wrong with Stash.

StashError
├── StashUnavailable     Stash does not answer: wait
├── StashFileError       Stash answered, but not with this file: a fault of the file, or of Stash
├── StashAuthError       cookie and API key refused: end, the next invocation brings a new one
└── StashQueryError      Stash answered, but not what was asked: a fault of ours or of its data
"""


class StashError(Exception):
    """Something that Stash, or the way to it, did not do."""


class StashUnavailable(StashError):  # noqa: N818 - the known design's name (spec.md §5)
    """Stash does not answer, or answers with something that is not Stash's."""


class StashFileError(StashError):
    """Stash answered with an error where a file was asked for; only this one may be concerned."""


class StashAuthError(StashError):
    """Stash refused our cookie and our API key."""


class StashQueryError(StashError):
    """Stash answered with GraphQL errors."""

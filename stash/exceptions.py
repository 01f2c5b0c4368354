"""What can go wrong with Stash.

StashError
├── StashUnavailable     Stash does not answer, or must be migrated first: wait
│   └── StashRequestError  Stash, or a proxy before it, refuses the request itself: wait, too
├── StashFileError       Stash answered, but not with this file: a fault of the file, or of Stash
├── StashAuthError       cookie and API key refused: end, the next invocation brings a new one
└── StashQueryError      Stash answered, but not what was asked: a fault of ours or of its data
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any


class StashError(Exception):
    """Something that Stash, or the way to it, did not do."""


class StashUnavailable(StashError):  # noqa: N818 - a state of Stash, not an error of the program
    """Stash does not answer, or answers with something that is not Stash's."""


class StashRequestError(StashUnavailable):
    """Stash answered a request with an HTTP error: it names no scene, so no scene is at fault."""


class StashFileError(StashError):
    """Stash answered with an error where a file was asked for.

    Attributes:
        concerns_all: Stash answers every request for a file of this kind with an error.
    """

    concerns_all = False


class StashAuthError(StashError):
    """Stash refused our cookie and our API key."""


class StashQueryError(StashError):
    """Stash answered with GraphQL errors.

    Attributes:
        paths: the place of each error in the answer, from the root field on; empty without places.
        data: the part of the answer that Stash gave nevertheless.
    """

    def __init__(
        self,
        message: str,
        paths: Sequence[Sequence[object]] = (),
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.paths = paths
        self.data = data or {}

    def is_only_about(self, fields: Collection[str]) -> bool:
        """Tell whether each error is about one of these fields of a scene, and nothing else."""
        return bool(self.paths) and all(path and path[-1] in fields for path in self.paths)

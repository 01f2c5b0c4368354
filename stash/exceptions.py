"""Errors of Stash, each with its consequence.

StashError
├── StashUnavailable     Stash does not answer, or must be migrated first: wait
│   └── StashRequestError  Stash, or a proxy before it, rejects the request itself: wait
├── StashFileError       Stash answered without the requested file: the file or Stash is at fault
├── StashAuthError       cookie and API key rejected: exit, the next invocation has a new cookie
└── StashQueryError      Stash answered with GraphQL errors: the query or the data is at fault
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any


class StashError(Exception):
    """The base of all errors of Stash."""


class StashUnavailable(StashError):  # noqa: N818 - a state of Stash, not an error of the program
    """Stash does not answer, or the answer is not from Stash."""


class StashRequestError(StashUnavailable):
    """Stash answered a request with an HTTP error, which concerns no single scene."""


class StashFileError(StashError):
    """Stash answered a request for a file with an error.

    Attributes:
        concerns_all: Stash answers every request for a file of this kind with an error.
    """

    concerns_all = False


class StashAuthError(StashError):
    """Stash rejected the cookie and the API key."""


class StashQueryError(StashError):
    """Stash answered with GraphQL errors.

    Attributes:
        paths: the path of each error in the answer; empty without paths.
        data: the part of the answer that Stash returned nevertheless.
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
        """Tell whether every error is about one of these fields of a scene."""
        return bool(self.paths) and all(path and path[-1] in fields for path in self.paths)

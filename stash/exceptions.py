"""Errors of Stash, each with its consequence."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any


class StashError(Exception):
    """The base of all errors of Stash."""


class StashUnavailable(StashError):  # noqa: N818 - a state of Stash, not an error of the program
    """Stash does not answer, or needs a migration first; the worker waits."""


class StashRequestError(StashUnavailable):
    """Stash, or a proxy in front of it, rejects the request itself; the worker waits."""


class StashFileError(StashError):
    """Stash answered without the requested file; the file or Stash is at fault."""

    concerns_all = False  # whether Stash fails for every file of this kind


class StashAuthError(StashError):
    """Stash rejected cookie and API key; the worker exits, and the next hook has a new cookie."""


class StashQueryError(StashError):
    """Stash answered with GraphQL errors; the query or the data is at fault."""

    def __init__(
        self,
        message: str,
        paths: Sequence[Sequence[object]] = (),
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.paths = paths  # the path of each error in the answer, if Stash named any
        self.data = data or {}  # the part of the answer that Stash returned nevertheless

    def is_only_about(self, fields: Collection[str]) -> bool:
        """Return whether every error is about one of these fields of a scene."""
        return bool(self.paths) and all(path and path[-1] in fields for path in self.paths)

"""The errors that a request to Stash can raise."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any


class StashError(Exception):
    """The base class of all errors of Stash."""


class StashUnavailable(StashError):  # noqa: N818 - a state of Stash, not an error of the program
    """Stash does not respond, or its database needs a migration; the worker waits."""


class StashRequestError(StashUnavailable):
    """Stash, or a proxy in front of it, rejects the request itself; the worker waits."""


class StashFileError(StashError):
    """Stash responded, but did not return the requested file."""

    concerns_all = False  # True if Stash fails for all covers, not only for this one


class StashAuthError(StashError):
    """Stash rejected cookie and API key. The worker exits; a later hook has a new cookie."""


class StashQueryError(StashError):
    """Stash returned GraphQL errors, because the query or the stored data is invalid."""

    def __init__(
        self,
        message: str,
        paths: Sequence[Sequence[object]] = (),
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.paths = paths  # The GraphQL path of each error, if Stash returned any.
        self.data = data or {}  # The data that Stash returned despite the errors.

    def is_only_about(self, fields: Collection[str]) -> bool:
        return bool(self.paths) and all(path and path[-1] in fields for path in self.paths)

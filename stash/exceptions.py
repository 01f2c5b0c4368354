from collections.abc import Collection, Mapping, Sequence
from typing import Any


class StashError(Exception):
    pass


class StashUnavailable(StashError):  # noqa: N818 - a state of Stash, not an error of the program
    """Stash does not respond, or its database needs a migration. The worker waits."""


class StashRequestError(StashUnavailable):
    """Stash or its proxy answered with an HTTP error, so the worker waits."""


class StashFileError(StashError):
    # Whether Stash fails for all covers, and not only for a single cover.
    concerns_all = False


class StashAuthError(StashError):
    """Stash rejected the cookie and the API key. The worker exits."""


class StashQueryError(StashError):
    def __init__(
        self, message: str, paths: Sequence[Any] = (), data: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.paths = paths
        self.data = data or {}

    def is_only_about(self, fields: Collection[str]) -> bool:
        return bool(self.paths) and all(
            isinstance(path, list) and path and path[-1] in fields for path in self.paths
        )

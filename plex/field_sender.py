"""Sends the fields of one edit so that a field which Plex refuses does not fail the others."""

from collections.abc import Callable, Mapping
from dataclasses import field

from plex.edit_requests import (
    Fields,
    Parameters,
    is_long,
    joined,
    packed,
    pieces,
    shortened,
    text_of,
)
from plex.exceptions import PlexPermanentError, PlexTemporaryError
from plex.items import PlexItem
from shared.frozen import frozen


@frozen
class EditOutcome:
    """What became of an edit.

    Attributes:
        requests: how many it took.
        refused: our name of each field that Plex will not take → its answer.
        shortened: our name of each field that was cut to what Plex takes → what it was given.
    """

    requests: int = 0
    refused: Mapping[str, PlexPermanentError] = field(default_factory=dict)
    shortened: Mapping[str, str] = field(default_factory=dict)


class FieldSender:
    """Sends edits to one server, and remembers that it refused a long request.

    How long a request may be is not known (plex-protocol.md §3.5), so one long field is tried
    whole until that was refused once.

    Args:
        put: carries out one request.
    """

    def __init__(self, put: Callable[[PlexItem, Parameters], None]) -> None:
        self._put = put
        self._long_refused = False

    def send(self, item: PlexItem, fields: Fields, *, alone: bool = False) -> EditOutcome:
        """Send the fields, together where they fit.

        Args:
            item: to be edited.
            fields: our name → Plex's parameters.
            alone: each field in a request of its own, for finding the one that makes Plex fail.

        Raises:
            PlexPermanentError: Plex refused every field.
            PlexError: something else; how much was carried out is to be read from Plex.
        """
        run = _Run(self._put, item, self._long_refused)
        groups = [{name: one} for name, one in fields.items()] if alone else list(packed(fields))
        for group in groups:
            run.group(group)
        if 0 < len(run.refused) < len(fields):
            run.ask_again(fields)
        self._long_refused = run.long_refused
        if run.failure is not None:
            raise run.failure
        if run.refused and len(run.refused) == len(fields):
            raise next(iter(run.refused.values()))
        return EditOutcome(run.requests, run.refused, run.shortened)


class _Run:
    """One edit on its way."""

    def __init__(
        self, put: Callable[[PlexItem, Parameters], None], item: PlexItem, long_refused: bool
    ) -> None:
        self._put = put
        self._item = item
        self.long_refused = long_refused
        self.requests = 0
        self.refused: dict[str, PlexPermanentError] = {}
        self.shortened: dict[str, str] = {}
        self.failure: PlexTemporaryError | None = None

    def group(self, group: Fields) -> None:
        """Send fields that fit into one request, and one by one when that is refused."""
        if len(group) > 1:
            try:
                self._request(joined(group))
            except PlexPermanentError:
                for name, parameters in group.items():
                    self._alone(name, parameters)
            return
        for name, parameters in group.items():
            self._alone(name, parameters)

    def ask_again(self, fields: Fields) -> None:
        """Send once more what was refused beside what was taken: a refusal is remembered for good.

        A proxy, or a Plex in some passing state, may have refused that one request.
        """
        for name in list(self.refused):
            del self.refused[name]
            self._alone(name, fields[name])

    def _alone(self, name: str, parameters: Parameters) -> None:
        """Send one field; one that Plex fails at keeps no other from being sent."""
        try:
            self._whole_or_fitted(name, parameters)
        except PlexPermanentError as error:
            self.refused[name] = error
        except PlexTemporaryError as error:
            self.failure = self.failure or error

    def _whole_or_fitted(self, name: str, parameters: Parameters) -> None:
        long = is_long(parameters)
        if not (long and self.long_refused):
            try:
                self._request(parameters)
            except PlexPermanentError:
                if not long:
                    raise
            else:
                return
        self._fitted(name, parameters)
        self.long_refused = True

    def _fitted(self, name: str, parameters: Parameters) -> None:
        requests = pieces(parameters)
        for one in requests:
            self._request(one)
        if not requests:
            short = shortened(parameters)
            self._request(short)
            self.shortened[name] = text_of(short)

    def _request(self, parameters: Parameters) -> None:
        self.requests += 1
        self._put(self._item, parameters)

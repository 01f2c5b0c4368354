"""Sends the fields of an edit so that a refused field does not fail the others.

After a failed request, a test edit of the same item that changes nothing shows the meaning:

- Plex accepts the test edit: a value is at fault. The fields are sent one by one, and a refused
  list in halves, until the refused value is found.
- Plex refuses the test edit: the token may not edit (403), or Plex currently saves nothing.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from plex.edit_requests import (
    Fields,
    Parameters,
    apart,
    is_long,
    joined,
    list_name,
    packed,
    pieces,
    refilled,
    shortened,
    text_of,
    without_names,
)
from plex.exceptions import (
    PlexError,
    PlexPermanentError,
    PlexPermissionError,
    PlexReadOnly,
    PlexTemporaryError,
)
from plex.items import PlexItem
from plex.name_search import MOST_REQUESTS, RefusedNames, refused_names

Put = Callable[[PlexItem, Parameters], None]
# Plex's names of fields for the test edit, which sets a lock to its current state.
_OURS, _NOT_OURS = ("title", "studio", "summary"), "contentRating"
_ALONE = ", though Plex takes other edits"
_PROXY = (
    f"{_ALONE}: a proxy before Plex may block certain words; set plex_url to Plex's own address"
)


@dataclass(frozen=True, slots=True)
class EditOutcome:
    """The result of an edit."""

    requests: int = 0  # number of requests
    # Our field name → Plex's error, for fields that Plex refuses.
    refused: Mapping[str, PlexPermanentError] = field(default_factory=dict)
    # Our field name → sent text, for fields that were cut.
    shortened: Mapping[str, str] = field(default_factory=dict)
    # Our field name → names of the list that Plex refuses.
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # Name → Plex's error, for names in `left_out` that were not known.
    first_refused: Mapping[str, PlexError] = field(default_factory=dict)


class FieldSender:
    """Sends edits to one server, and remembers refused names and lengths.

    The maximum length of a request is unknown. So a long field is sent whole until the server
    refuses that once. `put` sends one request.
    """

    def __init__(self, put: Put, refused_names: RefusedNames) -> None:
        self.put = put
        self._long_refused = False
        self._refused_names = refused_names

    def send(
        self, item: PlexItem, fields: Fields, *, alone: bool = False, refused_since: float = 0.0
    ) -> EditOutcome:
        """Send the fields in as few requests as fit.

        Args:
            fields: our name → Plex's parameters.
            alone: send each field separately, because an earlier try failed although Plex takes
                other edits of the item. A field that fails again counts as refused.
            refused_since: names refused before this moment are tried again.

        Raises:
            PlexPermanentError: Plex refuses every edit of this item.
            PlexError: another failure; read the item to see what was written.
        """
        fields, left_out = self._refused_names.without(item.section_key, fields, refused_since)
        run = _Run(self, item, fields, self._long_refused, final=alone)
        groups = [{name: one} for name, one in fields.items()] if alone else list(packed(fields))
        for group in groups:
            run.group(group)
        run.conclude(fields)
        run.refill(fields)
        self._long_refused = run.long_refused
        first: dict[str, PlexError] = {}
        for name, names in run.left_out.items():
            plex_name = list_name(fields[name]) or ""
            new = self._refused_names.add(item.section_key, plex_name, names)
            first |= {refused: run.first_refused[refused] for refused in new}
            left_out[name] = (*left_out.get(name, ()), *names)
        return EditOutcome(run.requests, run.refused, run.shortened, left_out, first)

    def judge(self, item: PlexItem, error: PlexError) -> PlexError:
        """Return the meaning of a failed write, found by a test edit of the item."""
        return _meaning(error, self.try_edit(item, frozenset()))

    def try_edit(self, item: PlexItem, avoid: Collection[str]) -> PlexError | None:
        """Send a test edit that changes nothing; return its error, None on success.

        It sets a lock to its current state, except those of fields in `avoid` (Plex's names), which
        a concurrent edit may change. Edits of a sync set locks and release none, so repeating a set
        lock is safe.
        """
        ours = [name for name in _OURS if name in item.locked and name not in avoid]
        name = ours[0] if ours else _NOT_OURS
        try:
            self.put(item, {f"{name}.locked": "1" if name in item.locked else "0"})
        except PlexError as error:
            return error
        return None


def _meaning(error: PlexError, general: PlexError | None) -> PlexError:
    """Return the meaning of a failed write, given the error of a test edit of the same item."""
    if general is None and isinstance(error, PlexPermissionError):
        return PlexPermanentError(f"status 403{_PROXY}")
    if general is None or isinstance(general, PlexPermanentError):
        return error
    if isinstance(general, PlexTemporaryError):
        return PlexReadOnly(
            f"Plex answers but does not save changes: {general.cause}; its database may be busy, "
            "or its disk full"
        )
    return general


class _Run:
    """An edit in progress."""

    def __init__(
        self,
        sender: FieldSender,
        item: PlexItem,
        fields: Fields,
        long_refused: bool,
        *,
        final: bool,
    ) -> None:
        self._sender = sender
        self._item = item
        self._names = {re.split(r"[.\[]", key)[0] for key in joined(fields)}
        self._final = final
        self.long_refused = long_refused
        self.requests = 0
        self._writable = False  # Plex accepted an edit of this item
        self.refused: dict[str, PlexPermanentError] = {}
        self.shortened: dict[str, str] = {}
        self.left_out: dict[str, tuple[str, ...]] = {}
        self.first_refused: dict[str, PlexError] = {}
        self._failed: dict[str, PlexTemporaryError] = {}

    def group(self, group: Fields) -> None:
        """Send fields that fit into one request; send them one by one if it is refused."""
        if len(group) > 1:
            try:
                self._request(joined(group))
            except PlexPermanentError:
                pass
            except PlexTemporaryError as error:
                if not error.may_be_one_item:
                    raise
            else:
                return
        for name, parameters in group.items():
            self._alone(name, parameters)

    def conclude(self, fields: Fields) -> None:
        """Decide about the fields that were not accepted.

        A refusal is remembered for good, so each refused field is sent once more first. A
        `PlexError` means that Plex refuses every edit of this item, or that a field failed for the
        first time.
        """
        if self.refused and not self._writable:
            self._confirm(next(iter(self.refused.values())))
        for name in [*self.refused, *(self._failed if self._final else ())]:
            self.refused.pop(name, None)
            self._failed.pop(name, None)
            self._alone(name, fields[name])
            if self._final and name in self._failed:
                failure = self._failed.pop(name)
                advice = _PROXY if failure.was_closed else _ALONE
                self.refused[name] = PlexPermanentError(f"{failure.cause}{advice}")
        for failure in self._failed.values():
            raise failure
        for name in list(self.refused):
            self._search(name, fields[name])

    def refill(self, fields: Fields) -> None:
        """Send the names of emptied lists once more."""
        for name, parameters in fields.items():
            names = refilled(parameters)
            if names and name not in self.refused:
                self._alone(name, without_names(names, self.left_out.get(name, ())))

    def _confirm(self, error: PlexPermanentError) -> None:
        """Raise the meaning of a refusal unless Plex accepts a test edit."""
        self.requests += 1
        general = self._sender.try_edit(self._item, self._names)
        if general is not None:
            raise _meaning(error, general)

    def _search(self, name: str, parameters: Parameters) -> None:
        """Send a list without its refused names, where they can be found.

        If Plex refuses the removal of a name, the list gets its names and loses all others.
        """
        names = refused_names(parameters, self._takes)
        kept = without_names(parameters, names)
        if names and self._takes(kept):
            error = self.refused.pop(name)
            self.left_out[name] = names
            self.first_refused |= dict.fromkeys(names, error)
            return
        additions, removals = apart(kept)
        if removals and self._takes(additions):
            for removal in removals[:MOST_REQUESTS]:
                self._takes(removal)

    def _takes(self, parameters: Parameters) -> bool:
        try:
            self._request(parameters)
        except PlexPermanentError:
            return False
        except PlexTemporaryError as error:
            if not error.may_be_one_item:
                raise
            return False
        return True

    def _alone(self, name: str, parameters: Parameters) -> None:
        """Send one field; a failure is recorded, so that other fields are sent too."""
        try:
            self._whole_or_fitted(name, parameters)
        except PlexPermanentError as error:
            self.refused[name] = error
        except PlexTemporaryError as error:
            if not error.may_be_one_item:
                raise
            self._failed[name] = error

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
        for request in requests:
            self._request(request)
        if not requests:
            short = shortened(parameters)
            self._request(short)
            self.shortened[name] = text_of(short)

    def _request(self, parameters: Parameters) -> None:
        """Send a request; raise the meaning of its failure."""
        self.requests += 1
        try:
            self._sender.put(self._item, parameters)
        except PlexPermissionError as error:
            if self._writable:
                raise _meaning(error, None) from None
            raise self._judged(error) from None
        except PlexTemporaryError as error:
            if error.retry_after is not None:
                raise
            raise self._judged(error) from None
        self._writable = True

    def _judged(self, error: PlexError) -> PlexError:
        self.requests += 1
        general = self._sender.try_edit(self._item, self._names)
        self._writable = self._writable or general is None
        return _meaning(error, general)

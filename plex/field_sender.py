"""Sends the fields of an edit so that a refused field does not fail the others.

After a failed request, a test edit of the same item that changes nothing shows the meaning:

- Plex accepts the test edit: a value is at fault. The fields are sent one by one, and a refused
  list in halves, until the refused value is found.
- Plex refuses the test edit: the token may not edit (403), or Plex currently saves nothing.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from plex.edit_requests import (
    Fields,
    Parameters,
    added_names,
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
from plex.server_facts import ServerFacts
from validation.paths import folded

MOST_REQUESTS = 24  # requests per search; enough for two names among a hundred
_REMEMBERED = 86_400.0  # seconds after which a name is tried again
_PER_LIBRARY = "collection"  # collections belong to one library, other tags to the server
# Plex's names of fields for the test edit, which sets a lock to its current state.
_OURS, _NOT_OURS = ("title", "studio", "summary"), "contentRating"
_ALONE = ", though Plex takes other edits"
_PROXY = (
    f"{_ALONE}: a proxy before Plex may block certain words; set plex_url to Plex's own address"
)

Put = Callable[[Sequence[int], Parameters], None]
"""Edits the items with these rating keys, with one request."""


@dataclass(slots=True)
class EditOutcome:
    """The result of an edit."""

    requests: int = 0
    # Our field name → Plex's error, for fields that Plex refuses.
    refused: dict[str, PlexPermanentError] = field(default_factory=dict)
    # Our field name → sent text, for fields that were cut.
    shortened: dict[str, str] = field(default_factory=dict)
    # Our field name → names of the list that Plex refuses.
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    # Name → Plex's error, for names in `left_out` that were not known.
    first_refused: dict[str, PlexError] = field(default_factory=dict)


class Refusals:
    """What a server refused recently, so that other scenes do not send it again.

    A smart collection refuses every scene, and a proxy refuses a word in every list.
    """

    def __init__(self, clock: Callable[[], float], store: ServerFacts | None = None) -> None:
        # The maximum length is unknown: a long request is sent whole until the server refuses one.
        self.of_length = False
        self._clock = clock
        self._store = store
        self._names: dict[str, float] = {}  # used without a store

    def add(self, section: int, plex_name: str, names: Iterable[str]) -> list[str]:
        """Store refused names of a list (`genre` or another of Plex's); return the unknown ones."""
        known = self._known()
        keys = {name: _key(section, plex_name, name) for name in names}
        refused = dict.fromkeys(keys.values(), self._clock())
        if self._store is None:
            self._names = {**known, **refused}
        else:
            self._store.note_refused_names(refused)
        return [name for name, key in keys.items() if key not in known]

    def without(
        self, section: int, fields: Fields, since: float = 0.0
    ) -> tuple[dict[str, Parameters], dict[str, tuple[str, ...]]]:
        """Return the fields without names refused after `since`, and these names by field."""
        now = self._clock()
        refused = {
            key for key, at in self._known().items() if since <= at <= now < at + _REMEMBERED
        }
        kept = dict(fields)
        left_out: dict[str, tuple[str, ...]] = {}
        for name, parameters in fields.items() if refused else ():
            plex_name = list_name(parameters) or ""
            names = added_names(parameters)
            names = [added for added in names if _key(section, plex_name, added) in refused]
            if names:
                kept[name] = without_names(parameters, names)
                left_out[name] = tuple(names)
        return kept, left_out

    def _known(self) -> Mapping[str, float]:
        return self._names if self._store is None else self._store.refused_names()


def _key(section: int, plex_name: str, name: str) -> str:
    place = f"{plex_name} of {section}" if plex_name == _PER_LIBRARY else plex_name
    return f"{place}: {folded(name)}"


class FieldSender:
    """Sends one edit of one item.

    Args:
        fields: our name → Plex's parameters.
        alone: send each field separately, because an earlier try failed although Plex takes other
            edits of the item. A field that fails again counts as refused.
        refused_since: names refused before this moment are tried again.
    """

    def __init__(
        self,
        put: Put,
        refusals: Refusals,
        item: PlexItem,
        fields: Fields,
        *,
        alone: bool = False,
        refused_since: float = 0.0,
    ) -> None:
        self._put = put
        self._refusals = refusals
        self._item = item
        self._fields, left_out = refusals.without(item.section_key, fields, refused_since)
        self._alone = alone
        self._plex_names = {re.split(r"[.\[]", key)[0] for key in joined(fields)}
        self._is_writable = False  # Plex accepted an edit of this item
        self._outcome = EditOutcome(left_out=left_out)
        self._failed: dict[str, PlexTemporaryError] = {}

    def send(self) -> EditOutcome:
        """Send the fields in as few requests as fit.

        A `PlexPermanentError` means that Plex refuses every edit of this item. After another
        `PlexError`, some fields may have been written.
        """
        if self._alone:
            groups: Iterable[Fields] = [{name: sent} for name, sent in self._fields.items()]
        else:
            groups = packed(self._fields)
        for group in groups:
            self._send_group(group)
        self._confirm_refusals()
        found = {name: self._without_refused_names(name) for name in list(self._outcome.refused)}
        for name, parameters in self._fields.items():
            names = refilled(parameters)
            if names and name not in self._outcome.refused:
                self._send_field(name, without_names(names, found.get(name, {})))
        for name, errors in found.items():
            plex_name = list_name(self._fields[name]) or ""
            for new in self._refusals.add(self._item.section_key, plex_name, errors):
                self._outcome.first_refused[new] = errors[new]
            if errors:
                self._outcome.left_out[name] = (*self._outcome.left_out.get(name, ()), *errors)
        return self._outcome

    def meaning(self, error: PlexError) -> PlexError:
        """Return the meaning of a failed write, found by a test edit of the item."""
        refusal = self._test_edit()
        self._is_writable = self._is_writable or refusal is None
        return _meaning(error, refusal)

    def _send_group(self, group: Fields) -> None:
        """Send fields that fit into one request; send them one by one if it is refused."""
        if len(group) == 1 or not self._is_taken(joined(group)):
            for name, parameters in group.items():
                self._send_field(name, parameters)

    def _confirm_refusals(self) -> None:
        """Send each refused field once more, because a refusal is remembered for good.

        A `PlexError` means that Plex refuses every edit of this item, or that a field failed for
        the first time.
        """
        refused, failed = self._outcome.refused, self._failed
        if refused and not self._is_writable:
            refusal = self._test_edit()
            if refusal is not None:
                raise _meaning(next(iter(refused.values())), refusal)
        for name in [*refused, *(failed if self._alone else ())]:
            refused.pop(name, None)
            failed.pop(name, None)
            self._send_field(name, self._fields[name])
            if self._alone and name in failed:
                failure = failed.pop(name)
                advice = _PROXY if failure.was_closed else _ALONE
                refused[name] = PlexPermanentError(f"{failure.cause}{advice}")
        for failure in failed.values():
            raise failure

    def _without_refused_names(self, field: str) -> dict[str, PlexError]:
        """Send a list without its refused names; return these, where they can be found.

        If Plex refuses the removal of a name, the list gets its names and loses all others.
        """
        parameters = self._fields[field]
        names = self._find_refused_names(parameters)
        kept = without_names(parameters, names)
        if names and self._is_taken(kept):
            return dict.fromkeys(names, self._outcome.refused.pop(field))
        additions, removals = apart(kept)
        if removals and self._is_taken(additions):
            for removal in removals[:MOST_REQUESTS]:
                self._is_taken(removal)
        return {}

    def _find_refused_names(self, parameters: Parameters) -> list[str]:
        """Return the names that cause the refusal of a list; empty if no name does.

        Halves of the list are sent, down to single names. Accepted names stay in the list.
        """
        plex_name = list_name(parameters)
        left = MOST_REQUESTS

        def search(names: Sequence[str]) -> list[str]:
            nonlocal left
            left -= 1
            sent = {f"{plex_name}[{n}].tag.tag": name for n, name in enumerate(names)}
            if not names or left < 0 or self._is_taken(sent):
                return []
            if len(names) == 1:
                return list(names)
            middle = len(names) // 2
            return search(names[:middle]) + search(names[middle:])

        return search(added_names(parameters))

    def _is_taken(self, parameters: Parameters) -> bool:
        """Send a request; tell whether Plex took it."""
        try:
            self._request(parameters)
        except PlexPermanentError:
            return False
        except PlexTemporaryError as error:
            if not error.may_be_one_item:
                raise
            return False
        return True

    def _send_field(self, name: str, parameters: Parameters) -> None:
        """Send one field; a failure is recorded, so that other fields are sent too."""
        try:
            self._send_whole_or_fitted(name, parameters)
        except PlexPermanentError as error:
            self._outcome.refused[name] = error
        except PlexTemporaryError as error:
            if not error.may_be_one_item:
                raise
            self._failed[name] = error

    def _send_whole_or_fitted(self, name: str, parameters: Parameters) -> None:
        long = is_long(parameters)
        if not (long and self._refusals.of_length):
            try:
                self._request(parameters)
            except PlexPermanentError:
                if not long:
                    raise
            else:
                return
        requests = pieces(parameters) or [shortened(parameters)]
        for request in requests:
            self._request(request)
        if list_name(parameters) is None:
            self._outcome.shortened[name] = text_of(requests[0])
        self._refusals.of_length = True

    def _request(self, parameters: Parameters) -> None:
        """Send a request; raise the meaning of its failure."""
        self._outcome.requests += 1
        try:
            self._put([self._item.rating_key], parameters)
        except PlexPermissionError as error:
            meaning = _meaning(error, None) if self._is_writable else self.meaning(error)
            raise meaning from None
        except PlexTemporaryError as error:
            if error.retry_after is not None:
                raise
            raise self.meaning(error) from None
        self._is_writable = True

    def _test_edit(self) -> PlexError | None:
        """Set a lock to its current state; return the error, None on success.

        Locks of fields in this edit may just have changed and are left alone. Edits of a sync set
        locks and release none, so repeating a set lock is safe.
        """
        locked = self._item.locked
        ours = [name for name in _OURS if name in locked and name not in self._plex_names]
        name = ours[0] if ours else _NOT_OURS
        self._outcome.requests += 1
        try:
            self._put([self._item.rating_key], {f"{name}.locked": "1" if name in locked else "0"})
        except PlexError as error:
            return error
        return None


def _meaning(error: PlexError, refusal: PlexError | None) -> PlexError:
    """Return the meaning of a failed write, given the error of a test edit of the same item."""
    if refusal is None and isinstance(error, PlexPermissionError):
        return PlexPermanentError(f"status 403{_PROXY}")
    if refusal is None or isinstance(refusal, PlexPermanentError):
        return error
    if isinstance(refusal, PlexTemporaryError):
        return PlexReadOnly(
            f"Plex answers but does not save changes: {refusal.cause}; its database may be busy, "
            "or its disk full"
        )
    return refusal

"""Sends one edit to Plex. If Plex refuses a field, the other fields are still sent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from plex.edit_parameters import (
    REMOVED,
    Fields,
    Parameters,
    added_names,
    additions,
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
from plex.refused_values import FIELD, NEEDS, RefusedValues

MOST_REQUESTS = 24
_TESTED_FIELDS, _UNSYNCED_FIELD = ("title", "studio", "summary"), "originalTitle"
_ALONE = ", although Plex accepts other edits"
_PROXY = f"{_ALONE}. A proxy at plex_url may block the value: set plex_url to Plex's own address"


@dataclass(slots=True)
class EditOutcome:
    requests: int = 0
    refused: dict[str, PlexPermanentError] = field(default_factory=dict)
    shortened: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    first_refused: dict[str, PlexError] = field(default_factory=dict)


@dataclass
class EditSender:
    put: Callable[[Sequence[int], Parameters], None]
    refused_values: RefusedValues
    item: PlexItem
    fields: Fields
    # Whether to send each field in a separate request. If such a request fails twice, its field is
    # given up.
    alone: bool = False
    refused_since: float = 0.0
    _is_writable: bool = False

    def __post_init__(self) -> None:
        self._fields, left_out = self.refused_values.without(
            self.item.section_key, self.fields, self.refused_since
        )
        self._outcome = EditOutcome(left_out=left_out)
        self._failed: dict[str, PlexTemporaryError] = {}

    def send(self) -> EditOutcome:
        for group in packed(self._fields):
            if self.alone or len(group) == 1 or not self._try_request(joined(group)):
                for name, parameters in group.items():
                    self._send_field(name, parameters)
        self._confirm_refusals()
        found = {name: self._without_refused_names(name) for name in list(self._outcome.refused)}
        for name, parameters in self._fields.items():
            names = refilled(parameters)
            if names and name not in self._outcome.refused:
                self._send_field(name, without_names(names, found.get(name, {})))
        for name, errors in found.items():
            plex_name = list_name(self._fields[name]) or ""
            for new in self.refused_values.add(self.item.section_key, plex_name, errors):
                self._outcome.first_refused[new] = errors[new]
            if errors:
                self._outcome.left_out[name] = (*self._outcome.left_out.get(name, ()), *errors)
        self._note_refused_fields()
        return self._outcome

    def _note_refused_fields(self) -> None:
        refused = self._outcome.refused
        for name in refused.keys() & NEEDS.keys():
            refused[name] = PlexPermanentError(f"{refused[name]}. {NEEDS[name]}")
            self.refused_values.add(0, FIELD, [name])
        for name in self.fields:
            if name not in self._fields:
                refused[name] = PlexPermanentError(NEEDS[name])
                refused[name].reported = True

    def meaning(self, error: PlexError) -> PlexError:
        refusal = self._test_edit()
        self._is_writable = self._is_writable or refusal is None
        return _meaning(error, refusal)

    def _confirm_refusals(self) -> None:
        """Send each refused field a second time, because some refusals are temporary."""
        refused, failed = self._outcome.refused, self._failed
        if refused and not self._is_writable:
            refusal = self._test_edit()
            if refusal is not None:
                cause = next(iter(refused.values())).cause
                doing = f"editing {', '.join(refused)} of item {self.item.rating_key}"
                also = "Plex refuses each edit of this item"
                raise _meaning(PlexPermanentError(cause, doing=doing, remedy=also), refusal)
        for name in [*refused, *(failed if self.alone else ())]:
            refused.pop(name, None)
            failed.pop(name, None)
            self._send_field(name, self._fields[name])
            if self.alone and name in failed:
                failure = failed.pop(name)
                advice = _PROXY if failure.was_closed else _ALONE
                refused[name] = PlexPermanentError(f"{failure.cause}{advice}")
        for failure in failed.values():
            raise failure

    def _without_refused_names(self, field: str) -> dict[str, PlexError]:
        parameters = self._fields[field]
        names = self._find_refused_names(parameters)
        kept = without_names(parameters, names)
        if names and self._try_request(kept):
            return dict.fromkeys(names, self._outcome.refused.pop(field))
        # Plex may refuse the removal of a name, so each name is removed by its own request.
        key = f"{list_name(parameters)}{REMOVED}"
        removed = kept.pop(key, "")
        if removed and self._try_request(kept):
            for name in removed.split(",")[:MOST_REQUESTS]:
                self._try_request({key: name})
        return {}

    def _find_refused_names(self, parameters: Parameters) -> list[str]:
        plex_name, refused = list_name(parameters) or "", []
        parts: list[list[str]] = [added_names(parameters)]
        for _ in range(MOST_REQUESTS):
            names = parts.pop() if parts else []
            if not names or self._try_request(additions(plex_name, names)):
                continue
            if len(names) == 1:
                refused += names
            else:
                middle = len(names) // 2
                parts += [names[middle:], names[:middle]]
        return refused

    def _try_request(self, parameters: Parameters) -> bool:
        try:
            self._request(parameters)
        except PlexError as error:
            if isinstance(error, PlexPermanentError) or error.may_be_one_item:
                return False
            raise
        return True

    def _send_field(self, name: str, parameters: Parameters) -> None:
        long = is_long(parameters)
        try:
            if not (long and self.refused_values.long_edits):
                try:
                    self._request(parameters)
                    return
                except PlexPermanentError:
                    if not long:
                        raise
            requests = pieces(parameters) or [shortened(parameters)]
            for request in requests:
                self._request(request)
        except PlexPermanentError as error:
            self._outcome.refused[name] = error
        except PlexTemporaryError as error:
            if not error.may_be_one_item:
                raise
            self._failed[name] = error
        else:
            if list_name(parameters) is None:
                self._outcome.shortened[name] = text_of(requests[0])
            self.refused_values.long_edits = True

    def _request(self, parameters: Parameters) -> None:
        self._outcome.requests += 1
        try:
            self.put([self.item.rating_key], parameters)
        except (PlexPermissionError, PlexTemporaryError) as error:
            if error.retry_after is not None:
                raise
            is_known = self._is_writable and isinstance(error, PlexPermissionError)
            raise (_meaning(error, None) if is_known else self.meaning(error)) from None
        self._is_writable = True

    def _test_edit(self) -> PlexError | None:
        """Test whether Plex accepts edits, and return Plex's error, if any.

        The test sends the present lock of a field, which changes nothing.
        """
        locked, edited = self.item.locked, {key.split(".")[0] for key in joined(self._fields)}
        unedited = (name for name in _TESTED_FIELDS if name in locked and name not in edited)
        name = next(unedited, _UNSYNCED_FIELD)
        self._outcome.requests += 1
        try:
            self.put([self.item.rating_key], {f"{name}.locked": "1" if name in locked else "0"})
        except PlexError as error:
            return error
        return None


def _meaning(error: PlexError, refusal: PlexError | None) -> PlexError:
    if refusal is None and isinstance(error, PlexPermissionError):
        return PlexPermanentError(f"status 403{_PROXY}")
    if refusal is None or isinstance(refusal, PlexPermanentError):
        return error
    if isinstance(refusal, PlexTemporaryError):
        return PlexReadOnly(
            f"Plex can be read but saves no changes: a test edit failed, because {refusal.cause}",
            remedy="its database may be busy, or its disk full",
            brief=refusal.cause,
        )
    return refusal

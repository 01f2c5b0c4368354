"""Errors of Plex, each with its consequence.

    PlexError
    ├── PlexServerDown       refused, unreachable, 502-504, maintenance: wait, costs no retry
    │   └── PlexReadOnly         Plex answers but saves no change: wait, costs no retry
    ├── PlexUploadsDown      Plex takes edits but stores no image: the image waits
    ├── PlexTemporaryError   time-out, reset, partial answer, 429, 5xx: retry with back-off
    ├── PlexNotFound         no item for this path, or a missing item: try again for hours
    │   └── PlexCopy         the file is a copy that Plex made: done
    ├── PlexAuthError        401 twice in a row: pause, the token is wrong for every job
    │   └── PlexTokenExpired    498: pause, the token has expired
    ├── PlexPermissionError  403 to every edit: pause, the token may not edit
    ├── PlexTlsError         certificate not trusted, or plain http refused: pause, with remedy
    ├── PlexRedirectError    3xx: pause, with remedy
    ├── PlexLibraryError     a configured library does not exist in Plex: pause, with remedy
    └── PlexPermanentError   400 and similar: dead letter
        └── PlexAmbiguousMatch  several items match: dead letter that lists them

`plex_errors` converts exceptions of requests. Their texts contain URLs with titles and summaries,
so no such text is passed on.
"""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from xml.etree.ElementTree import ParseError

import requests
import urllib3

_DOWN = (502, 503, 504)
_TRY_AGAIN = (408, 425, 429)
PATIENCE = 5.0  # seconds to wait after 429 without a Retry-After
REBINDING = (
    "a router's protection against DNS rebinding may block such names: allow plex.direct there"
)


class PlexError(Exception):
    """The base of all errors of Plex."""

    # The user has been told the cause, or will be if more requests fail for it.
    reported = False

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after  # seconds that Plex asked to wait; None for not asked

    @property
    def cause(self) -> str:
        """The message without the item concerned."""
        doing, mark, cause = str(self).partition(": ")
        return cause if mark else doing


class PlexServerDown(PlexError):
    """Plex cannot be reached; the job waits and uses no retry."""


class PlexReadOnly(PlexServerDown):
    """Plex answers but saves no change, not even an edit that changes nothing."""


class PlexUploadsDown(PlexError):
    """Plex takes edits but stores no image; the image waits and uses no retry."""

    reported = True


class PlexTemporaryError(PlexError):
    """A request failed and may succeed later.

    `may_be_one_item` means that one item of the answer may be at fault: Plex answered with an error
    of its own or with malformed XML, or closed the connection.
    """

    was_closed = False  # the connection ended before any answer

    def __init__(
        self, message: str, retry_after: float | None = None, *, may_be_one_item: bool = False
    ) -> None:
        super().__init__(message, retry_after)
        self.may_be_one_item = may_be_one_item


class PlexNotFound(PlexError):
    """Plex has no item for the path, or the item is gone."""

    def __init__(self, message: str, *, looked_for: bool = False, explained: bool = False) -> None:
        super().__init__(message)
        self.looked_for = looked_for  # Plex was searched, so the index is not merely outdated
        self.explained = explained  # why Plex does not list the file is known; waiting hardly helps


class PlexCopy(PlexNotFound):
    """The file is a copy that Plex made of another video, so there is nothing to sync."""


class PlexAuthError(PlexError):
    """Plex rejects the token."""


class PlexTokenExpired(PlexAuthError):
    """The token has expired; only a new token helps."""


class PlexPermissionError(PlexError):
    """The token may not do this."""


class PlexTlsError(PlexError):
    """The address does not fit Plex's TLS settings."""

    def __init__(self, message: str, address: str = "") -> None:
        super().__init__(message)
        self.address = address  # the one that matches Plex's certificate; empty for unknown


class PlexRedirectError(PlexError):
    """The address redirects; following would send the token to another host."""


class PlexReplaced(PlexError):
    """Another server answers at the address, so remembered keys are not valid."""


class PlexLibraryError(PlexError):
    """A configured library does not exist in Plex."""


class PlexPermanentError(PlexError):
    """Plex will never accept this request."""


class PlexAmbiguousMatch(PlexPermanentError):
    """Several items match, and the plugin does not guess."""


_STATUSES: Mapping[int, tuple[type[PlexError], str]] = {
    401: (PlexAuthError, "Plex refused the token (401); set plex_token anew"),
    403: (
        PlexPermissionError,
        "the token may not do this (403); use the token of the server's owner",
    ),
    404: (PlexNotFound, "Plex does not have it (404)"),
    498: (
        PlexTokenExpired,
        "Plex says that the token has expired (498); set plex_token to a new one",
    ),
}


def error_for_status(
    status: int,
    doing: str,
    location: str = "",
    retry_after: float | None = None,
    words: str = "",
) -> PlexError:
    """Return the error for an HTTP status from 300 on.

    `doing` is the activity for people, such as "reading 50 items"; `location` is the target of a
    redirect; `words` are the first of the answer's text.
    """
    if status in _STATUSES:
        kind, cause = _STATUSES[status]
        return kind(f"{doing}: {cause}")
    if status < 400:
        where = f" to {location}" if location else ""
        return PlexRedirectError(
            f"{doing}: Plex's address redirects{where}; set plex_url to the address it leads to"
        )
    if status in _DOWN:
        return PlexServerDown(f"{doing}: Plex is not ready ({status})", retry_after)
    described = f"status {status}: {words}" if words else f"status {status}"
    if status in _TRY_AGAIN or status >= 500:
        return PlexTemporaryError(
            f"{doing}: Plex failed ({described})",
            PATIENCE if status == 429 and retry_after is None else retry_after,
            may_be_one_item=status >= 500 and retry_after is None,
        )
    return PlexPermanentError(f"{doing}: Plex refused ({described})")


@contextmanager
def plex_errors(doing: str) -> Iterator[None]:
    """Turn every exception of requests into a PlexError; `doing` is the activity for people."""
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise PlexTlsError(f"{doing}: {_certificate_remedy(error)}") from None
    except (requests.exceptions.ConnectTimeout, requests.exceptions.InvalidURL):
        raise PlexServerDown(f"{doing}: Plex does not answer") from None
    except requests.exceptions.Timeout:
        raise PlexTemporaryError(f"{doing}: Plex took too long to answer") from None
    except requests.exceptions.ConnectionError as error:
        raise _from_connection_error(_reason(error), doing) from None
    except (ParseError, requests.exceptions.RequestException) as error:
        raise PlexTemporaryError(
            f"{doing}: Plex's answer is incomplete or malformed",
            may_be_one_item=isinstance(error, ParseError),
        ) from None
    except OSError as error:
        # requests raises a plain OSError when the file with certificates is missing.
        raise PlexTlsError(f"{doing}: {error}; correct plex_verify_tls") from None


def _reason(error: Exception) -> object:
    """Return the error of urllib3 inside an error of requests."""
    reason = error.args[0] if error.args else None
    return getattr(reason, "reason", reason)


def _from_connection_error(reason: object, doing: str) -> PlexError:
    if isinstance(reason, urllib3.exceptions.NameResolutionError):
        host = getattr(reason.conn, "host", "")
        remedy = f"; {REBINDING}" if host.endswith(".plex.direct") else ""
        return PlexServerDown(f"{doing}: the name in plex_url is not found{remedy}")
    if isinstance(
        reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError
    ):
        return PlexServerDown(f"{doing}: nothing answers at Plex's address")
    if isinstance(reason, urllib3.exceptions.ReadTimeoutError):
        return PlexTemporaryError(f"{doing}: Plex took too long to answer")
    closed = PlexTemporaryError(f"{doing}: Plex closed the connection", may_be_one_item=True)
    closed.was_closed = True
    return closed


def _certificate_remedy(error: Exception) -> str:
    cause = _reason(error)
    if isinstance(cause, urllib3.exceptions.SSLError) and cause.args:
        cause = cause.args[0]
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"Plex's certificate is not trusted ({cause.verify_message}); use the http address, "
            "or set plex_verify_tls to the file of the certificate, or to false"
        )
    return "no encrypted connection (TLS); is plex_url an http address written as https?"

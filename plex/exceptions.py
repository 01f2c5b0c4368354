"""What can go wrong with Plex, each class with its consequence.

    PlexError
    ├── PlexServerDown       refused, unreachable, 502-504, maintenance: wait, costs no retry
    │   └── PlexReadOnly         it answers, but saves no change: wait, likewise
    ├── PlexUploadsDown      it takes edits, but stores no image: the job waits for that
    ├── PlexTemporaryError   time-out, reset, half an answer, 429, 5xx: retry with back-off
    ├── PlexNotFound         no item for this path, or an item that is gone: look again, for hours
    │   └── PlexCopy         the file is a copy that Plex made: done
    ├── PlexAuthError        401 twice in a row: pause, the token is wrong for every job
    │   └── PlexTokenExpired    498: pause, the token was right and has expired
    ├── PlexPermissionError  403 to every edit: pause, the token may not edit
    ├── PlexTlsError         certificate not trusted, or plain http refused: pause, with the remedy
    ├── PlexRedirectError    3xx: pause, with the remedy
    ├── PlexLibraryError     a library of the settings that Plex does not have: pause, likewise
    └── PlexPermanentError   400 and the like: dead letter
        └── PlexAmbiguousMatch  several items may be meant: dead letter with all of them

`plex_errors` is the one place where requests' exceptions become these. Their texts carry whole
URLs, with titles and summaries in them, so none of it is passed on.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree.ElementTree import ParseError

import requests
import urllib3

_DOWN = frozenset((502, 503, 504))
_TRY_AGAIN = frozenset((408, 425, 429))
_TOO_MANY = 429
PATIENCE = 5.0  # seconds to wait after 429 without a Retry-After
_EXPIRED = 498  # Plex's own status
_SERVER_FAULT = 500
_REDIRECT = range(300, 400)
REBINDING = (
    "a router's protection against DNS rebinding may block such names: allow plex.direct there"
)


class PlexError(Exception):
    """Something that Plex, or the way to it, did not do.

    Attributes:
        retry_after: seconds that Plex asked to wait, None when it did not.
        reported: the user knows of the cause, or will be told if more fails for it.
    """

    reported = False

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    @property
    def cause(self) -> str:
        """What happened, without the item at which it happened."""
        doing, mark, cause = str(self).partition(": ")
        return cause if mark else doing


class PlexServerDown(PlexError):
    """Plex is not there: the job waits for it and spends no retry."""


class PlexReadOnly(PlexServerDown):
    """Plex answers, but saves no change: an edit that changes nothing fails as well."""


class PlexUploadsDown(PlexError):
    """Plex takes edits but stores no image: the image waits and spends no retry."""

    reported = True


class PlexTemporaryError(PlexError):
    """This request failed and may succeed later.

    Attributes:
        was_closed: the connection ended before any answer.
        may_be_one_item: Plex answered with an error of its own or a document that cannot be
            parsed, or it closed the connection: one item of the answer may be at fault.
    """

    was_closed = False

    def __init__(
        self, message: str, retry_after: float | None = None, *, may_be_one_item: bool = False
    ) -> None:
        super().__init__(message, retry_after)
        self.may_be_one_item = may_be_one_item


class PlexNotFound(PlexError):
    """Plex has no item for the path, or the item is gone.

    Attributes:
        looked_for: Plex was asked for it, and shows whole what it has: it is not merely unknown.
        explained: it is known why Plex does not list the file, so waiting is of little use.
    """

    def __init__(self, message: str, *, looked_for: bool = False, explained: bool = False) -> None:
        super().__init__(message)
        self.looked_for = looked_for
        self.explained = explained


class PlexCopy(PlexNotFound):
    """The file is a copy that Plex made of another video, so there is nothing to sync."""


class PlexAuthError(PlexError):
    """The token is wrong: a fault of the configuration, not of a job."""


class PlexTokenExpired(PlexAuthError):
    """The token was right and has expired: only a new one helps."""


class PlexPermissionError(PlexError):
    """The token may not do this: a fault of the configuration, not of a job."""


class PlexTlsError(PlexError):
    """Plex is not asked securely as it wants to be: a fault of the configuration, not of a job.

    Attributes:
        address: the address that matches Plex's certificate; empty where none is known.
    """

    def __init__(self, message: str, address: str = "") -> None:
        super().__init__(message)
        self.address = address


class PlexRedirectError(PlexError):
    """The address leads elsewhere: following it would carry the token to another host."""


class PlexReplaced(PlexError):
    """Another server answers at the address: what is remembered of the one before is not its."""


class PlexLibraryError(PlexError):
    """The settings name a library that Plex does not have: a fault of the configuration."""


class PlexPermanentError(PlexError):
    """Plex will not accept this however often it is tried."""


class PlexAmbiguousMatch(PlexPermanentError):
    """Several items may be meant and none may be guessed."""


def error_for_status(
    status: int,
    doing: str,
    location: str = "",
    retry_after: float | None = None,
    words: str = "",
) -> PlexError:
    """Return the error that an HTTP status means while `doing` something.

    Args:
        status: of the answer.
        doing: what was asked, for people.
        location: where a redirect leads.
        retry_after: seconds that Plex asked to wait.
        words: the first words of the answer's text.
    """
    told = f"status {status}: {words}" if words else f"status {status}"
    if status in _REDIRECT:
        where = f" to {location}" if location else ""
        return PlexRedirectError(
            f"{doing}: Plex's address redirects{where}; set plex_url to the address it leads to"
        )
    if status == 401:
        return PlexAuthError(f"{doing}: Plex refused the token (401); set plex_token anew")
    if status == _EXPIRED:
        return PlexTokenExpired(
            f"{doing}: Plex says that the token has expired (498); set plex_token to a new one"
        )
    if status == 403:
        return PlexPermissionError(
            f"{doing}: the token may not do this (403); use the token of the server's owner"
        )
    if status == 404:
        return PlexNotFound(f"{doing}: Plex does not have it (404)")
    if status in _DOWN:
        return PlexServerDown(f"{doing}: Plex is not ready ({status})", retry_after)
    if status in _TRY_AGAIN or status >= _SERVER_FAULT:
        patience = PATIENCE if status == _TOO_MANY and retry_after is None else retry_after
        return PlexTemporaryError(
            f"{doing}: Plex could not ({told})",
            patience,
            may_be_one_item=status >= _SERVER_FAULT and retry_after is None,
        )
    return PlexPermanentError(f"{doing}: Plex refused ({told})")


@contextmanager
def plex_errors(doing: str) -> Iterator[None]:
    """Turn every exception of requests into one of ours.

    Args:
        doing: what is being tried, for people: "reading 50 items".

    Raises:
        PlexError: always one of its sub-classes.
    """
    try:
        yield
    except PlexError as error:
        error.args = (f"{doing}: {error.cause}",)  # the session knows the request's path only
        raise
    except requests.exceptions.SSLError as error:
        raise PlexTlsError(f"{doing}: {_certificate_remedy(error)}") from None
    except (requests.exceptions.ConnectTimeout, requests.exceptions.InvalidURL):
        raise PlexServerDown(f"{doing}: Plex does not answer") from None
    except requests.exceptions.Timeout:
        raise PlexTemporaryError(f"{doing}: Plex took too long to answer") from None
    except requests.exceptions.ConnectionError as error:
        raise _from_connection_error(error, doing) from None
    except (ParseError, requests.exceptions.RequestException) as error:
        raise PlexTemporaryError(
            f"{doing}: Plex gave half an answer, or none of its own",
            may_be_one_item=isinstance(error, ParseError),
        ) from None
    except OSError as error:
        # requests raises a bare one before any connection, when a file of certificates is missing.
        raise PlexTlsError(f"{doing}: {error}; correct plex_verify_tls") from None


def _from_connection_error(error: requests.exceptions.ConnectionError, doing: str) -> PlexError:
    reason = error.args[0] if error.args else None
    reason = getattr(reason, "reason", reason)
    if isinstance(reason, urllib3.exceptions.NameResolutionError):
        return PlexServerDown(f"{doing}: the name in plex_url is not found{_rebinding(reason)}")
    never_reached = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
    )
    if isinstance(reason, never_reached):
        return PlexServerDown(f"{doing}: nothing answers at Plex's address")
    if isinstance(reason, urllib3.exceptions.ReadTimeoutError):
        return PlexTemporaryError(f"{doing}: Plex took too long to answer")
    closed = PlexTemporaryError(f"{doing}: Plex closed the connection", may_be_one_item=True)
    closed.was_closed = True
    return closed


def _rebinding(error: urllib3.exceptions.NameResolutionError) -> str:
    host = getattr(error.conn, "host", "")
    return f"; {REBINDING}" if host.endswith(".plex.direct") else ""


def _certificate_remedy(error: Exception) -> str:
    reason = error.args[0] if error.args else error
    reason = getattr(reason, "reason", reason)
    cause = reason.args[0] if getattr(reason, "args", None) else reason
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"Plex's certificate is not trusted ({cause.verify_message}); use the http address, "
            "or set plex_verify_tls to the file of the certificate, or to false"
        )
    return "no encrypted connection (TLS); is plex_url an http address written as https?"

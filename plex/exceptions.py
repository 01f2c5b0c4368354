"""The errors of Plex. The docstring of each class says what happens to the failed job."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from xml.etree.ElementTree import ParseError

import requests
import urllib3

_DOWN = (502, 503, 504)
_TRY_AGAIN = (408, 425, 429)
PATIENCE = 5.0
REBINDING = (
    "a router's protection against DNS rebinding may block such names; allow plex.direct there"
)


class PlexError(Exception):
    reported = False
    # Whether one unreadable item may have caused the error of a request that reads several items.
    may_be_one_item = False
    was_closed = False

    def __init__(
        self,
        problem: str,
        retry_after: float | None = None,
        /,
        *,
        doing: str = "",
        remedy: str = "",
        brief: str = "",
    ) -> None:
        advice = f"; {remedy}" if remedy else ""
        message = f"{problem} while {doing}{advice}" if doing else f"{problem}{advice}"
        super().__init__(message)
        self.retry_after = retry_after
        self.problem, self.remedy = problem, remedy
        self.cause = f"{problem}{advice}"
        self.brief = brief or message


class PlexServerDown(PlexError):
    """Plex is unreachable or returns status 502 to 504. All jobs wait, and no retry is counted."""


class PlexReadOnly(PlexServerDown):
    """A test edit has shown that Plex saves no changes. All jobs wait, and no retry is counted."""


class PlexUploadsDown(PlexError):
    """Plex accepts edits but stores no images. The image waits, and no retry is counted."""

    reported = True


class PlexTemporaryError(PlexError):
    """A request timed out, or Plex sent a partial answer, status 429 or 500. The job is retried."""


class PlexNotFound(PlexError):
    """Plex has no item for the scene's file, or removed the item. The job is retried for hours."""

    def __init__(
        self, problem: str, *, looked_for: bool = False, explained: bool = False, **words: str
    ) -> None:
        super().__init__(problem, **words)
        # Whether Plex itself was searched, and not only the local path index.
        self.looked_for = looked_for
        # Whether the plugin knows why Plex has no item. If so, the job has fewer retries, because a
        # retry rarely helps.
        self.explained = explained


class PlexCopy(PlexNotFound):
    """Plex made the file as a converted copy of a video. The job ends without an edit."""


class PlexAuthError(PlexError):
    """Plex rejected the token in two consecutive requests (status 401). All jobs pause."""


class PlexTokenExpired(PlexAuthError):
    """The token has expired (status 498). All jobs pause until the user sets a new token."""


class PlexPermissionError(PlexError):
    """The token may not edit items (status 403). All jobs pause."""


class PlexTlsError(PlexError):
    """Plex's certificate is not trusted, or Plex refuses plain http. All jobs pause."""

    def __init__(self, problem: str, *, address: str = "", **words: str) -> None:
        super().__init__(problem, **words)
        self.address = address


class PlexRedirectError(PlexError):
    """Plex's address redirects to another host, which must not receive the token.

    All jobs pause.
    """


class PlexReplaced(PlexError):
    """Another Plex server answers at the address. The jobs run again and use its items."""


class PlexLibraryError(PlexError):
    """A library in the settings does not exist in Plex. All jobs pause."""


class PlexPermanentError(PlexError):
    """Plex refuses the request, for example with status 400. The job is dead-lettered."""


class PlexAmbiguousMatch(PlexPermanentError):
    """Several items match the scene's file. The job is dead-lettered with a list of the items."""


REFUSALS = (PlexNotFound, PlexPermanentError, PlexPermissionError)
_STATUSES: Mapping[int, tuple[type[PlexError], str, str]] = {
    401: (PlexAuthError, "Plex refused the token (401)", "set plex_token again"),
    403: (
        PlexPermissionError,
        "the token has no permission (403)",
        "use the token of the server's owner",
    ),
    404: (PlexNotFound, "Plex answered 404 (not found)", ""),
    498: (PlexTokenExpired, "the token has expired (498)", "set plex_token to a new one"),
}


def error_for_status(
    status: int, doing: str, location: str = "", retry_after: float | None = None, words: str = ""
) -> PlexError:
    if status in _STATUSES:
        kind, problem, remedy = _STATUSES[status]
        return kind(problem, doing=doing, remedy=remedy)
    if status < 400:
        problem = f"Plex's address redirects{f' to {location}' if location else ''}"
        remedy = "set plex_url to the target of the redirect"
        return PlexRedirectError(problem, doing=doing, remedy=remedy)
    if status in _DOWN:
        return PlexServerDown(f"Plex answered {status} (not ready)", retry_after, doing=doing)
    described = f"status {status}: {words}" if words else f"status {status}"
    if status in _TRY_AGAIN or status >= 500:
        patience = PATIENCE if status == 429 and retry_after is None else retry_after
        failure = PlexTemporaryError(f"Plex failed ({described})", patience, doing=doing)
        failure.may_be_one_item = status >= 500 and retry_after is None
        return failure
    return PlexPermanentError(f"Plex refused the request ({described})", doing=doing)


@contextmanager
def plex_errors(doing: str) -> Iterator[None]:
    """Turn errors of `requests`, whose messages may contain titles or tokens, into `PlexError`."""
    try:
        yield
    except (OSError, ParseError) as error:
        raise _plex_error(error, doing) from None


def _plex_error(error: Exception, doing: str) -> PlexError:
    reason = error.args[0] if error.args else None
    reason = getattr(reason, "reason", reason)
    if isinstance(error, requests.exceptions.SSLError):
        return _tls_error(reason, doing)
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.InvalidURL):
        return PlexServerDown("Plex does not answer", doing=doing)
    if isinstance(error, requests.exceptions.Timeout) or isinstance(
        reason, urllib3.exceptions.ReadTimeoutError
    ):
        return PlexTemporaryError("Plex took too long to answer", doing=doing)
    if isinstance(error, requests.exceptions.ConnectionError):
        return _connection_error(reason, doing)
    if isinstance(error, requests.exceptions.RequestException | ParseError):
        failure = PlexTemporaryError("Plex's answer is incomplete or malformed", doing=doing)
        failure.may_be_one_item = isinstance(error, ParseError)
        return failure
    # The `requests` library raises a plain OSError if the file with certificates is missing.
    return PlexTlsError(str(error), remedy="correct plex_verify_tls, or install the plugin again")


def _tls_error(reason: object, doing: str) -> PlexTlsError:
    if isinstance(reason, urllib3.exceptions.SSLError) and reason.args:
        reason = reason.args[0]
    problem = "no encrypted connection (TLS)"
    remedy = "if Plex has an http address, write http in plex_url"
    if isinstance(reason, ssl.SSLCertVerificationError):
        problem = f"Plex's certificate is not trusted ({reason.verify_message})"
        remedy = (
            "use the http address, or set plex_verify_tls to the file of the certificate, or to "
            "false"
        )
    return PlexTlsError(problem, doing=doing, remedy=remedy)


def _connection_error(reason: object, doing: str) -> PlexError:
    if isinstance(reason, urllib3.exceptions.NameResolutionError):
        host = getattr(reason.conn, "host", "")
        remedy = REBINDING if host.endswith(".plex.direct") else ""
        return PlexServerDown("the name in plex_url is not found", remedy=remedy)
    if isinstance(
        reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError
    ):
        return PlexServerDown("nothing answers at Plex's address")
    failure = PlexTemporaryError("Plex closed the connection", doing=doing)
    failure.may_be_one_item = failure.was_closed = True
    return failure

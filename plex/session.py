"""The HTTP session with Plex: no redirects, no proxies, statuses as our errors."""

from http import HTTPStatus
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar

from plex.exceptions import (
    PlexAuthError,
    PlexTemporaryError,
    PlexTokenExpired,
    error_for_status,
)
from shared.quotes import first_words

_READERS_AND_WRITER = 3  # design.md §5: one write in flight, at most two readers
_LONGEST_RETRY_AFTER = 3600.0
_ERROR = 400
_SHORT = 4096  # bytes: the longest error text that is worth reading


class PlexSession(requests.Session):
    """One pooled session for one server.

    Args:
        verify: False, or the path of a file with the certificates to trust.
    """

    def __init__(self, verify: bool | str) -> None:
        super().__init__()
        self.trust_env = False  # Stash exports its own proxy to plugins: none of Plex's business
        self.verify = verify
        adapter = HTTPAdapter(pool_maxsize=_READERS_AND_WRITER, pool_block=True)
        self.mount("http://", adapter)
        self.mount("https://", adapter)
        self.hooks["response"].append(_check_status)

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Prepare a request of ours: its query is quoted already, and Plex has no cookies for us.

        Requests would take apart and quote each byte of the query again, and merge settings that
        nobody has: a sixth of what an edit costs.
        """
        address, mark, query = str(request.url).partition("?")
        prepared = requests.PreparedRequest()
        prepared.prepare(
            method=request.method,
            url=address,
            headers={**self.headers, **request.headers},
            data=request.data,
            cookies=RequestsCookieJar(),
            hooks=self.hooks,
        )
        prepared.url = f"{prepared.url}{mark}{query}"
        return prepared

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request, and once more where Plex answers 401; raise on an error status.

        A Plex under strain answers 401 to a right token now and then, so only the second 401 in a
        row is believed. No redirect is followed: it would carry the token to another host.
        """
        kwargs["allow_redirects"] = False
        try:
            return super().request(*args, **kwargs)
        except PlexTokenExpired:
            raise
        except PlexAuthError:
            return super().request(*args, **kwargs)


def _check_status(response: requests.Response, *_args: Any, **_kwargs: Any) -> None:
    status = response.status_code
    words = _words(response) if status >= _ERROR else ""
    if status not in (200, 201, 204):
        response.close()  # an unread body would keep its place in the pool for ever
    if status >= 300:
        doing = f"{response.request.method} {_path(response)}"
        location = response.headers.get("Location", "")
        raise error_for_status(status, doing, location.split("?")[0], _retry_after(response), words)
    if status not in (200, 201, 204):
        message = f"Plex answered with status {status}"
        raise PlexTemporaryError(message)


def _path(response: requests.Response) -> str:
    return (response.request.path_url or "/").split("?")[0]


def _words(response: requests.Response) -> str:
    """Return the first words of a short error text; nothing where they only name the status."""
    length = response.headers.get("Content-Length", "")
    if not (length.isascii() and length.isdigit() and int(length) <= _SHORT):
        return ""
    try:
        body = next(response.iter_content(_SHORT), b"")
    except requests.exceptions.RequestException:
        return ""
    words = first_words(body.decode(errors="replace")).removeprefix(str(response.status_code))
    return "" if words.strip() == _phrase(response.status_code) else words.strip()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _retry_after(response: requests.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return min(float(text), _LONGEST_RETRY_AFTER) if text.isascii() and text.isdigit() else None

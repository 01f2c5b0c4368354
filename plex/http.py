"""HTTP with Plex: the session, the headers that identify this plugin, the parsing of answers.

The session follows no redirect, uses no proxy, and turns error statuses into `PlexError`s.
"""

import re
import uuid
from http import HTTPStatus
from typing import Any
from xml.etree.ElementTree import Element, ParseError, fromstring

import requests
from plexapi.utils import parseXMLString
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar

from plex.exceptions import (
    PlexAuthError,
    PlexTemporaryError,
    PlexTokenExpired,
    error_for_status,
)
from shared.events import Report
from shared.state_file import KeptState
from validation.values import first_words

_POOL_SIZE = 3  # connections: one writer and at most two readers
_LONGEST_RETRY_AFTER = 3600.0
_ERROR = 400
_SHORT = 4096  # bytes: the longest error text that is worth reading
_REFERENCE = re.compile(rb"&#(?:x([0-9A-Fa-f]{1,9})|([0-9]{1,9}));")
_OVERLONG_REFERENCE = re.compile(rb"&#(?:x[0-9A-Fa-f]{10,}|[0-9]{10,});")
# The characters of XML 1.0.
_LEGAL = (range(0x20, 0xD800), range(0xE000, 0xFFFE), range(0x10000, 0x110000))
_LEGAL_CONTROLS = frozenset((0x9, 0xA, 0xD))


class PlexSession(requests.Session):
    """A pooled HTTP session for one server.

    `verify` is False, or a file with the certificates to trust.
    """

    def __init__(self, verify: bool | str) -> None:
        super().__init__()
        self.trust_env = False  # Stash exports its own proxy to plugins; it does not apply to Plex
        self.verify = verify
        adapter = HTTPAdapter(pool_maxsize=_POOL_SIZE, pool_block=True)
        self.mount("http://", adapter)
        self.mount("https://", adapter)
        self.hooks["response"].append(_check_status)

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Prepare a request whose query is quoted already; Plex needs no cookies.

        The standard method would quote the query again and merge unused settings, which takes a
        sixth of the time of an edit.
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
        """Send a request, and again after a 401; raise on an error status.

        A Plex under load sometimes answers 401 to a valid token, so only the second 401 in a row
        counts. No redirect is followed, because that would send the token to another host.
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
        response.close()  # an unread body would occupy a connection of the pool
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
    """Return the first words of a short error text; empty if they only repeat the status."""
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


def device_headers(path: str, report: Report, now: float) -> dict[str, str]:
    """Return the headers that identify this installation as one lasting device.

    The id is read from a file, which is created with a new id; an `OSError` means that this failed.
    If the file cannot be read, a temporary id is used.
    """
    file = KeptState(path, report)
    device_id = file.read(now).get("device_id")
    if not isinstance(device_id, str) or not device_id:
        device_id = str(uuid.uuid4())
        file.write({"device_id": device_id})
    return {
        "X-Plex-Client-Identifier": device_id,
        "X-Plex-Product": "Stash2Plex",
        "X-Plex-Device-Name": "Stash2Plex",
    }


def parse_document(content: bytes) -> Element | None:
    """Parse the XML of an answer; None for an empty body.

    Malformed XML is parsed again without the characters and the character references (`&#11;`) that
    XML forbids. A `ParseError` means that the document is malformed in another way.
    """
    if not content.strip():
        return None
    try:
        return fromstring(content)  # noqa: S314 - as plexapi; expat bounds the expansion
    except ParseError:
        legal = _OVERLONG_REFERENCE.sub(b"", _REFERENCE.sub(_without_illegal, content))
        root: Element | None = parseXMLString(legal.decode("utf-8", "replace"))
        return root


def _without_illegal(reference: re.Match[bytes]) -> bytes:
    hexadecimal, decimal = reference.groups()
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    is_legal = code in _LEGAL_CONTROLS or any(code in legal for legal in _LEGAL)
    return reference[0] if is_legal else b""

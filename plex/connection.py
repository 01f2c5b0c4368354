import ipaddress
import re
import socket
import ssl
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.client import responses
from typing import NamedTuple
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, ParseError, fromstring

import requests
from plexapi.utils import parseXMLString
from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context

from plex.exceptions import (
    REBINDING,
    PlexError,
    PlexReplaced,
    PlexTemporaryError,
    PlexTlsError,
    error_for_status,
    plex_errors,
)
from shared.events import Report
from shared.state_file import KeptState
from validation.values import first_words, whole_number

Timeout = tuple[float, float]
IDENTITY_TIMEOUT: Timeout = (5.0, 5.0)
_POOL_SIZE = 3
_LONGEST_RETRY_AFTER = 3600.0
_TIMES_KEPT = 100
_SUCCESS = (200, 201, 204)
_LONGEST_ERROR_BODY = 4096
_REFERENCE = re.compile(rb"&#(?:x([0-9A-Fa-f]+)|([0-9]+));")
_LEGAL = (range(0x20, 0xD800), range(0xE000, 0xFFFE), range(0x10000, 0x110000), (0x9, 0xA, 0xD))
_NAME = re.compile(rb"\*\.([0-9a-f]{32})\.plex\.direct")
_PORTS = {"http": 80, "https": 443}
_TLS_TIMEOUT = 3.0


class Identity(NamedTuple):
    server_id: str
    version: str
    date: str


@dataclass(eq=False, repr=False)
class PlexConnection:
    """Sends requests to one Plex server.

    The first request has no token, because another server may answer at the address.
    """

    url: str
    token: str
    timeout: Timeout
    verify: bool | str
    device: Mapping[str, str]

    def __post_init__(self) -> None:
        self.url = self.url.rstrip("/")
        self._session = _new_session(self.verify)
        self._session.headers.update(self.device)
        self._identity: Identity | None = None
        self.is_replaced = False
        self.edit_times: deque[float] = deque(maxlen=_TIMES_KEPT)

    def close(self) -> None:
        self._session.close()

    @property
    def server_id(self) -> str:
        return (self._identity or self.identity(self.timeout)).server_id

    @property
    def server_version(self) -> str:
        return (self._identity or self.identity(self.timeout)).version

    def identity(self, timeout: Timeout | None = None) -> Identity:
        timeout = timeout or IDENTITY_TIMEOUT
        answer = self.request("GET", "/identity", "", with_token=False, timeout=timeout)
        found = parse_document(answer.content, "")
        server_id = None if found is None else found.get("machineIdentifier")
        if found is None or not server_id:
            raise PlexTemporaryError(
                "the server at plex_url is not a Plex server, or Plex is starting; if this lasts, "
                "correct plex_url"
            )
        identity = Identity(server_id, found.get("version") or "", answer.headers.get("Date", ""))
        known = self._identity or identity
        self.is_replaced = self.is_replaced or server_id != known.server_id
        self._identity = identity._replace(server_id=known.server_id)
        return identity

    def confirm(self) -> None:
        self.identity(self.timeout)
        if self.is_replaced:
            raise PlexReplaced("plex_url now leads to another server; items are looked up again")

    def request(
        self,
        method: str,
        path: str,
        doing: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        with_token: bool = True,
        timeout: Timeout | None = None,
    ) -> requests.Response:
        if with_token and self._identity is None:
            self.identity(self.timeout)
        address, mark, query = path.partition("?")
        sent = {**self._session.headers, **(headers or {})}
        if with_token:
            sent["X-Plex-Token"] = self.token
        try:
            with plex_errors(doing):
                prepared = requests.PreparedRequest()
                prepared.prepare(method, self.url + address, sent, data=data)
                # Set the URL directly, because `prepare` is slow for a long query.
                prepared.url = f"{prepared.url}{mark}{query}"
                response = self._send(prepared, timeout or self.timeout)
                _check_status(response, doing)
                _ = response.content
                if method == "PUT":
                    self.edit_times.append(response.elapsed.total_seconds())
                return response
        except PlexError as error:
            raise self._with_address(error) from None

    def _send(self, prepared: requests.PreparedRequest, timeout: Timeout) -> requests.Response:
        # A redirect is not followed, because another host must not receive the token.
        send = partial(
            self._session.send, prepared, timeout=timeout, allow_redirects=False, stream=True
        )
        response = send()
        # A busy Plex may reject a valid token, so the request is sent a second time.
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            response.close()
            response = send()
        return response

    def read(self, path: str, doing: str, headers: Mapping[str, str] | None = None) -> Element:
        document = parse_document(self.request("GET", path, doing, headers=headers).content, doing)
        if document is None:
            raise PlexTemporaryError("Plex's answer is empty", doing=doing)
        return document

    def _with_address(self, error: PlexError) -> PlexError:
        """If plex_url has a wrong scheme or host, return an error that names the right address."""
        is_plain = self.url.startswith("http:")
        if not (error.was_closed if is_plain else isinstance(error, PlexTlsError)):
            return error
        address = plex_direct_address(self.url)
        # A closed connection does not prove that Plex requires https, as Plex may be restarting.
        if address is None or (is_plain and not self._closes_again()):
            return error
        if is_plain:
            problem = "Plex takes secure connections only"
            remedy = (
                f"set plex_url to {address}, or set 'Secure connections' to Preferred in Plex, "
                "Settings > Network"
            )
        else:
            problem = (
                "Plex's certificate is for a name of plex.direct, not for the host in plex_url"
            )
            trust = "" if self.verify is True else " and plex_verify_tls to on"
            remedy = f"set plex_url to {address}{trust}"
        remedy += f". If that name is not found, {REBINDING}"
        return PlexTlsError(problem, remedy=remedy, address=address)

    def _closes_again(self) -> bool:
        url = f"{self.url}/identity"
        try:
            with plex_errors(""), _new_session(self.verify) as session:
                session.get(url, timeout=IDENTITY_TIMEOUT, allow_redirects=False)
        except PlexError as error:
            return error.was_closed
        return False


def _new_session(verify: bool | str) -> requests.Session:
    session = requests.Session()
    # The proxy in the environment variables is meant for Stash, not for Plex.
    session.trust_env = False
    session.verify = verify
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=_POOL_SIZE, pool_block=True))
    return session


def _check_status(response: requests.Response, doing: str) -> None:
    status = response.status_code
    if status in _SUCCESS:
        return
    words = _words(response) if status >= HTTPStatus.BAD_REQUEST else ""
    response.close()
    if status < HTTPStatus.MULTIPLE_CHOICES:
        raise PlexTemporaryError(f"Plex answered with status {status}", doing=doing)
    location = response.headers.get("Location", "").split("?")[0]
    text = response.headers.get("Retry-After", "")
    is_number = text.isascii() and text.isdigit()
    retry_after = min(float(text), _LONGEST_RETRY_AFTER) if is_number else None
    raise error_for_status(status, doing, location, retry_after, words)


def _words(response: requests.Response) -> str:
    if not 0 < whole_number(response.headers.get("Content-Length")) <= _LONGEST_ERROR_BODY:
        return ""
    try:
        body = next(response.iter_content(_LONGEST_ERROR_BODY), b"")
    except requests.exceptions.RequestException:
        return ""
    status = response.status_code
    words = first_words(body.decode(errors="replace")).removeprefix(str(status)).strip()
    return "" if words == responses.get(status) else words


def paging(start: int, size: int) -> dict[str, str]:
    return {"X-Plex-Container-Start": str(start), "X-Plex-Container-Size": str(size)}


def device_headers(path: str, report: Report, now: float) -> dict[str, str]:
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


def parse_document(content: bytes, doing: str) -> Element | None:
    if not content.strip():
        return None
    with plex_errors(doing):
        try:
            return fromstring(content)  # noqa: S314 - as plexapi; expat bounds the expansion
        except ParseError:
            legal = _REFERENCE.sub(_without_illegal, content)
            root: Element | None = parseXMLString(legal.decode("utf-8", "replace"))
            return root


def _without_illegal(reference: re.Match[bytes]) -> bytes:
    hexadecimal, decimal = (digits and digits.lstrip(b"0")[:9] for digits in reference.groups())
    code = int(hexadecimal or b"0", 16) if decimal is None else int(decimal or b"0")
    return reference[0] if any(code in legal for legal in _LEGAL) else b""


def plex_direct_address(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        with socket.create_connection((host, port), _TLS_TIMEOUT) as connection:
            ip = connection.getpeername()[0]
            name = host.partition("%")[0]
            context = create_urllib3_context(cert_reqs=ssl.CERT_NONE)
            with context.wrap_socket(connection, server_hostname=name) as secured:
                certificate = secured.getpeercert(binary_form=True) or b""
    except (OSError, ValueError, KeyError):
        return None
    found = _NAME.search(certificate)
    if found is None or host.endswith(".plex.direct"):
        return None
    return f"https://{dashed(ip)}.{found[1].decode()}.plex.direct:{port}"


def dashed(ip: str) -> str:
    number = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(number, ipaddress.IPv6Address) and number.ipv4_mapped is not None:
        number = number.ipv4_mapped
    label = str(number).replace(".", "-").replace(":", "-")
    return label if label.strip("-") == label else number.exploded.replace(":", "-")

"""HTTP/1.1 on the wire: one request read, one response written in one piece."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import BinaryIO
from urllib.parse import parse_qsl, unquote, urlsplit

MAX_LINE = 65_536
MAX_HEADERS = 100


class RequestError(Exception):
    """The client does not speak HTTP/1.1 as we know it; the connection ends."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request. Header names are lower case; of repeated ones the first counts."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    keep_alive: bool
    path: str
    query: Mapping[str, str]

    @property
    def host(self) -> str:
        """Host header."""
        return self.headers.get("host", "")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer."""

    status: int
    body: bytes = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self, *, keep_alive: bool, head: bool = False) -> bytes:
        """The bytes to send, headers and body in one."""
        lines = [f"HTTP/1.1 {self.status} {_reason(self.status)}"]
        if self.content_type:
            lines.append(f"Content-Type: {self.content_type}")
        if self.status != HTTPStatus.NOT_MODIFIED:
            lines.append(f"Content-Length: {len(self.body)}")
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if not keep_alive:
            lines.append("Connection: close")
        body = b"" if head or self.status == HTTPStatus.NOT_MODIFIED else self.body
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def read_request(stream: BinaryIO) -> Request | None:
    """The next request of a connection; None when the client has left.

    Raises:
        RequestError: what came is no request that we serve.
    """
    line = stream.readline(MAX_LINE)
    if not line.strip():
        return None
    try:
        method, target, version = line.decode("latin-1").split()
    except ValueError:
        msg = f"request line {line!r}"
        raise RequestError(msg) from None
    headers = _read_headers(stream)
    if "transfer-encoding" in headers:
        msg = "chunked requests are not served"
        raise RequestError(msg)
    length = _length(headers.get("content-length", "0"))
    body = stream.read(length) if length else b""
    if len(body) < length:
        return None
    url = urlsplit(target)
    return Request(
        method=method,
        target=target,
        headers=headers,
        body=body,
        keep_alive=version == "HTTP/1.1" and headers.get("connection", "").lower() != "close",
        path=unquote(url.path),
        query=dict(parse_qsl(url.query, keep_blank_values=True)),
    )


def _read_headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(MAX_HEADERS):
        line = stream.readline(MAX_LINE)
        if line in (b"\r\n", b"\n", b""):
            return headers
        name, _, value = line.decode("latin-1").partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    msg = "too many headers"
    raise RequestError(msg)


def _length(text: str) -> int:
    if not text.isdecimal():
        msg = f"Content-Length {text!r}"
        raise RequestError(msg)
    return int(text)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Status"

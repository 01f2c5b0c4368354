"""HTTP/1.1 on a socket: read one request, render one answer, with as few copies as possible."""

from __future__ import annotations

import gzip
import socket
from dataclasses import dataclass
from email.utils import formatdate

from simulators.plex.answers import Response, reason

_LARGEST_HEAD = 1 << 20
_CHUNK = 1 << 16
TLS_HANDSHAKE = b"\x16"  # first byte of a client that begins TLS


class MalformedError(Exception):
    """Bytes that are no HTTP request."""


@dataclass(slots=True)
class RawRequest:
    """A request as it came over the wire; `line_size` is the length of its first line."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    line_size: int
    size: int

    @property
    def keep_alive(self) -> bool:
        return self.headers.get("connection", "").lower() != "close"


class RequestReader:
    """Reads requests from one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray()

    def read(self) -> RawRequest | None:
        """The next request, or None when the peer has closed between two.

        Raises:
            MalformedError: if what came is no HTTP.
            OSError: if the connection broke or was idle for too long.
        """
        if not self._buffer and not self._receive():
            return None
        if self._buffer.startswith(TLS_HANDSHAKE):
            msg = "TLS on a connection of plain http"
            raise MalformedError(msg)
        head = self._until(b"\r\n\r\n")
        if head is None:
            return None
        line, _, rest = head.partition(b"\r\n")
        words = line.decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            msg = f"not a request line: {line[:80]!r}"
            raise MalformedError(msg)
        headers = _headers(rest)
        body = self._body(headers)
        size = len(head) + 4 + len(body)
        return RawRequest(words[0], words[1], headers, body, len(line), size)

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("expect", "").lower() == "100-continue":
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._chunked()
        length = headers.get("content-length", "0")
        if not length.isdigit():
            msg = f"Content-Length is no number: {length!r}"
            raise MalformedError(msg)
        return self._exactly(int(length))

    def _chunked(self) -> bytes:
        pieces = []
        while True:
            line = self._until(b"\r\n") or b""
            try:
                size = int(line.split(b";")[0], 16)
            except ValueError as error:
                msg = f"not a chunk size: {line[:20]!r}"
                raise MalformedError(msg) from error
            pieces.append(self._exactly(size))
            self._until(b"\r\n")
            if size == 0:
                return b"".join(pieces)

    def _until(self, mark: bytes) -> bytes | None:
        searched = 0
        while (end := self._buffer.find(mark, searched)) < 0:
            searched = max(0, len(self._buffer) - len(mark))
            if len(self._buffer) > _LARGEST_HEAD:
                msg = "the head does not end"
                raise MalformedError(msg)
            if not self._receive():
                return None
        found = bytes(self._buffer[:end])
        del self._buffer[: end + len(mark)]
        return found

    def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            if not self._receive():
                msg = "peer closed within a body"
                raise MalformedError(msg)
        found = bytes(self._buffer[:count])
        del self._buffer[:count]
        return found

    def _receive(self) -> bool:
        data = self._sock.recv(_CHUNK)
        self._buffer += data
        return bool(data)


def _headers(block: bytes) -> dict[str, str]:
    headers = {}
    for line in block.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    headers.pop("", None)
    return headers


def render(response: Response, idle_seconds: float, *, body: bool = True) -> bytes:
    """Head and body as one buffer, so that one write sends both."""
    lines = [
        f"HTTP/1.1 {response.status} {reason(response.status)}",
        f"Content-Type: {response.content_type}",
        f"Content-Length: {len(response.body)}",
        "Connection: Keep-Alive",
        f"Keep-Alive: timeout={idle_seconds:g}",
        "Cache-Control: no-cache",
        "X-Plex-Protocol: 1.0",
        f"Date: {formatdate(usegmt=True)}",
    ]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    return head + response.body if body else head


def compressed(response: Response) -> Response:
    """The same answer gzipped, with Plex's two headers about it."""
    body = gzip.compress(response.body, compresslevel=1)
    sizes = {
        "Content-Encoding": "gzip",
        "X-Plex-Content-Original-Length": str(len(response.body)),
        "X-Plex-Content-Compressed-Length": str(len(body)),
    }
    headers = response.headers | sizes
    return Response(response.status, body, response.content_type, headers)

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BufferedReader

TLS_HANDSHAKE = b"\x16"
_LONGEST_LINE = 1 << 20
_CLOUDFLARE = {
    520: "Web Server Returned an Unknown Error",
    521: "Web Server Is Down",
    522: "Connection Timed Out",
    524: "A Timeout Occurred",
}


class MalformedError(Exception):
    pass


@dataclass(slots=True)
class RawRequest:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    line_size: int
    size: int

    @property
    def keep_alive(self) -> bool:
        return self.headers.get("connection", "").lower() != "close"


def read_request(stream: BufferedReader) -> RawRequest | None:
    if stream.peek(1)[:1] == TLS_HANDSHAKE:
        msg = "TLS on a connection of plain http"
        raise MalformedError(msg)
    line = stream.readline(_LONGEST_LINE)
    if not line:
        return None
    words = line.decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        msg = f"not a request line: {line[:80]!r}"
        raise MalformedError(msg)
    headers: dict[str, str] = {}
    size = len(line)
    while (row := stream.readline(_LONGEST_LINE)) not in (b"\r\n", b""):
        name, _, value = row.decode("latin-1").partition(":")
        headers.setdefault(name.lower(), value.strip())
        size += len(row)
    length = headers.get("content-length", "0")
    if not length.isdigit() or "transfer-encoding" in headers:
        msg = f"no length of the body: {headers}"
        raise MalformedError(msg)
    body = stream.read(int(length))
    if len(body) < int(length):
        return None
    return RawRequest(words[0], words[1], headers, body, len(line.rstrip()), size + len(body))


def reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return _CLOUDFLARE.get(status, "Unknown")


@dataclass(frozen=True, slots=True)
class Response:
    status: int = 200
    body: bytes = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self, more: Mapping[str, str]) -> bytes:
        headers = {"Content-Type": self.content_type} if self.content_type else {}
        if self.status != HTTPStatus.NOT_MODIFIED:
            headers["Content-Length"] = str(len(self.body))
        headers |= {**more, **self.headers}
        fields = [f"{name}: {value}" for name, value in headers.items()]
        lines = [f"HTTP/1.1 {self.status} {reason(self.status)}", *fields, "", ""]
        return "\r\n".join(lines).encode("latin-1", "replace") + self.body

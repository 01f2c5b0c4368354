"""Answers, and the bodies of Plex's errors (plex-protocol.md §1.6, §8.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus

HTML = "text/html"
XML = "text/xml;charset=utf-8"
MAINTENANCE_BODY = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Response code="503" title="Maintenance" '
    b'status="Plex Media Server is currently running database migrations."/>\n'
)
_CLOUDFLARE = {
    520: "Web Server Returned an Unknown Error",
    521: "Web Server Is Down",
    522: "Connection Timed Out",
    524: "A Timeout Occurred",
}


@dataclass(slots=True)
class Response:
    """What goes out; `headers` are those beyond type, length and keep-alive."""

    status: int = 200
    body: bytes = b""
    content_type: str = HTML
    headers: dict[str, str] = field(default_factory=dict)


class RefusedError(Exception):
    """A request that ends in an error status; with Plex's HTML page unless a response is given."""

    def __init__(self, status: int, response: Response | None = None) -> None:
        super().__init__(status)
        self.response = response or html_error(status)


def reason(status: int) -> str:
    """Reason phrase, for statuses of proxies too."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return _CLOUDFLARE.get(status, "Unknown")


def html_error(status: int, headers: dict[str, str] | None = None) -> Response:
    """Plex's error page."""
    phrase = reason(status)
    page = (
        f"<html><head><title>{phrase}</title></head><body><h1>{status} {phrase}</h1></body></html>"
    )
    return Response(status, page.encode(), HTML, headers or {})


def maintenance() -> Response:
    """What Plex says to everything while it starts or migrates."""
    return Response(503, MAINTENANCE_BODY, XML)


def xml(body: bytes, headers: dict[str, str] | None = None) -> Response:
    """A 200 with XML."""
    return Response(200, body, XML, headers or {})

from collections.abc import Mapping

from simulators.wire import Response, reason

HTML = "text/html"
XML = "text/xml;charset=utf-8"
_MAINTENANCE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Response code="503" title="Maintenance" '
    b'status="Plex Media Server is currently running database migrations."/>\n'
)


class RefusedError(Exception):
    def __init__(self, status: int, response: Response | None = None) -> None:
        super().__init__(status)
        self.response = response or html_error(status)


def html_error(status: int, headers: Mapping[str, str] | None = None) -> Response:
    title, heading = reason(status), f"{status} {reason(status)}"
    page = f"<html><head><title>{title}</title></head><body><h1>{heading}</h1></body></html>"
    return Response(status, page.encode(), HTML, headers or {})


def maintenance() -> Response:
    return Response(503, _MAINTENANCE, XML)

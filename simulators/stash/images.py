import hashlib
from collections.abc import Mapping

from simulators.wire import Response

PLACEHOLDER = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 9" width="160" height="90">'
    b'<rect width="16" height="9" fill="#394b59"/></svg>\n'
)


def sniff(data: bytes) -> str:
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.lstrip().startswith((b"<?xml", b"<svg")):
        return "image/svg+xml"
    return "application/octet-stream"


def serve(cover: bytes | None, headers: Mapping[str, str], query: Mapping[str, str]) -> Response:
    data = cover or PLACEHOLDER
    etag = f'"{hashlib.md5(data).hexdigest()}"'
    caching = "private, max-age=31536000, immutable" if "t" in query else "no-cache"
    common = {"ETag": etag, "Cache-Control": caching}
    known = [tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")]
    if etag in known or "*" in known:
        return Response(304, headers=common)
    return Response(200, data, sniff(data), common)

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from graphql import OperationType

from simulators.http_server import Connection, Latch
from simulators.traffic import Exchange, Faults
from simulators.wire import RawRequest, Response

from .auth import Gate, Verdict
from .calls import Call, Cancel
from .clock import Seconds
from .engine import Engine, Prepared, prepare
from .faults import HTML
from .library import Library
from .request_log import LoggedRequest, RequestLog

JSON = "application/json"
_SCREENSHOT = re.compile(r"/scene/(\d+)/screenshot")
_LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Login</title></head><body><form/></body></html>"
_PLACEHOLDER = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 9" width="160" height="90">'
    b'<rect width="16" height="9" fill="#394b59"/></svg>\n'
)


@dataclass(frozen=True, slots=True)
class Request:
    target: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    query: str
    prepared: Prepared
    operation: str | None = None
    variables: Mapping[str, Any] | None = None

    @property
    def is_mutation(self) -> bool:
        operation = self.prepared.operation(self.operation)
        return operation is not None and operation.operation is OperationType.MUTATION


@dataclass
class StashExchange(Exchange):
    app: "App"
    asked: Request
    verdict: Verdict
    graphql: GraphQLRequest | None

    def handle(self) -> Response:
        return self.app.respond(self)

    def render(self, response: Response) -> bytes:
        return response.encode({"Date": formatdate(self.app.now(), usegmt=True)})


class App:
    """Answers HTTP requests to Stash.

    If a client closes the connection during a mutation, the fake Stash kills the plugin processes
    of this mutation.
    """

    def __init__(
        self,
        engine: Engine,
        library: Library,
        gate: Gate,
        log: RequestLog,
        faults: Faults,
        now: Seconds,
        has_plugins: Callable[[], bool],
    ) -> None:
        self._engine = engine
        self._library = library
        self._gate = gate
        self._log = log
        self._faults = faults
        self.now = now
        self._has_plugins = has_plugins

    def serve(self, connection: Connection, raw: RawRequest) -> bool:
        url = urlsplit(raw.target)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        request = Request(raw.target, unquote(url.path), query, raw.headers, raw.body)
        verdict = self._gate.check(request.headers, request.query)
        graphql = _graphql_request(request) if request.path == "/graphql" else None
        entry = LoggedRequest(raw.method, request.path, _kind(request.path), verdict.means)
        if graphql is not None:
            fields = graphql.prepared.top_level_fields(graphql.operation)
            entry.kind = "graphql:" + ",".join(fields)
            entry.operation = graphql.operation
            entry.query = graphql.query
            entry.variables = graphql.variables or {}
        self._log.arrive(entry)
        exchange = StashExchange(connection, self._log, entry, self, request, verdict, graphql)
        return self._faults.serve(exchange)

    def respond(self, exchange: StashExchange) -> Response:
        request, verdict = exchange.asked, exchange.verdict
        response = _refusal(request, verdict)
        if response is not None:
            return response
        if request.path == "/graphql":
            response = self._graphql(request, exchange.connection, exchange.graphql)
        else:
            response = self._page(request)
        if verdict.set_cookie:
            headers = {**response.headers, "Set-Cookie": verdict.set_cookie}
            return replace(response, headers=headers)
        return response

    def _graphql(
        self, request: Request, connection: Connection, graphql: GraphQLRequest | None
    ) -> Response:
        if graphql is None:
            return _json(400, {"errors": [{"message": "json request body could not be decoded"}]})
        with self._cancel(graphql, connection) as cancel:
            call = Call(f"http://{request.headers.get('host', '')}", cancel)
            answer = self._engine.execute(
                graphql.prepared, graphql.variables or {}, graphql.operation, call
            )
        return _json(answer.status, answer.document)

    @contextlib.contextmanager
    def _cancel(self, graphql: GraphQLRequest, connection: Connection) -> Iterator[Cancel]:
        cancel = Cancel()
        if not (graphql.is_mutation and self._has_plugins()):
            yield cancel
            return
        ended = Latch()

        def watch() -> None:
            if connection.wait(ended) == "closed":
                cancel.cancel()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield cancel
        finally:
            ended.open()
            watcher.join()

    def _page(self, request: Request) -> Response:
        screenshot = _SCREENSHOT.fullmatch(request.path)
        if screenshot:
            scene = self._library.scenes.get(int(screenshot[1]))
            if scene is None:
                return Response(404, b"Not Found\n", "text/plain; charset=utf-8")
            return _image(scene.cover, request.headers, request.query)
        page = _LOGIN_PAGE if request.path.startswith("/login") else HTML
        return Response(200, page, "text/html; charset=utf-8")


def _image_type(data: bytes) -> str:
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.lstrip().startswith((b"<?xml", b"<svg")):
        return "image/svg+xml"
    return "application/octet-stream"


def _image(cover: bytes | None, headers: Mapping[str, str], query: Mapping[str, str]) -> Response:
    data = cover or _PLACEHOLDER
    etag = f'"{hashlib.md5(data).hexdigest()}"'
    caching = "private, max-age=31536000, immutable" if "t" in query else "no-cache"
    common = {"ETag": etag, "Cache-Control": caching}
    known = [tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")]
    if etag in known or "*" in known:
        return Response(304, headers=common)
    return Response(200, data, _image_type(data), common)


def _graphql_request(request: Request) -> GraphQLRequest | None:
    try:
        body: Any = json.loads(request.body)
        query = body["query"]
        name = body.get("operationName")
        prepared = prepare(query)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    operation = prepared.operation(name)
    if not name and operation is not None and operation.name is not None:
        name = operation.name.value
    return GraphQLRequest(query, prepared, name, body.get("variables"))


def _kind(path: str) -> str:
    if _SCREENSHOT.fullmatch(path):
        return "screenshot"
    if path == "/graphql":
        return "graphql:"
    return "login" if path.startswith("/login") else "page"


def _refusal(request: Request, verdict: Verdict) -> Response | None:
    if verdict.bad_key:
        return Response(401)
    if verdict.allowed or request.path.startswith("/login"):
        return None
    extension = request.path.rpartition("/")[2].rpartition(".")[2] if "." in request.path else ""
    if request.path == "/graphql" or extension not in ("", "html"):
        return Response(401, headers={"WWW-Authenticate": "FormBased"})
    login = "/login?" + urlencode({"returnURL": request.target})
    return Response(302, headers={"Location": login}, content_type="text/html; charset=utf-8")


def _json(status: int, document: Mapping[str, Any]) -> Response:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Response(status, text.encode("utf-8", "surrogatepass"), JSON)

"""What Stash answers over HTTP: GraphQL, pictures, the login page and the web page."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from graphql import OperationType

from . import images
from .auth import Gate, Verdict
from .calls import Call, Cancel
from .clock import Seconds
from .engine import Answer, Engine, Prepared, prepare
from .faults import HTML, DropError, Faults
from .http_server import Connection
from .library import Library
from .request_log import LoggedRequest, RequestLog
from .settings import StashSettings
from .wire import Request, Response

JSON = "application/json"
_SCREENSHOT = re.compile(r"/scene/(\d+)/screenshot")
_IMAGE = re.compile(r"/(performer|studio|tag|group)/\d+/image")
_LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Login</title></head><body><form/></body></html>"


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """The GraphQL in an HTTP request."""

    query: str
    prepared: Prepared
    operation: str | None = None
    variables: Mapping[str, Any] | None = None

    @property
    def is_mutation(self) -> bool:
        """Whether it changes anything."""
        operation = self.prepared.operation(self.operation)
        return operation is not None and operation.operation is OperationType.MUTATION


class App:
    """Answers requests.

    Args:
        engine: executes GraphQL.
        library: has the covers.
        gate: judges credentials.
        settings: has the external host.
        log: records requests.
        faults: what goes wrong on purpose.
        now: seconds since 1970.
        has_plugins: whether a mutation may run hooks, which a client's leaving would kill.
    """

    def __init__(
        self,
        engine: Engine,
        library: Library,
        gate: Gate,
        settings: StashSettings,
        log: RequestLog,
        faults: Faults,
        now: Seconds,
        has_plugins: Callable[[], bool],
    ) -> None:
        self.latency = 0.0
        self.stopping = threading.Event()
        self._engine = engine
        self._library = library
        self._gate = gate
        self._settings = settings
        self._log = log
        self._faults = faults
        self._now = now
        self._has_plugins = has_plugins

    def handle(self, request: Request, connection: Connection) -> Response:
        """Answers one request, wrongly if a fault is injected for it.

        Raises:
            DropError: a fault ends the connection.
        """
        verdict = self._gate.check(request.headers, request.query)
        graphql = self._graphql_request(request) if request.path == "/graphql" else None
        entry = self._entry(request, verdict, graphql)
        self._log.arrive(entry)
        stopping = self.stopping

        def answer() -> Response:
            if self.latency and stopping.wait(self.latency):
                raise DropError
            return self._answer(request, connection, verdict, graphql)

        fault = self._faults.take(entry)
        status = 0
        try:
            response = answer() if fault is None else fault.apply(answer, stopping)
            status = response.status
        finally:
            self._log.answer(entry, status)
        date = formatdate(self._now(), usegmt=True)
        return replace(response, headers={**response.headers, "Date": date})

    def _entry(
        self, request: Request, verdict: Verdict, graphql: GraphQLRequest | None
    ) -> LoggedRequest:
        entry = LoggedRequest(
            0, self._now(), request.method, request.path, _kind(request.path), auth=verdict.means
        )
        if graphql is not None:
            fields = graphql.prepared.top_level_fields(graphql.operation)
            entry.kind = "graphql:" + ",".join(fields)
            entry.operation = graphql.operation
            entry.query = graphql.query
            entry.variables = graphql.variables or {}
        return entry

    def _answer(
        self,
        request: Request,
        connection: Connection,
        verdict: Verdict,
        graphql: GraphQLRequest | None,
    ) -> Response:
        refusal = _refusal(request, verdict)
        if refusal is not None:
            return refusal
        if request.path == "/graphql":
            response = self._graphql(request, connection, verdict, graphql)
        else:
            response = self._page(request)
        if verdict.set_cookie:
            headers = {**response.headers, "Set-Cookie": verdict.set_cookie}
            return replace(response, headers=headers)
        return response

    # ---- GraphQL ----

    def _graphql_request(self, request: Request) -> GraphQLRequest | None:
        """The GraphQL that was asked; None when the request holds none."""
        try:
            if request.method == "GET":
                body: Any = {**request.query}
                body["variables"] = json.loads(body.get("variables") or "null")
            else:
                body = json.loads(request.body)
            query = body["query"]
            name = body.get("operationName")
            prepared = prepare(query)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None
        operation = prepared.operation(name)
        if not name and operation is not None and operation.name is not None:
            name = operation.name.value
        return GraphQLRequest(query, prepared, name, body.get("variables"))

    def _graphql(
        self,
        request: Request,
        connection: Connection,
        verdict: Verdict,
        graphql: GraphQLRequest | None,
    ) -> Response:
        if graphql is None:
            return _json(400, {"errors": [{"message": "json request body could not be decoded"}]})
        if request.method == "GET" and graphql.is_mutation:
            message = "GET requests only allow query operations"
            return _json(406, {"errors": [{"message": message}], "data": None})
        with self._cancel(graphql, connection) as cancel:
            session = verdict.session
            call = Call(self._base_url(request), session.user, session.visited, cancel)
            answer: Answer = self._engine.execute(
                graphql.prepared, graphql.variables or {}, graphql.operation, call
            )
        return _json(answer.status, answer.document)

    @contextlib.contextmanager
    def _cancel(self, graphql: GraphQLRequest, connection: Connection) -> Iterator[Cancel]:
        if graphql.is_mutation and self._has_plugins():
            with connection.cancel_on_disconnect() as cancel:
                yield cancel
        else:
            yield Cancel()

    def _base_url(self, request: Request) -> str:
        if self._settings.external_host:
            return self._settings.external_host.rstrip("/")
        prefix = request.headers.get("x-forwarded-prefix", "").rstrip("/")
        scheme = request.headers.get("x-forwarded-proto", "http")
        return f"{scheme}://{request.host}{prefix}"

    # ---- the rest ----

    def _page(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return Response(HTTPStatus.METHOD_NOT_ALLOWED)
        screenshot = _SCREENSHOT.fullmatch(request.path)
        if screenshot:
            scene = self._library.scenes.get(int(screenshot[1]))
            if scene is None:
                return Response(404, b"Not Found\n", "text/plain; charset=utf-8")
            return images.serve(scene.cover, request.headers, request.query)
        if _IMAGE.fullmatch(request.path):
            return images.serve(None, request.headers, request.query)
        page = _LOGIN_PAGE if request.path.startswith("/login") else HTML
        return Response(200, page, "text/html; charset=utf-8")


def _kind(path: str) -> str:
    if _SCREENSHOT.fullmatch(path):
        return "screenshot"
    if _IMAGE.fullmatch(path):
        return "image"
    if path == "/graphql":
        return "graphql:"
    return "login" if path.startswith("/login") else "page"


def _refusal(request: Request, verdict: Verdict) -> Response | None:
    """The answer to somebody who may not pass."""
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

"""From a request on the wire to an answer on the wire: log, fault, latency, rights, handler."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Event

from simulators.plex.answers import RefusedError, Response, html_error, maintenance
from simulators.plex.core import Call, Core
from simulators.plex.faults import Faults
from simulators.plex.http_server import Connection
from simulators.plex.params import Params, parse_query
from simulators.plex.request_log import Arrival, Kind, Request, RequestLog, TokenState
from simulators.plex.routes import Route, find_route, kind_of
from simulators.plex.wire import RawRequest, compressed, render

_TOKEN = "x-plex-token"
_LOGGED_HEADERS = ("accept", "content-type", "content-length", "user-agent", "range", "cookie")
_WORTH_COMPRESSING = 1024


@dataclass
class Tokens:
    """Who may come in: the owner, and a shared user who may only look."""

    owner: str
    guest: str | None = None

    def state(self, token: str | None) -> TokenState:
        if not token:
            return "absent"
        if token == self.owner:
            return "present"
        return "guest" if self.guest is not None and token == self.guest else "wrong"


@dataclass
class Latency:
    """Seconds before a request is handled: `every` for all, plus those of its kind."""

    every: float = 0.0
    of_kind: dict[Kind, float] = field(default_factory=dict)

    def of(self, kind: Kind) -> float:
        return self.every + self.of_kind.get(kind, 0.0)


class Pipeline:
    """Serves requests; knows nothing of sockets beyond `Connection`."""

    def __init__(self, core: Core, tokens: Tokens, log: RequestLog, faults: Faults) -> None:
        self.core = core
        self.tokens = tokens
        self.log = log
        self.faults = faults
        self.latency = Latency()
        self.maintenance = False
        self.stopping: Callable[[], Event] = Event

    def serve(self, connection: Connection, raw: RawRequest) -> bool:
        """Answer one request; False ends the connection."""
        path, _, query = raw.target.partition("?")
        params = Params(parse_query(query))
        route, ids = find_route(raw.method, path)
        token = self.tokens.state(raw.headers.get(_TOKEN) or params.get("X-Plex-Token") or None)
        call = Call(raw.method, path, params, raw.headers, raw.body, token, ids)
        request = self._arrive(connection, raw, call, kind_of(route, params))
        call = replace(call, token=self._rights(token))
        exchange = HttpExchange(self, connection, raw, call, route, request)
        blocked = self.core.switches.blocked_query
        try:
            if blocked and re.search(blocked, query):
                return self._blocked(exchange)
            return self._answer(exchange)
        finally:
            self.log.finish(request, request.status, request.bytes_out)

    def _blocked(self, exchange: HttpExchange) -> bool:
        """What a proxy does that does not like the query."""
        exchange.request.fault = "blocked by a proxy"
        if not self.core.switches.proxy_closes:
            return exchange.answer(html_error(403))
        exchange.finish(None, 0)
        return False

    def _rights(self, token: TokenState) -> TokenState:
        """Whose request it counts as."""
        switches = self.core.switches
        is_free = token == "absent" or (token == "wrong" and switches.allowed_network_may_err)
        return "present" if is_free and switches.allows_network_without_token else token

    def _answer(self, exchange: HttpExchange) -> bool:
        fault = self.faults.match(exchange.request)
        pause = self.latency.of(exchange.request.kind)
        if pause > 0 and self.stopping().wait(pause):
            return False
        if fault is not None:
            return fault.run(exchange)
        return exchange.answer(exchange.handle())

    def _arrive(self, connection: Connection, raw: RawRequest, call: Call, kind: Kind) -> Request:
        headers = {
            name: call.token if name == _TOKEN else value
            for name, value in raw.headers.items()
            if name.startswith("x-plex-") or name in _LOGGED_HEADERS
        }
        query = [
            (name, call.token if name.lower() == _TOKEN else value) for name, value in call.params
        ]
        return self.log.arrive(
            Arrival(
                method=call.method,
                path=call.path,
                query=query,
                headers=headers,
                token=call.token,
                kind=kind,
                bytes_in=raw.size,
                connection=connection.number,
            )
        )


class HttpExchange:
    """One request on its way through; what a fault gets to see."""

    def __init__(
        self,
        pipeline: Pipeline,
        connection: Connection,
        raw: RawRequest,
        call: Call,
        route: Route | None,
        request: Request,
    ) -> None:
        self.connection = connection
        self.request = request
        self._pipeline = pipeline
        self._raw = raw
        self._call = call
        self._route = route

    def handle(self) -> Response:
        """Do what the request asks."""
        core = self._pipeline.core
        try:
            self._admit()
            call = self._with_fetched_body()
            with core.changed:
                assert self._route is not None
                response = self._route.handler(core, call)
                core.changed.notify_all()
        except RefusedError as refusal:
            response = refusal.response
        return self._compressed(response)

    def _admit(self) -> None:
        """Everything that is checked before the library is looked at."""
        pipeline, route = self._pipeline, self._route
        if pipeline.maintenance:
            raise RefusedError(503, maintenance())
        if self._raw.line_size > pipeline.core.switches.max_request_line:
            raise RefusedError(400)
        if route is not None and route.public:
            return
        if self._call.token in {"wrong", "absent"}:
            raise RefusedError(401)
        if route is None:
            raise RefusedError(404)
        is_shown = route.kind == "prefs" and pipeline.core.switches.guests_see_prefs
        if route.owner and not is_shown and self._call.token != "present":
            raise RefusedError(403)

    def _with_fetched_body(self) -> Call:
        """The image behind `?url=`, fetched without holding the lock."""
        url = self._call.params.get("url")
        fetches = self.request.kind in {"poster_upload", "art_upload", "image_select"}
        if not fetches or not url.startswith(("http://", "https://")):
            return self._call
        return replace(self._call, body=self._pipeline.core.fetch(url))

    def _compressed(self, response: Response) -> Response:
        accepted = "gzip" in self._raw.headers.get("accept-encoding", "")
        large = len(response.body) > _WORTH_COMPRESSING
        if accepted and large and self._pipeline.core.switches.compresses:
            return compressed(response)
        return response

    def render(self, response: Response) -> bytes:
        """Head and body as one buffer."""
        idle = self._pipeline.core.switches.keep_alive_seconds
        return render(response, idle, body=self._raw.method != "HEAD")

    def finish(self, status: int | None, bytes_out: int) -> None:
        self._pipeline.log.finish(self.request, status, bytes_out)

    def answer(self, response: Response) -> bool:
        data = self.render(response)
        self.finish(response.status, len(data))
        return self.connection.send(data)

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from threading import Event

from simulators.http_server import Connection
from simulators.plex.answers import HTML, RefusedError, html_error, maintenance
from simulators.plex.core import Call, Core
from simulators.plex.faults import Faults
from simulators.plex.params import Params
from simulators.plex.request_log import Kind, Request, RequestLog, TokenState
from simulators.plex.routes import Route, find_route, kind_of
from simulators.traffic import Exchange
from simulators.wire import RawRequest, Response

IDLE_SECONDS = 20.0
_TOKEN = "x-plex-token"
_LOGGED_HEADERS = ("accept", "content-type", "content-length", "user-agent", "range", "cookie")


@dataclass
class Tokens:
    owner: str
    guest: str | None = None

    def state(self, token: str | None) -> TokenState:
        if not token:
            return "absent"
        if token == self.owner:
            return "present"
        return "guest" if token == self.guest else "wrong"


@dataclass
class Latency:
    every: float = 0.0
    of_kind: dict[Kind, float] = field(default_factory=dict)

    def of(self, kind: Kind) -> float:
        return self.every + self.of_kind.get(kind, 0.0)


class Pipeline:
    def __init__(self, core: Core, tokens: Tokens, log: RequestLog, faults: Faults) -> None:
        self.core = core
        self.tokens = tokens
        self.log = log
        self.faults = faults
        self.latency = Latency()
        self.maintenance = False
        self.stopping: Callable[[], Event] = Event

    def serve(self, connection: Connection, raw: RawRequest) -> bool:
        path, _, query = raw.target.partition("?")
        params = Params(query)
        route, ids = find_route(raw.method, path)
        token = self.tokens.state(raw.headers.get(_TOKEN) or params.get("X-Plex-Token"))
        request = _logged(raw, path, params, token, kind_of(route, params))
        self.log.arrive(request)
        rights = self._rights(token)
        call = Call(raw.method, path, params, raw.headers, raw.body, rights, ids)
        exchange = HttpExchange(connection, self.log, request, self, raw, call, route)
        blocked = self.core.switches.blocked_query
        try:
            if blocked and re.search(blocked, query):
                return self._blocked(exchange)
            return self._answer(exchange)
        finally:
            exchange.finish(request.status)

    def _blocked(self, exchange: "HttpExchange") -> bool:
        exchange.request.fault = "blocked by a proxy"
        if not self.core.switches.proxy_closes:
            return exchange.answer(html_error(403))
        exchange.finish(None)
        return False

    def _rights(self, token: TokenState) -> TokenState:
        switches = self.core.switches
        is_free = token == "absent" or (token == "wrong" and switches.allowed_network_may_err)
        return "present" if is_free and switches.allows_network_without_token else token

    def _answer(self, exchange: "HttpExchange") -> bool:
        pause = self.latency.of(exchange.request.kind)
        if pause > 0 and self.stopping().wait(pause):
            return False
        return self.faults.serve(exchange)


def _logged(raw: RawRequest, path: str, params: Params, token: TokenState, kind: Kind) -> Request:
    headers = {
        name: token if name == _TOKEN else value
        for name, value in raw.headers.items()
        if name.startswith("x-plex-") or name in _LOGGED_HEADERS
    }
    query = [(name, token if name.lower() == _TOKEN else value) for name, value in params]
    return Request(raw.method, path, kind, query, headers, token)


@dataclass
class HttpExchange(Exchange):
    pipeline: Pipeline
    raw: RawRequest
    call: Call
    route: Route | None

    def handle(self) -> Response:
        core = self.pipeline.core
        try:
            handler = self._admitted().handler
            with core.changed:
                response = handler(core, self.call)
                core.changed.notify_all()
        except RefusedError as refusal:
            response = refusal.response
        if core.switches.illegal_references:
            body = response.body.replace(b' title="', b' title="&#11;')
            response = replace(response, body=body)
        return response

    def _admitted(self) -> Route:
        switches, route, token = self.pipeline.core.switches, self.route, self.call.token
        if self.pipeline.maintenance:
            raise RefusedError(503, maintenance())
        if self.raw.line_size > switches.max_request_line:
            raise RefusedError(400)
        is_public = route is not None and route.public
        if token in {"wrong", "absent"} and not is_public:
            raise RefusedError(401)
        if route is None:
            raise RefusedError(404)
        is_shown = route.kind == "prefs" and switches.guests_see_prefs
        if route.owner and not is_shown and token != "present":
            raise RefusedError(403)
        return route

    def render(self, response: Response) -> bytes:
        headers = {
            "Connection": "Keep-Alive",
            "Keep-Alive": f"timeout={IDLE_SECONDS:g}",
            "Cache-Control": "no-cache",
            "X-Plex-Protocol": "1.0",
            "Date": formatdate(usegmt=True),
        }
        return replace(response, content_type=response.content_type or HTML).encode(headers)

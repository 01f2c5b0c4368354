"""Injected faults: which requests, how often, and what happens to them.

fault = plex.faults.status(503, kind="edit", times=2)
hang = plex.faults.hang(kind="metadata")
assert hang.wait_for_hit()
hang.release()
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Condition
from typing import Protocol, TypedDict, Unpack

from simulators.http_server import Connection, Latch
from simulators.plex.answers import HTML, XML, Response, html_error, maintenance
from simulators.plex.request_log import Kind, Request


class Exchange(Protocol):
    """One request being served, as a fault sees it; see `HttpExchange`."""

    connection: Connection

    def handle(self) -> Response: ...

    def render(self, response: Response) -> bytes: ...

    def finish(self, status: int | None) -> None: ...

    def answer(self, response: Response) -> bool: ...


class Where(TypedDict, total=False):
    """The requests that a fault is for: all conditions given must hold.

    Attributes:
        times: how many requests are hit, then the fault is over; without it: until cleared.
        after: let so many matching requests pass first.
    """

    kind: Kind
    method: str
    path: str
    predicate: Callable[[Request], bool]
    times: int
    after: int


Action = Callable[[Exchange, "Fault"], bool]


class Fault:
    """A handle on one injected fault."""

    def __init__(self, name: str, action: Action, where: Where, changed: Condition) -> None:
        self.name = name
        self._action = action
        self._where = where
        self._changed = changed
        self._remaining = where.get("times")
        self._let_pass = where.get("after", 0)
        self._cleared = False
        self.hits = 0
        self.latch = Latch()

    @property
    def active(self) -> bool:
        """Whether another request can be hit."""
        return not self._cleared and self._remaining != 0

    def clear(self) -> None:
        """End it: no further request is hit. Requests that hang stay so until `release()`."""
        with self._changed:
            self._cleared = True

    def release(self) -> None:
        """End it, and let hanging or dripping requests go on."""
        self.clear()
        self.latch.open()

    def wait_for_hit(self, hits: int = 1, timeout: float = 30.0) -> bool:
        """Block until it was hit so often; False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self.hits >= hits, timeout)

    def take(self, request: Request) -> bool:
        """Server side, with the lock held: whether this fault answers the request."""
        if not self.active or not self._matches(request):
            return False
        if self._let_pass > 0:
            self._let_pass -= 1
            return False
        if self._remaining is not None:
            self._remaining -= 1
        self.hits += 1
        request.fault = self.name
        self._changed.notify_all()
        return True

    def run(self, exchange: Exchange) -> bool:
        """Server side, without the lock: do it. False ends the connection."""
        return self._action(exchange, self)

    def _matches(self, request: Request) -> bool:
        where = self._where
        predicate = where.get("predicate")
        return (
            where.get("kind", request.kind) == request.kind
            and where.get("method", request.method) == request.method
            and where.get("path", request.path) == request.path
            and (predicate is None or predicate(request))
        )


@dataclass(frozen=True, slots=True)
class _Answer:
    """Answer with something else. `applied`: after having done what was asked."""

    response: Response
    applied: bool = False

    def __call__(self, exchange: Exchange, _: Fault) -> bool:
        if self.applied:
            exchange.handle()
        return exchange.answer(self.response)


class Faults:
    """All injected faults of a server, in order; the first that matches answers.

    Refused connections are `plex.stop()`, maintenance for everything `plex.maintenance(True)`.
    """

    def __init__(self, changed: Condition) -> None:
        self._changed = changed
        self._faults: list[Fault] = []

    def clear(self) -> None:
        """End all faults and let go what hangs."""
        with self._changed:
            faults, self._faults = self._faults, []
        for fault in faults:
            fault.release()

    def match(self, request: Request) -> Fault | None:
        """Server side: the fault that answers this request, if any."""
        with self._changed:
            if not self._faults:
                return None
            self._faults = [fault for fault in self._faults if fault.active]
            return next((fault for fault in self._faults if fault.take(request)), None)

    def inject(self, name: str, action: Action, **where: Unpack[Where]) -> Fault:
        """Any other fault: `action(exchange, fault)` says whether the connection lives on."""
        fault = Fault(name, action, where, self._changed)
        with self._changed:
            self._faults.append(fault)
        return fault

    def status(
        self,
        status: int,
        *,
        retry_after: int | str | None = None,
        applied: bool = False,
        text: str = "",
        **where: Unpack[Where],
    ) -> Fault:
        """An error status with Plex's body: HTML, for 503 the maintenance XML, or plain `text`.

        With `applied`, the request is carried out before the error is sent.
        """
        response = maintenance() if status == 503 else html_error(status)
        if text:
            response.body = text.encode()
        if retry_after is not None:
            response.headers["Retry-After"] = str(retry_after)
        return self.inject(f"status {status}", _Answer(response, applied), **where)

    def redirect(self, location: str, status: int = 301, **where: Unpack[Where]) -> Fault:
        """301 or 302 to another place."""
        response = html_error(status, {"Location": location})
        return self.inject(f"redirect {status}", _Answer(response), **where)

    def html(self, **where: Unpack[Where]) -> Fault:
        """200 with a web page, as a captive portal or a wrong reverse proxy would."""
        page = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body><p>Hi<br></html>"
        return self.body(page, HTML, **where)

    def empty(self, **where: Unpack[Where]) -> Fault:
        """200 with no body at all."""
        return self.body(b"", HTML, **where)

    def body(self, body: bytes, content_type: str = XML, **where: Unpack[Where]) -> Fault:
        """200 with any body; the request is not carried out."""
        return self.inject("body", _Answer(Response(200, body, content_type)), **where)

    def hang(self, *, applied: bool = False, **where: Unpack[Where]) -> Fault:
        """No answer until `release()`; then the real one. Ends also when the client goes away.

        With `applied`, the request is carried out before hanging; otherwise only after the release.
        """

        def action(exchange: Exchange, fault: Fault) -> bool:
            response = exchange.handle() if applied else None
            if exchange.connection.wait(fault.latch) == "closed":
                return False
            return exchange.answer(response or exchange.handle())

        return self.inject("hang", action, **where)

    def close(self, **where: Unpack[Where]) -> Fault:
        """The connection is closed without an answer; nothing is carried out."""
        return self.inject("close", lambda *_: False, **where)

    def unanswered(self, *, reset: bool = False, **where: Unpack[Where]) -> Fault:
        """The request is carried out, then the connection ends without an answer."""

        def action(exchange: Exchange, _: Fault) -> bool:
            exchange.handle()
            if reset:
                exchange.finish(None)
                exchange.connection.reset()
            return False

        return self.inject("unanswered", action, **where)

    def truncate(self, **where: Unpack[Where]) -> Fault:
        """The real answer, cut: Content-Length promises more than is sent."""
        return self.inject("truncate", _send_half, **where)

    def reset(self, **where: Unpack[Where]) -> Fault:
        """The real answer, cut in mid-body by a RST."""

        def action(exchange: Exchange, fault: Fault) -> bool:
            _send_half(exchange, fault)
            exchange.connection.reset()
            return False

        return self.inject("reset", action, **where)


def _send_half(exchange: Exchange, _: Fault) -> bool:
    """Send head and half of a body that is never empty, so that there is something to miss."""
    response = exchange.handle()
    padded = replace(response, body=response.body or b"<MediaContainer/>")
    data = exchange.render(padded)
    exchange.finish(response.status)
    exchange.connection.send(data[: len(data) - (len(padded.body) + 1) // 2])
    return False

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack

from simulators import traffic
from simulators.plex.answers import HTML, XML, html_error, maintenance
from simulators.plex.request_log import Kind, Request
from simulators.traffic import (
    Action,
    Exchange,
    Fault,
    hang,
    hang_after,
    reset as lose_connection,
    send_part,
)
from simulators.wire import Response


class Where(TypedDict, total=False):
    """The conditions that a request must meet to be hit by a fault.

    The first `after` requests that meet the conditions pass. The fault hits the next `times`
    requests. If `times` is None, the fault hits all later requests.
    """

    kind: Kind
    method: str
    path: str
    predicate: Callable[[Request], bool]
    times: int
    after: int


@dataclass(frozen=True, slots=True)
class _Answer:
    response: Response
    applied: bool = False

    def __call__(self, exchange: Exchange, _: Fault) -> bool:
        if self.applied:
            exchange.handle()
        return exchange.answer(self.response)


class Faults(traffic.Faults):
    def inject(self, name: str, action: Action, **where: Unpack[Where]) -> Fault:
        predicate = where.get("predicate")

        def matches(request: Request) -> bool:
            return (
                where.get("kind", request.kind) == request.kind
                and where.get("method", request.method) == request.method
                and where.get("path", request.path) == request.path
                and (predicate is None or predicate(request))
            )

        times, after = where.get("times"), where.get("after", 0)
        return self.add(name, action, matches, times=times, after=after)

    def status(
        self,
        status: int,
        *,
        retry_after: int | str | None = None,
        applied: bool = False,
        text: str = "",
        **where: Unpack[Where],
    ) -> Fault:
        """Respond with an error. If `applied` is True, the fake Plex first executes the request."""
        response = maintenance() if status == 503 else html_error(status)
        if text:
            response = replace(response, body=text.encode())
        if retry_after is not None:
            response = replace(response, headers={"Retry-After": str(retry_after)})
        return self.inject(f"status {status}", _Answer(response, applied), **where)

    def redirect(self, location: str, status: int = 301, **where: Unpack[Where]) -> Fault:
        response = html_error(status, {"Location": location})
        return self.inject(f"redirect {status}", _Answer(response), **where)

    def html(self, **where: Unpack[Where]) -> Fault:
        page = b"<!DOCTYPE html><html><head><title>Welcome</title></head><body><p>Hi<br></html>"
        return self.body(page, HTML, **where)

    def empty(self, **where: Unpack[Where]) -> Fault:
        return self.body(b"", HTML, **where)

    def body(self, body: bytes, content_type: str = XML, **where: Unpack[Where]) -> Fault:
        return self.inject("body", _Answer(Response(200, body, content_type)), **where)

    def hang(self, *, applied: bool = False, **where: Unpack[Where]) -> Fault:
        """Respond only after the test calls `release` of the fault.

        If `applied` is True, the fake Plex executes the request before it waits.
        """
        return self.inject("hang", hang_after if applied else hang, **where)

    def close(self, **where: Unpack[Where]) -> Fault:
        return self.inject("close", lambda *_: False, **where)

    def unanswered(self, *, reset: bool = False, **where: Unpack[Where]) -> Fault:
        def action(exchange: Exchange, fault: Fault) -> bool:
            exchange.handle()
            return lose_connection(exchange, fault) if reset else False

        return self.inject("unanswered", action, **where)

    def truncate(self, **where: Unpack[Where]) -> Fault:
        return self.inject("truncate", _send_half, **where)

    def reset(self, **where: Unpack[Where]) -> Fault:
        def action(exchange: Exchange, fault: Fault) -> bool:
            _send_half(exchange, fault)
            return lose_connection(exchange, fault)

        return self.inject("reset", action, **where)


def _send_half(exchange: Exchange, _: Fault) -> bool:
    return send_part(exchange, lambda body: (len(body) + 1) // 2)

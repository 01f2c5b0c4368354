"""What both fake servers share: a log of requests, and faults that a test injects."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, replace
from threading import Condition
from typing import Any, Generic, TypeVar

from simulators.http_server import Connection, Latch
from simulators.wire import Response

R = TypeVar("R", bound="LoggedRequest")


@dataclass(slots=True)
class LoggedRequest:
    """One request.

    Attributes:
        kind: which of the server's requests it is.
        seq: position since the server was made, from 1; `clear()` does not reset it.
        at: `time.monotonic()` at arrival.
        status: status of the answer; None until it is about to be sent.
        fault: name of the injected fault that answered it, if one did.
    """

    method: str
    path: str
    kind: str
    _: KW_ONLY
    seq: int = 0
    at: float = 0.0
    status: int | None = None
    fault: str | None = None
    done: bool = False

    @property
    def is_write(self) -> bool:
        return self.method in {"PUT", "POST", "DELETE"}


class RequestLog(Generic[R]):
    """Thread-safe log; its condition is the server's, so it can be waited on without polling."""

    def __init__(self, changed: Condition) -> None:
        self._changed = changed
        self._requests: list[R] = []
        self._seq = 0
        self._in_flight = 0
        self._writes_in_flight = 0
        self.max_writes_in_flight = 0

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def requests(self) -> list[R]:
        """All requests since `clear()`, in order of arrival."""
        with self._changed:
            return list(self._requests)

    def mark(self) -> int:
        """Return a point in time for `since`."""
        return self._seq

    def since(self, mark: int) -> list[R]:
        """Return the requests that arrived after the mark."""
        return [request for request in self.requests if request.seq > mark]

    def clear(self) -> None:
        """Forget all requests and the maximum; requests in flight stay counted as such."""
        with self._changed:
            self._requests.clear()
            self.max_writes_in_flight = self._writes_in_flight

    def wait_until_idle(self, timeout: float = 30.0) -> bool:
        """Block until no request is in flight; False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._in_flight == 0, timeout)

    def arrive(self, request: R) -> None:
        """Record a request that was read from the wire."""
        with self._changed:
            self._seq += 1
            request.seq, request.at = self._seq, time.monotonic()
            self._in_flight += 1
            self._writes_in_flight += request.is_write
            self.max_writes_in_flight = max(self.max_writes_in_flight, self._writes_in_flight)
            self._requests.append(request)
            self._changed.notify_all()

    def finish(self, request: R, status: int | None) -> None:
        """Record the answer, before its last byte leaves. Only the first call counts."""
        with self._changed:
            if request.done:
                return
            request.done = True
            request.status = status
            self._in_flight -= 1
            self._writes_in_flight -= request.is_write
            self._changed.notify_all()


@dataclass
class Exchange:
    """One request on its way through; the view that a fault gets."""

    connection: Connection
    log: RequestLog[Any]
    request: Any

    def handle(self) -> Response:
        """Do what the request asks and return the answer, unsent."""
        raise NotImplementedError

    def render(self, response: Response) -> bytes:
        """Return head and body as one buffer."""
        raise NotImplementedError

    def finish(self, status: int | None) -> None:
        """Log the end of the request; to be called before its last byte is sent."""
        self.log.finish(self.request, status)

    def answer(self, response: Response) -> bool:
        """Log and send; False ends the connection."""
        self.finish(response.status)
        return self.connection.send(self.render(response))


Action = Callable[[Exchange, "Fault"], bool]
"""What a fault does with a request; False ends the connection."""


class Fault:
    """A handle on one injected fault."""

    def __init__(
        self,
        name: str,
        action: Action,
        matches: Callable[[Any], bool],
        times: int | None,
        after: int,
        changed: Condition,
    ) -> None:
        self.name = name
        self.run = action
        self._matches = matches
        self._remaining = times
        self._let_pass = after
        self._changed = changed
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
        """End it, and let hanging requests go on."""
        self.clear()
        self.latch.open()

    def wait_for_hit(self, hits: int = 1, timeout: float = 30.0) -> bool:
        """Block until it was hit so often; False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self.hits >= hits, timeout)

    def take(self, request: LoggedRequest) -> bool:
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


class Faults:
    """All injected faults of a server, in order; the first that matches answers."""

    def __init__(self, changed: Condition) -> None:
        self._changed = changed
        self._faults: list[Fault] = []

    def add(
        self,
        name: str,
        action: Action,
        matches: Callable[[Any], bool],
        *,
        times: int | None = None,
        after: int = 0,
    ) -> Fault:
        """Inject a fault.

        Args:
            name: is logged with the requests that it hits.
            action: what it does.
            matches: tells whether a request is meant.
            times: how many requests are hit; None: all until it is cleared.
            after: how many matching requests pass first.
        """
        fault = Fault(name, action, matches, times, after, self._changed)
        with self._changed:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """End all faults and let go what hangs."""
        with self._changed:
            faults, self._faults = self._faults, []
        for fault in faults:
            fault.release()

    def serve(self, exchange: Exchange) -> bool:
        """Server side: answer a request, by the fault that is meant for it, if any."""
        with self._changed:
            self._faults = [fault for fault in self._faults if fault.active]
            hit = next((fault for fault in self._faults if fault.take(exchange.request)), None)
        try:
            if hit is None:
                return exchange.answer(exchange.handle())
            return hit.run(exchange, hit)
        finally:
            exchange.finish(None)


def hang(exchange: Exchange, fault: Fault) -> bool:
    """Answer after the fault was released only, or not at all when the client goes away."""
    if exchange.connection.wait(fault.latch) == "closed":
        return False
    return exchange.answer(exchange.handle())


def reset(exchange: Exchange, _: Fault) -> bool:
    """End the connection by a TCP reset."""
    exchange.finish(None)
    exchange.connection.reset()
    return False


def send_part(exchange: Exchange, missing: Callable[[bytes], int]) -> bool:
    """Send an answer that lacks bytes of its body, which is never empty, and promises them."""
    response = exchange.handle()
    padded = replace(response, body=response.body or b"<MediaContainer/>")
    data = exchange.render(padded)
    exchange.finish(response.status)
    exchange.connection.send(data[: len(data) - missing(padded.body)])
    return False

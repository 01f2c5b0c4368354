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
    """A request in the log of a fake server.

    Attributes:
        at: the time of the arrival, in seconds of `time.monotonic()`.
        fault: the name of the injected fault that the request hit.
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
        with self._changed:
            return list(self._requests)

    def mark(self) -> int:
        return self._seq

    def since(self, mark: int) -> list[R]:
        return [request for request in self.requests if request.seq > mark]

    def clear(self) -> None:
        with self._changed:
            self._requests.clear()
            self.max_writes_in_flight = self._writes_in_flight

    def wait_until_idle(self, timeout: float = 30.0) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._in_flight == 0, timeout)

    def arrive(self, request: R) -> None:
        with self._changed:
            self._seq += 1
            request.seq, request.at = self._seq, time.monotonic()
            self._in_flight += 1
            self._writes_in_flight += request.is_write
            self.max_writes_in_flight = max(self.max_writes_in_flight, self._writes_in_flight)
            self._requests.append(request)
            self._changed.notify_all()

    def finish(self, request: R, status: int | None) -> None:
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
    connection: Connection
    log: RequestLog[Any]
    request: Any

    def handle(self) -> Response:
        raise NotImplementedError

    def render(self, response: Response) -> bytes:
        raise NotImplementedError

    def finish(self, status: int | None) -> None:
        self.log.finish(self.request, status)

    def answer(self, response: Response) -> bool:
        self.finish(response.status)
        return self.connection.send(self.render(response))


# An action answers a request, and returns False if the server must close the connection.
Action = Callable[[Exchange, "Fault"], bool]


class Fault:
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
        return not self._cleared and self._remaining != 0

    def clear(self) -> None:
        with self._changed:
            self._cleared = True

    def release(self) -> None:
        self.clear()
        self.latch.open()

    def wait_for_hit(self, hits: int = 1, timeout: float = 30.0) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.hits >= hits, timeout)

    def take(self, request: LoggedRequest) -> bool:
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
        fault = Fault(name, action, matches, times, after, self._changed)
        with self._changed:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        with self._changed:
            faults, self._faults = self._faults, []
        for fault in faults:
            fault.release()

    def serve(self, exchange: Exchange) -> bool:
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
    if exchange.connection.wait(fault.latch) == "closed":
        return False
    return exchange.answer(exchange.handle())


def hang_after(exchange: Exchange, fault: Fault) -> bool:
    response = exchange.handle()
    return exchange.connection.wait(fault.latch) != "closed" and exchange.answer(response)


def reset(exchange: Exchange, _: Fault) -> bool:
    exchange.finish(None)
    exchange.connection.reset()
    return False


def send_part(exchange: Exchange, missing: Callable[[bytes], int]) -> bool:
    response = exchange.handle()
    padded = replace(response, body=response.body or b"<MediaContainer/>")
    data = exchange.render(padded)
    exchange.finish(response.status)
    exchange.connection.send(data[: len(data) - missing(padded.body)])
    return False

"""Answers of Stash, and errors between a client and Stash that a test injects."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from simulators.wire import render

from .request_log import LoggedRequest, Predicate, Which, matcher

HTML = b"<!DOCTYPE html><html><head><title>Stash</title></head><body></body></html>"


@dataclass(frozen=True, slots=True)
class Response:
    """An answer."""

    status: int
    body: bytes = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self, *, is_head: bool = False) -> bytes:
        """Return the bytes to send, headers and body in one."""
        headers = {"Content-Type": self.content_type} if self.content_type else {}
        if self.status == HTTPStatus.NOT_MODIFIED:
            return render(self.status, {**headers, **self.headers})
        headers["Content-Length"] = str(len(self.body))
        return render(self.status, {**headers, **self.headers}, b"" if is_head else self.body)


Handler = Callable[[], Response]
"""Answers the request as if nothing were wrong."""


class DropError(Exception):
    """The connection ends without a (whole) answer.

    Args:
        sent: bytes to send before.
        reset: with a TCP reset instead of an orderly close.
    """

    def __init__(self, sent: bytes = b"", *, reset: bool = False) -> None:
        super().__init__("connection dropped")
        self.sent = sent
        self.reset = reset


class Fault:
    """Something that goes wrong with a request."""

    def apply(self, handler: Handler, stopping: threading.Event) -> Response:
        """Return the answer; `handler` makes the right one.

        Raises:
            DropError: the connection ends.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Hang(Fault):
    """No answer until `release()`; then the right one. Stopping the server drops it."""

    held: threading.Event = field(default_factory=threading.Event)
    _released: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        """Lets the held requests, and all later ones, go on."""
        self._released.set()

    def apply(self, handler: Handler, stopping: threading.Event) -> Response:
        self.held.set()
        while not self._released.wait(0.02):
            if stopping.is_set():
                raise DropError
        return handler()


@dataclass(frozen=True)
class Status(Fault):
    """An HTTP status instead of an answer; what was asked is not done."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def apply(self, handler: Handler, stopping: threading.Event) -> Response:  # noqa: ARG002
        return Response(self.status, self.body, self.content_type, self.headers)


@dataclass(frozen=True)
class Reset(Fault):
    """A TCP reset. With `after`, what was asked is done first, only the answer is lost."""

    after: bool = False

    def apply(self, handler: Handler, stopping: threading.Event) -> Response:  # noqa: ARG002
        if self.after:
            handler()
        raise DropError(reset=True)


@dataclass(frozen=True)
class Truncated(Fault):
    """The answer ends after `keep` bytes of its body, though its length promised more."""

    keep: int = 10

    def apply(self, handler: Handler, stopping: threading.Event) -> Response:  # noqa: ARG002
        response = handler()
        whole = response.encode()
        raise DropError(whole[: len(whole) - max(len(response.body) - self.keep, 1)])


def html_page() -> Fault:
    """A web page with 200, as a reverse proxy or a login page would send."""
    return Status(200, HTML, "text/html; charset=utf-8")


def empty() -> Fault:
    """200 with no body."""
    return Status(200, b"", "application/json")


def graphql_errors(*messages: str, data: Mapping[str, Any] | None = None) -> Fault:
    """GraphQL errors with HTTP 200."""
    errors = [{"message": message} for message in messages or ("internal system error",)]
    return _json({"errors": errors, "data": data})


def null_data() -> Fault:
    """`{"data": null}` with 200."""
    return _json({"data": None})


def _json(document: object) -> Fault:
    return Status(200, json.dumps(document).encode(), "application/json")


@dataclass(slots=True)
class _Injection:
    fault: Fault
    matches: Predicate
    left: int | None


class Faults:
    """The faults that wait for their requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._injections: list[_Injection] = []

    def inject(self, fault: Fault, which: Which, *, times: int | None = 1) -> Fault:
        """Makes the next `times` matching requests go wrong; None for all until `clear`."""
        with self._lock:
            self._injections.append(_Injection(fault, matcher(which), times))
        return fault

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._injections.clear()

    def take(self, request: LoggedRequest) -> Fault | None:
        """The fault for this request, counted down."""
        with self._lock:
            for injection in self._injections:
                if injection.matches(request):
                    if injection.left is not None:
                        injection.left -= 1
                        if injection.left <= 0:
                            self._injections.remove(injection)
                    return injection.fault
        return None

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from simulators.traffic import Exchange, Fault, reset, send_part
from simulators.wire import Response

HTML = b"<!DOCTYPE html><html><head><title>Stash</title></head><body></body></html>"


@dataclass(frozen=True)
class Status:
    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, exchange: Exchange, _: Fault) -> bool:
        response = Response(self.status, self.body, self.content_type, self.headers)
        return exchange.answer(response)


@dataclass(frozen=True)
class Reset:
    after: bool = False

    def __call__(self, exchange: Exchange, fault: Fault) -> bool:
        if self.after:
            exchange.handle()
        return reset(exchange, fault)


@dataclass(frozen=True)
class Truncated:
    keep: int = 10

    def __call__(self, exchange: Exchange, _: Fault) -> bool:
        return send_part(exchange, lambda body: max(len(body) - self.keep, 1))


def html_page() -> Status:
    return Status(200, HTML, "text/html; charset=utf-8")


def empty() -> Status:
    return Status(200, b"", "application/json")


def graphql_errors(*messages: str, data: Mapping[str, object] | None = None) -> Status:
    errors = [{"message": message} for message in messages or ("internal system error",)]
    return _json({"errors": errors, "data": data})


def null_data() -> Status:
    return _json({"data": None})


def _json(document: object) -> Status:
    return Status(200, json.dumps(document).encode(), "application/json")

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .clock import Seconds

COOKIE = "session"
SESSION_AGE = 3600
Means = Literal["cookie", "apikey", "none"]


@dataclass(frozen=True, slots=True)
class Verdict:
    allowed: bool
    bad_key: bool = False
    means: Means = "none"
    set_cookie: str | None = None


class Gate:
    def __init__(self, now: Seconds, username: str, api_key: str) -> None:
        self.now = now
        self.username = username
        self.api_key = api_key
        self._secret = secrets.token_bytes(32)

    def check(self, headers: Mapping[str, str], query: Mapping[str, str]) -> Verdict:
        key = headers.get("apikey") or query.get("apikey") or ""
        if key and key != self.api_key:
            return Verdict(allowed=False, bad_key=True)
        if key:
            return Verdict(allowed=True, means="apikey")
        user = self._read(_cookie_value(headers.get("cookie", "")))
        if user is None:
            return Verdict(allowed=not self.username)
        renewed = f"{COOKIE}={self.cookie_value()}; Path=/; Max-Age={SESSION_AGE}; SameSite=Lax"
        allowed = not self.username or user == self.username
        return Verdict(allowed=allowed, means="cookie", set_cookie=renewed)

    def cookie_value(self) -> str:
        claims = {"user": self.username, "at": self.now()}
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
        return f"{payload}.{self._sign(payload)}"

    def revoke_all(self) -> None:
        self._secret = secrets.token_bytes(32)

    def _read(self, value: str) -> str | None:
        payload, _, signature = value.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(payload).encode()):
            return None
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload))
        is_old = self.now() - claims["at"] > SESSION_AGE
        return None if is_old else str(claims["user"])

    def _sign(self, payload: str) -> str:
        return hmac.new(self._secret, payload.encode(), hashlib.sha256).hexdigest()


def _cookie_value(header: str) -> str:
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value.strip('"')
    return ""

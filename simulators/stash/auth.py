"""Who may ask: the session cookie and the API key, as Stash checks them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .calls import VisitedHook
from .clock import Seconds

COOKIE = "session"
Means = Literal["cookie", "apikey", "none"]


@dataclass(frozen=True, slots=True)
class Session:
    """What a session cookie says."""

    user: str
    visited: tuple[VisitedHook, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Stash makes of a request's credentials.

    Attributes:
        allowed: whether the request may go on.
        bad_key: it carried an API key, and a wrong one.
        means: what it was authenticated by.
        session: user and visited hooks.
        set_cookie: the renewed cookie to send along.
    """

    allowed: bool
    bad_key: bool = False
    means: Means = "none"
    session: Session = Session("")
    set_cookie: str | None = None


class Gate:
    """Checks requests and makes cookies.

    Args:
        now: seconds since 1970.
        username: empty for a Stash without credentials.
        api_key: empty for none.
        max_session_age: seconds a cookie is good for.
    """

    def __init__(
        self, now: Seconds, username: str = "", api_key: str = "", max_session_age: int = 3600
    ) -> None:
        self.now = now
        self.username = username
        self.api_key = api_key
        self.max_session_age = max_session_age
        self._secret = secrets.token_bytes(32)

    def check(self, headers: Mapping[str, str], query: Mapping[str, str]) -> Verdict:
        """Judges a request by its headers (lower-case names) and query parameters."""
        key = headers.get("apikey") or query.get("apikey") or ""
        if key and key != self.api_key:
            return Verdict(allowed=False, bad_key=True)
        if key:
            return Verdict(allowed=True, means="apikey", session=Session(self.username))
        session = self._read(_cookie_value(headers.get("cookie", "")))
        if session is None:
            return Verdict(allowed=not self.username)
        return Verdict(
            allowed=not self.username or session.user == self.username,
            means="cookie",
            session=session,
            set_cookie=self._header(session),
        )

    def cookie_value(self, session: Session) -> str:
        """A signed cookie for that session, issued now."""
        claims = {"user": session.user, "visited": session.visited, "at": self.now()}
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
        return f"{payload}.{self._sign(payload)}"

    def revoke_all(self) -> None:
        """Makes every cookie issued so far worthless."""
        self._secret = secrets.token_bytes(32)

    def _header(self, session: Session) -> str:
        age = self.max_session_age
        return f"{COOKIE}={self.cookie_value(session)}; Path=/; Max-Age={age}; SameSite=Lax"

    def _read(self, value: str) -> Session | None:
        if not value:
            return None
        payload, _, signature = value.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(payload).encode()):
            return None
        try:
            claims = json.loads(base64.urlsafe_b64decode(payload))
        except (ValueError, binascii.Error):
            return None
        if self.now() - claims["at"] > self.max_session_age:
            return None
        return Session(claims["user"], tuple((p, h) for p, h in claims["visited"]))

    def _sign(self, payload: str) -> str:
        return hmac.new(self._secret, payload.encode(), hashlib.sha256).hexdigest()


def _cookie_value(header: str) -> str:
    """The first cookie named `session`; Go, too, takes the first of several."""
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value.strip('"')
    return ""

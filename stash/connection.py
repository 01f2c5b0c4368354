from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeVar

import requests
from stashapi.classes import GQLWrapper

from stash.exceptions import (
    StashAuthError,
    StashFileError,
    StashQueryError,
    StashRequestError,
    StashUnavailable,
)
from stash.queries import SYSTEM_STATUS
from validation.values import first_words

CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 60.0
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - not bound to
_OK, _UNAUTHORIZED = 200, 401
_Answer = TypeVar("_Answer")
_NOT_READY = {
    "NEEDS_MIGRATION": "Stash needs its database migrated: open Stash",
    "SETUP": "Stash is not set up yet: open Stash",
}
_CHUNK = 65_536
_QUOTED = 4096


@dataclass(frozen=True, slots=True)
class StashFile:
    status: int
    headers: Mapping[str, str]
    data: bytes


@dataclass(frozen=True, slots=True)
class StashAddress:
    scheme: str = "http"
    host: str = "127.0.0.1"
    port: int = 9999
    cookie_name: str = "session"
    cookie: str = ""
    api_key: str = ""

    @property
    def base_url(self) -> str:
        return f"{self.scheme}://{self.url_host}:{self.port}"

    @property
    def url_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def parse_address(raw: Any) -> StashAddress:
    default = StashAddress()
    given = raw if isinstance(raw, Mapping) else {}
    cookie = given.get("SessionCookie")
    cookie = cookie if isinstance(cookie, Mapping) else {}
    scheme, host, port = given.get("Scheme"), _text(given.get("Host"), default.host), default.port
    if type(given.get("Port")) is int and 0 < given["Port"] < 65536:
        port = given["Port"]
    return StashAddress(
        scheme=scheme if scheme in ("http", "https") else default.scheme,
        host=_ANY_ADDRESS.get(host, host),
        port=port,
        cookie_name=str(cookie.get("Name") or default.cookie_name),
        cookie=_text(cookie.get("Value")),
        api_key=_text(given.get("ApiKey")),
    )


def _text(value: Any, default: str = "") -> str:
    return value if isinstance(value, str) else default


class _Session(requests.Session):
    def __init__(self, address: StashAddress) -> None:
        super().__init__()
        # Stash runs on this machine, so requests use no proxy.
        self.trust_env = False
        # Stash's certificate is usually self-signed, so the certificate is not checked.
        self.verify = False
        if address.cookie:
            # With this domain, Stash's next cookie replaces this cookie. Otherwise, requests would
            # send both.
            domain = address.host if "." in address.host else f"{address.url_host}.local"
            self.cookies.set(address.cookie_name, address.cookie, domain=domain, path="/")

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", (CONNECT_TIMEOUT, READ_TIMEOUT))
        kwargs["allow_redirects"] = False
        return super().request(*args, **kwargs)


class StashConnection(GQLWrapper):  # type: ignore[misc] # stashapp-tools ships no types
    """The GraphQL client of stashapp-tools, without its request for Stash's schema.

    After a failed request, the client also requests Stash's status, because Stash may need a
    migration.
    """

    def __init__(self, address: StashAddress, keep_secret: Callable[[object], None]) -> None:
        self.log = SimpleNamespace(debug=lambda _text: None)
        self.fragments: dict[str, str] = {}
        self._keep_secret = keep_secret
        self._in_doubt = False
        self.date = ""
        self.fallback: StashAddress | None = None
        self._use(address)

    def _use(self, address: StashAddress) -> None:
        self._address = address
        self.s = _Session(address)
        self.url = f"{address.base_url}/graphql"
        self._keep_secret(address.cookie)
        self.use_api_key(address.api_key)

    def close(self) -> None:
        self.s.close()

    def use_api_key(self, key: object) -> None:
        if isinstance(key, str) and key:
            self._keep_secret(key)
            self.s.headers["ApiKey"] = key
        else:
            self.s.headers.pop("ApiKey", None)

    def query(self, text: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        data: dict[str, Any] = self._ask(lambda: self.call_GQL(text, variables or {}))
        return data

    def get(self, path: str, headers: Mapping[str, str], most: int) -> StashFile:
        """Read at most `most` + 1 bytes of a file, so the caller can detect a longer file."""
        return self._ask(lambda: self._get(path, headers, most))

    def _ask(self, ask: Callable[[], _Answer]) -> _Answer:
        if self._in_doubt:
            self.confirm_ready()
        try:
            return self._with_credentials(ask)
        except StashUnavailable:
            self._in_doubt = True
            raise
        except (StashQueryError, StashFileError):
            self.confirm_ready()
            raise

    def confirm_ready(self) -> None:
        self._in_doubt = True
        try:
            answer = self._with_credentials(lambda: self.call_GQL(SYSTEM_STATUS, {}))
        except (StashQueryError, StashRequestError):
            answer = {}
        found = answer.get("systemStatus")
        status = found.get("status") if isinstance(found, Mapping) else None
        if status in _NOT_READY:
            raise StashUnavailable(_NOT_READY[status])
        self._in_doubt = False

    def _with_credentials(self, ask: Callable[[], _Answer]) -> _Answer:
        while True:
            try:
                return ask()
            except StashAuthError:
                # Stash rejects a wrong API key even if no key is needed, so retry without a key.
                if self.s.headers.pop("ApiKey", None) is not None:
                    continue
                if self.fallback is None:
                    raise
            except requests.exceptions.RequestException as error:
                url = self._address.base_url
                if self.fallback is None or self.fallback.base_url == url:
                    raise StashUnavailable(
                        f"Stash does not answer at {url} ({type(error).__name__})"
                    ) from None
            self.s.close()
            self._use(self.fallback)
            self.fallback = None

    def _get(self, path: str, headers: Mapping[str, str], most: int) -> StashFile:
        url = self._address.base_url + path
        with self.s.get(url, headers=dict(headers), stream=True) as response:
            if response.status_code == _UNAUTHORIZED or response.is_redirect:
                raise StashAuthError("Stash requires a login")
            if response.status_code not in (_OK, 304, 404):
                begin = next(response.iter_content(_QUOTED), b"").decode(errors="replace")
                raise StashFileError(_describe(response.status_code, begin))
            data = bytearray()
            for chunk in response.iter_content(_CHUNK):
                data += chunk
                if len(data) > most:
                    break
            return StashFile(response.status_code, response.headers, bytes(data[: most + 1]))

    def _handle_GQL_response(self, response: requests.Response) -> dict[str, Any]:  # noqa: N802
        self.date = response.headers.get("Date", "")
        if response.status_code == _UNAUTHORIZED or response.is_redirect:
            raise StashAuthError(
                "Stash rejects the worker's session, because it expired or Stash's login changed"
                if self._address.cookie
                else "Stash requires a login: set STASH_API_KEY to the key that Stash shows under "
                "Settings > Security"
            )
        status = response.status_code
        try:
            content = response.json()
        except ValueError:
            content = None
        if not isinstance(content, dict):
            text = response.content.decode("utf-8", "replace")[:_QUOTED]
            described = _describe(status, text)
            raise StashRequestError(
                f"the answer at Stash's address is not from Stash's API ({described})"
            )
        errors, data = content.get("errors"), content.get("data")
        data = data if isinstance(data, dict) else None
        if not errors and data is not None:
            return data
        found = errors if isinstance(errors, list) else []
        found = [error for error in found if isinstance(error, Mapping)]
        text = "; ".join(str(error.get("message"))[:300] for error in found)
        text = text or f"no data (status {status})"
        if status != _OK:
            raise StashRequestError(f"Stash refuses the request ({_describe(status, text)})")
        if "database is locked" in text:
            raise StashUnavailable(f"Stash is busy: {text}")
        paths = [error.get("path") for error in found]
        raise StashQueryError(f"Stash could not answer: {text}", paths, data)


def _describe(status: int, text: str) -> str:
    words = first_words(text)
    return f"status {status}: {words}" if words else f"status {status}"

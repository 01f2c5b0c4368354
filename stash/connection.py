"""The connection to Stash, built from the object that Stash passes to its plugins."""

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

CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 60.0  # seconds; on a NAS 1,000 scenes take long to read
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - not bound to
_OK, _UNAUTHORIZED = 200, 401
_Answer = TypeVar("_Answer")
# The message to the user by `systemStatus.status`, for a Stash without a usable database
_NOT_READY = {
    "NEEDS_MIGRATION": "Stash needs its database migrated: open Stash",
    "SETUP": "Stash is not set up yet: open Stash",
}
_CHUNK = 65_536  # bytes
_QUOTED = 4096  # bytes of an error's body that are read for the report


@dataclass(frozen=True, slots=True)
class StashFile:
    """An answer to a GET."""

    status: int
    headers: Mapping[str, str]
    data: bytes  # the beginning of the body


@dataclass(frozen=True, slots=True)
class StashAddress:
    """Address and credentials of Stash; the defaults are those of Stash."""

    scheme: str = "http"
    host: str = "127.0.0.1"
    port: int = 9999
    cookie_name: str = "session"
    cookie: str = ""
    config_dir: str = ""
    api_key: str = ""  # only from the command line

    @property
    def base_url(self) -> str:
        return f"{self.scheme}://{self.url_host}:{self.port}"

    @property
    def url_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def parse_address(raw: Any) -> StashAddress:
    """Parse Stash's `server_connection`; an invalid value gets Stash's default.

    The command line adds the member `ApiKey`.
    """
    default = StashAddress()
    given = raw if isinstance(raw, Mapping) else {}
    cookie = given.get("SessionCookie")
    cookie = cookie if isinstance(cookie, Mapping) else {}
    scheme, host, port = given.get("Scheme"), _text(given.get("Host"), default.host), default.port
    if type(given.get("Port")) is int and 0 < given["Port"] < 65536:  # True is no port
        port = given["Port"]
    return StashAddress(
        scheme=scheme if scheme in ("http", "https") else default.scheme,
        host=_ANY_ADDRESS.get(host, host),
        port=port,
        cookie_name=str(cookie.get("Name") or default.cookie_name),
        cookie=_text(cookie.get("Value")),
        config_dir=_text(given.get("Dir")),
        api_key=_text(given.get("ApiKey")),
    )


def _text(value: Any, default: str = "") -> str:
    return value if isinstance(value, str) else default


class _Session(requests.Session):
    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", (CONNECT_TIMEOUT, READ_TIMEOUT))
        kwargs["allow_redirects"] = False  # Stash redirects only to its login page
        return super().request(*args, **kwargs)


class StashConnection(GQLWrapper):  # type: ignore[misc] # stashapp-tools ships no types
    """stashapp-tools' GraphQL client without its introspection at the start.

    After a failure the client asks for the system status first, because a Stash that waits for a
    migration of its database must get no other request. All methods may raise any StashError.
    `keep_secret` gets each secret before its first use.
    """

    def __init__(self, address: StashAddress, keep_secret: Callable[[object], None]) -> None:
        self.log = SimpleNamespace(debug=lambda _text: None)  # for stashapp-tools
        self.fragments: dict[str, str] = {}
        self._keep_secret = keep_secret
        self._in_doubt = False  # whether the last request failed, so Stash may need a migration
        self.date = ""  # HTTP Date of Stash's last answer
        self._offered: StashAddress | None = None
        self._use(address)

    def _use(self, address: StashAddress) -> None:
        self.s = _session(address)
        self.url = f"{address.base_url}/graphql"
        self._base_url = address.base_url
        self._has_cookie = bool(address.cookie)
        self._keep_secret(address.cookie)
        self.use_api_key(address.api_key)

    def offer(self, address: StashAddress) -> None:
        """Store a newer address, for the case that Stash rejects the current address or moved."""
        self._keep_secret(address.cookie)
        self._offered = address

    def close(self) -> None:
        self.s.close()

    def use_api_key(self, key: object) -> None:
        """Use Stash's API key from now on; unlike the cookie it does not expire."""
        if isinstance(key, str) and key:
            self._keep_secret(key)
            self.s.headers["ApiKey"] = key
        else:
            self.s.headers.pop("ApiKey", None)

    def query(self, text: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        data: dict[str, Any] = self._ask(lambda: self.call_GQL(text, variables or {}))
        return data

    def get(self, path: str, headers: Mapping[str, str], most: int) -> StashFile:
        """Return the answer to a GET with status 200, 304 or 404; raise StashFileError otherwise.

        A body is cut after `most` + 1 bytes.
        """
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
        """Raise StashUnavailable unless Stash answers and has a usable database."""
        self._in_doubt = True
        try:
            answer = self._with_credentials(lambda: self.call_GQL(SYSTEM_STATUS, {}))
        except (StashQueryError, StashRequestError):
            answer = {}  # without a status the next request decides
        found = answer.get("systemStatus")
        status = found.get("status") if isinstance(found, Mapping) else None
        if status in _NOT_READY:
            raise StashUnavailable(_NOT_READY[status])
        self._in_doubt = False

    def _with_credentials(self, ask: Callable[[], _Answer]) -> _Answer:
        """Send a request; on failure repeat it without the API key, then with the newer address.

        After a change of the API key, Stash rejects the old key even if it needs no password. The
        cookie, which each answer renews, may still be valid.
        """
        try:
            try:
                return self._ask_without_key(ask)
            except (StashAuthError, requests.exceptions.RequestException) as error:
                offered, is_refusal = self._offered, isinstance(error, StashAuthError)
                if offered is None or not (is_refusal or offered.base_url != self._base_url):
                    raise
                self._offered = None
                self.s.close()
                self._use(offered)
                return ask()
        except requests.exceptions.RequestException as error:
            raise StashUnavailable(
                f"Stash does not answer at {self._base_url} ({type(error).__name__})"
            ) from None

    def _ask_without_key(self, ask: Callable[[], _Answer]) -> _Answer:
        try:
            return ask()
        except StashAuthError:
            if self.s.headers.pop("ApiKey", None) is None:
                raise
            return ask()

    def _get(self, path: str, headers: Mapping[str, str], most: int) -> StashFile:
        url = self._base_url + path
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
                "Stash rejects the worker's session, which has expired or whose login was changed"
                if self._has_cookie
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
            raise StashRequestError(f"Stash's answer is not GraphQL ({_describe(status, text)})")
        errors, data = content.get("errors"), content.get("data")
        if not errors and isinstance(data, dict):
            return data
        found = errors if isinstance(errors, list) else []
        messages = [
            str(error.get("message"))[:300] for error in found if isinstance(error, Mapping)
        ]
        text = "; ".join(messages) or f"no data (status {status})"
        if status != _OK:
            raise StashRequestError(f"Stash refuses the request ({_describe(status, text)})")
        if "database is locked" in text:
            raise StashUnavailable(f"Stash is busy: {text}")
        given = data if isinstance(data, dict) else None
        raise StashQueryError(f"Stash could not answer: {text}", _paths(found), given)


def _describe(status: int, text: str) -> str:
    words = first_words(text)
    return f"status {status}: {words}" if words else f"status {status}"


def _session(address: StashAddress) -> requests.Session:
    session = _Session()
    session.trust_env = False  # Stash runs on this machine, so no proxy applies
    session.verify = False  # the certificate, if any, is self-signed for another name
    if address.cookie:
        # With this domain a renewed cookie replaces the old cookie.
        domain = address.host if "." in address.host else f"{address.url_host}.local"
        session.cookies.set(address.cookie_name, address.cookie, domain=domain, path="/")
    return session


def _paths(errors: list[Any]) -> list[list[object]]:
    """Return the path of each error in the answer; an empty list if an error has no path."""
    paths = [error.get("path") if isinstance(error, Mapping) else None for error in errors]
    return [path for path in paths if isinstance(path, list)] if all(paths) else []

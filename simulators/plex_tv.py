import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import quoteattr

import plexapi.myplex

from simulators.http_server import Connection, HttpServer
from simulators.wire import RawRequest, Response

ACCOUNT_TOKEN = "account-token-00000000"


@dataclass(frozen=True)
class AccountServer:
    name: str
    client_identifier: str
    access_token: str
    addresses: tuple[tuple[str, int], ...]
    owned: bool = True
    https_required: bool = False


def redirect(url: str) -> None:
    """Make plexapi send its requests for plex.tv to `url` in this process."""
    for owner, name in (
        (plexapi.myplex.MyPlexPinLogin, "PINS"),
        (plexapi.myplex.MyPlexAccount, "key"),
        (plexapi.myplex.MyPlexResource, "key"),
    ):
        setattr(owner, name, getattr(owner, name).replace("https://plex.tv", url))


class FakePlexTv:
    def __init__(self, *servers: AccountServer) -> None:
        self.servers = servers
        self.devices: set[str] = set()
        self.polled = threading.Event()
        self._is_confirmed = False
        self._server = HttpServer(self._serve)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    def confirm(self) -> None:
        self._is_confirmed = True

    def _serve(self, connection: Connection, request: RawRequest) -> bool:
        parts = urlsplit(request.target)
        self.devices.add(request.headers.get("x-plex-client-identifier", ""))
        body = self._answer(request, parts.path, parse_qs(parts.query))
        status = 200 if body else 404
        response = Response(status, body.encode(), "application/xml")
        return connection.send(response.encode({})) and request.keep_alive

    def _answer(self, request: RawRequest, path: str, query: Mapping[str, list[str]]) -> str:
        if path == "/api/v2/pins" and request.method == "POST":
            return '<pin id="12" code="strongcode"/>' if query.get("strong") == ["True"] else ""
        if path == "/api/v2/pins/12":
            self.polled.set()
            token = f' authToken="{ACCOUNT_TOKEN}"' if self._is_confirmed else ""
            return f'<pin id="12" code="strongcode"{token}/>'
        if request.headers.get("x-plex-token") != ACCOUNT_TOKEN:
            return ""
        if path == "/api/v2/user":
            return (
                f'<user id="1" username="owner" scrobbleTypes="" authToken="{ACCOUNT_TOKEN}">'
                '<subscription active="0"/><profile/></user>'
            )
        if path == "/api/v2/resources":
            return f"<resources>{''.join(map(_resource, self.servers))}</resources>"
        return ""


def _resource(server: AccountServer) -> str:
    connections = "".join(
        f'<connection protocol="http" address="{host}" port="{port}" local="1" relay="0" '
        f'IPv6="0" uri="https://{host.replace(".", "-")}.{"0" * 32}.plex.direct:{port}"/>'
        for host, port in server.addresses
    )
    return (
        f'<resource name={quoteattr(server.name)} provides="server" owned="{server.owned:d}" '
        f'clientIdentifier="{server.client_identifier}" accessToken="{server.access_token}" '
        f'httpsRequired="{server.https_required:d}"><connections>{connections}</connections>'
        "</resource>"
    )

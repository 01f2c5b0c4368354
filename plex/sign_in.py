from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from xml.etree.ElementTree import ParseError

import requests
from plexapi.exceptions import PlexApiException
from plexapi.myplex import MyPlexAccount, MyPlexPinLogin, MyPlexResource
from requests.exceptions import RequestException

from plex.connection import PlexConnection
from plex.exceptions import PlexError

LIFETIME = 300.0
_BETWEEN_CHECKS = 1.0
_TIMEOUT = 10
_ADDRESS_TIMEOUT = (2.0, 4.0)
# plexapi raises Python errors such as AttributeError if a response lacks expected elements.
_FAULTS = (RequestException, PlexApiException, ParseError, AttributeError, TypeError, ValueError)


class SignInError(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    url: str
    token: str


@dataclass
class PlexSignIn:
    identity: Mapping[str, str]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]

    def __post_init__(self) -> None:
        headers = dict(self.identity)
        self._login = MyPlexPinLogin(requestTimeout=_TIMEOUT, headers=headers, oauth=True)

    def link(self) -> str:
        try:
            return str(self._login.oauthUrl())
        except _FAULTS as error:
            raise _unreachable(error) from error

    def wait(self) -> str:
        ends = self.monotonic() + LIFETIME
        while self.monotonic() < ends:
            if self._login.checkLogin():
                return str(self._login.token)
            if self._login.expired:
                raise SignInError("Plex did not confirm the sign-in. Start the sign-in again")
            self.sleep(_BETWEEN_CHECKS)
        minutes = f"{LIFETIME / 60:.0f} minutes"
        raise SignInError(f"You did not sign in within {minutes}. Start the sign-in again")

    def servers(self, account_token: str) -> list[Server]:
        try:
            session = requests.Session()
            session.auth = self._identified
            account = MyPlexAccount(token=account_token, session=session, timeout=_TIMEOUT)
            resources = [
                resource
                for resource in account.resources()
                if "server" in str(resource.provides) and resource.owned
            ]
        except _FAULTS as error:
            raise _unreachable(error) from error
        if not resources:
            raise SignInError(
                "This Plex account owns no server. Sign in with the account of the server's owner"
            )
        reached = [server for resource in resources if (server := self._reach(resource))]
        if not reached:
            tried = "; ".join(
                f"{resource.name} at {', '.join(_addresses(resource))}" for resource in resources
            )
            raise SignInError(
                f"No server of this account answers Stash's machine ({tried}). Start Plex, or set "
                "plex_url to an address that this machine can reach"
            )
        return reached

    def _identified(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self.identity)
        return request

    def _reach(self, resource: MyPlexResource) -> Server | None:
        token = str(resource.accessToken)
        for url in _addresses(resource):
            server = PlexConnection(url, token, _ADDRESS_TIMEOUT, True, self.identity)
            with closing(server), suppress(PlexError):
                if server.identity(_ADDRESS_TIMEOUT).server_id == resource.clientIdentifier:
                    return Server(str(resource.name), url, token)
        return None


def _addresses(resource: MyPlexResource) -> Iterator[str]:
    if not resource.httpsRequired:
        yield from resource.preferred_connections(ssl=False, locations=["local"])
    yield from resource.preferred_connections(ssl=True)


def _unreachable(error: Exception) -> SignInError:
    return SignInError(
        f"plex.tv did not answer as expected ({type(error).__name__}). Check the internet "
        "connection of Stash's machine, or enter plex_url and plex_token yourself"
    )

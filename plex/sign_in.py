"""Signing in with a Plex account: a link for the user, the account's servers, their addresses.

Plex's own clients sign in this way. plexapi speaks with plex.tv; the user enters the password on
Plex's web page only, and the token goes from plex.tv to this process.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import ParseError

import requests
from plexapi.exceptions import PlexApiException
from plexapi.myplex import MyPlexAccount, MyPlexPinLogin, MyPlexResource
from requests.auth import AuthBase

from plex.connection import PlexConnection
from plex.exceptions import PlexError

LIFETIME = 300.0  # seconds in which the user has to sign in
_BETWEEN_CHECKS = 1.0  # seconds
_TIMEOUT = 10  # seconds for an answer of plex.tv
_ADDRESS_TIMEOUT = (2.0, 4.0)  # seconds to connect and to answer, for each address of a server
# plexapi raises the last four for an answer with other elements than it expects.
_FAULTS = (
    requests.exceptions.RequestException,
    PlexApiException,
    ParseError,
    AttributeError,
    TypeError,
    ValueError,
)


class SignInError(Exception):
    """Signing in failed; the text has the reason and the remedy."""


class _Device(AuthBase):
    """Replaces plexapi's own device identity, which is the same for all its users."""

    def __init__(self, identity: Mapping[str, str]) -> None:
        self._identity = identity

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._identity)
        return request


@dataclass(frozen=True, slots=True)
class Server:
    """A Plex server of the account that answers this machine.

    Attributes:
        token: the server's token for this account; secret.
    """

    name: str
    url: str
    token: str


class PlexSignIn:
    """One attempt to sign in.

    Args:
        identity: headers that identify this installation as a device of the account.
    """

    def __init__(
        self,
        identity: Mapping[str, str],
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._identity = dict(identity)
        self._monotonic = monotonic
        self._sleep = sleep
        self._login = MyPlexPinLogin(requestTimeout=_TIMEOUT, headers=self._identity, oauth=True)

    def link(self) -> str:
        """Return the web page of Plex on which the user signs in."""
        try:
            return str(self._login.oauthUrl())
        except _FAULTS as error:
            raise _unreachable(error) from error

    def wait(self) -> str:
        """Wait until the user has signed in; return the token of the account."""
        ends = self._monotonic() + LIFETIME
        while self._monotonic() < ends:
            if self._login.checkLogin():
                return str(self._login.token)
            if self._login.expired:
                message = "Plex's page did not confirm the sign-in: start it again"
                raise SignInError(message)
            self._sleep(_BETWEEN_CHECKS)
        message = f"Nobody signed in within {LIFETIME / 60:.0f} minutes: start it again"
        raise SignInError(message)

    def servers(self, account_token: str) -> list[Server]:
        """Return the servers that the account owns and that answer this machine."""
        try:
            session = requests.Session()
            session.auth = _Device(self._identity)
            account = MyPlexAccount(token=account_token, session=session, timeout=_TIMEOUT)
            resources = [
                resource
                for resource in account.resources()
                if "server" in str(resource.provides) and resource.owned
            ]
        except _FAULTS as error:
            raise _unreachable(error) from error
        if not resources:
            message = "This Plex account owns no server: sign in with the account of its owner"
            raise SignInError(message)
        reached = [server for resource in resources if (server := self._reach(resource))]
        if not reached:
            tried = "; ".join(
                f"{resource.name} at {', '.join(_addresses(resource))}" for resource in resources
            )
            message = (
                f"No server of this account answers Stash's machine ({tried}). Start Plex, or set "
                "plex_url to an address that this machine can reach"
            )
            raise SignInError(message)
        return reached

    def _reach(self, resource: MyPlexResource) -> Server | None:
        """Return the server with its first address that answers; None if no address answers."""
        token = str(resource.accessToken)
        for url in _addresses(resource):
            address = PlexConnection(
                url, token, _ADDRESS_TIMEOUT, verify=True, identity=self._identity
            )
            try:
                if address.identity(_ADDRESS_TIMEOUT).server_id == resource.clientIdentifier:
                    return Server(str(resource.name), url, token)
            except PlexError:
                continue
            finally:
                address.close()
        return None


def _addresses(resource: MyPlexResource) -> Iterator[str]:
    """Yield the addresses of a server: local first, plain http only if allowed and local."""
    if not resource.httpsRequired:
        yield from resource.preferred_connections(ssl=False, locations=["local"])
    yield from resource.preferred_connections(ssl=True)


def _unreachable(error: Exception) -> SignInError:
    return SignInError(
        f"plex.tv did not answer as expected ({type(error).__name__}): check the internet "
        "connection of Stash's machine, or enter plex_url and plex_token by hand"
    )

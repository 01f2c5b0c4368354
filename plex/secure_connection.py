"""Finds, from a Plex server's certificate, the address that its clients need.

Each server has a certificate for `*.<32 hexadecimal digits>.plex.direct`. With "Secure connections:
Required", a server closes plain http connections without an answer, and its IP number does not
match the certificate. The address `https://<ip-with-dashes>.<digits>.plex.direct:32400` matches,
and DNS resolves its name to that IP number.
"""

import ipaddress
import re
import socket
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from plex.exceptions import REBINDING, PlexError, PlexTemporaryError, PlexTlsError

# The binary form of a certificate contains the name as plain ASCII.
_NAME = re.compile(rb"\*\.([0-9a-f]{32})\.plex\.direct")
_PORTS = {"http": 80, "https": 443}
_PATIENCE = 3.0  # seconds for connecting, and for each step of the handshake


def diagnose(
    error: PlexError, url: str, verify: bool | str, doing: str, closes_again: Callable[[], bool]
) -> PlexError:
    """Return the error, or the fault of the configuration that caused it.

    A restarting Plex closes connections too. So plain http counts as refused only if the server has
    a plex.direct certificate and closes a second plain connection.
    """
    is_closed = isinstance(error, PlexTemporaryError) and error.was_closed
    is_plain = url.startswith("http:")
    if not (is_closed if is_plain else isinstance(error, PlexTlsError)):
        return error
    address = plex_direct_address(url)
    if address is None or (is_plain and not closes_again()):
        return error
    if is_plain:
        remedy = (
            f"Plex takes secure connections only: set plex_url to {address}, or set "
            "'Secure connections' to Preferred in Plex, Settings > Network"
        )
    else:
        trust = "" if verify is True else " and plex_verify_tls to on"
        remedy = (
            "Plex's certificate is for a name of plex.direct, not for the host in plex_url: set "
            f"plex_url to {address}{trust}"
        )
    message = f"{doing}: {remedy}. If that name is not found, {REBINDING}"
    return PlexTlsError(message, address)


def plex_direct_address(url: str) -> str | None:
    """Return the https address that matches the certificate of the server at an address.

    The certificate is read without verification, and nothing is sent over that connection. None if
    the server speaks no TLS, has no plex.direct certificate, or `url` has that name.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        with socket.create_connection((host, port), _PATIENCE) as connection:
            ip = connection.getpeername()[0]
            name = host.partition("%")[0]
            with _any_certificate().wrap_socket(connection, server_hostname=name) as secured:
                certificate = secured.getpeercert(binary_form=True) or b""
    except (OSError, ValueError, KeyError):
        return None
    found = _NAME.search(certificate)
    if found is None or host.endswith(".plex.direct"):
        return None
    return f"https://{dashed(ip)}.{found[1].decode()}.plex.direct:{port}"


def dashed(ip: str) -> str:
    """Return an IP number as the first label of a plex.direct name: `192-168-1-10`."""
    number = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(number, ipaddress.IPv6Address) and number.ipv4_mapped is not None:
        number = number.ipv4_mapped
    label = str(number).replace(".", "-").replace(":", "-")
    # A label of a host name must not begin or end with a dash, as `::1` would.
    if label.strip("-") != label:
        label = number.exploded.replace(":", "-")
    return label


def _any_certificate() -> ssl.SSLContext:
    """Return a TLS context that accepts any certificate, only for reading the name in it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context

"""A Plex that wants its own name over https: the cause is named, and the address that works."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from plex.connection import dashed, plex_direct_address
from plex.exceptions import PlexError, PlexServerDown, PlexTemporaryError, PlexTlsError
from plex.health import check_plex_health
from simulators.plex import FakePlex
from tests.certificates import PLEX_DIRECT, Certificate, make_certificate
from tests.plex.support import Lab, client_of


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), f"DNS:*.{PLEX_DIRECT}")


@pytest.fixture
def secure(certificate: Certificate) -> Iterator[FakePlex]:
    with FakePlex(tls=certificate.context) as server:
        server.add_section("Scenes", ["/plex"])
        yield server


def right_address(plex: FakePlex) -> str:
    return f"https://127-0-0-1.{PLEX_DIRECT}:{plex.port}"


def error_at(plex: FakePlex, url: str, verify: bool | str = True) -> PlexError:
    client = client_of(plex, url=url, verify=verify)
    with pytest.raises(PlexError) as caught:
        client.sections()
    health = check_plex_health(client)
    client.close()
    assert type(health.error) is type(caught.value)
    assert health.is_there is isinstance(caught.value, PlexTlsError)
    return caught.value


@pytest.mark.parametrize(
    ("ip", "label"),
    [
        ("192.168.1.10", "192-168-1-10"),
        ("2001:db8::10", "2001-db8--10"),
        ("fe80::1%eth0", "fe80--1"),
        ("::ffff:192.168.1.10", "192-168-1-10"),
        ("::1", "0000-0000-0000-0000-0000-0000-0000-0001"),
    ],
)
def test_an_ip_number_is_a_label_of_a_host_name(ip: str, label: str) -> None:
    assert dashed(ip) == label


def test_closed_http_is_reported_with_the_address_that_works(secure: FakePlex) -> None:
    error = error_at(secure, secure.plain_url)
    assert isinstance(error, PlexTlsError)
    assert error.address == right_address(secure)
    assert f"secure connections only; set plex_url to {error.address}" in str(error)
    assert "DNS rebinding" in str(error)
    assert len(secure.log) == 0, "no token has left"


@pytest.mark.parametrize("trusts_its_file", [False, True])
def test_https_by_ip_is_told_with_the_address_that_works(
    secure: FakePlex, certificate: Certificate, trusts_its_file: bool
) -> None:
    error = error_at(secure, secure.url, str(certificate.file) if trusts_its_file else True)
    assert isinstance(error, PlexTlsError)
    assert error.address == right_address(secure)
    assert ("plex_verify_tls to on" in str(error)) is trusts_its_file


def test_the_address_that_is_named_works(
    secure: FakePlex, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def resolved(host: str, *args: object, **kwargs: object) -> object:
        # What the name servers of plex.direct do.
        ip = host.partition(".")[0].replace("-", ".") if host.endswith(PLEX_DIRECT) else host
        return resolve(ip, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    address = plex_direct_address(secure.plain_url)
    client = client_of(secure, url=address, verify=str(certificate.file))
    assert [section.title for section in client.sections()] == ["Scenes"]
    assert plex_direct_address(str(address)) is None
    client.close()


def test_unknown_plex_direct_has_a_cause(secure: FakePlex, monkeypatch: pytest.MonkeyPatch) -> None:
    def unresolved(*_args: object, **_kwargs: object) -> object:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unresolved)
    error = error_at(secure, right_address(secure))
    assert isinstance(error, PlexServerDown)
    assert "DNS rebinding" in str(error)
    assert "DNS rebinding" not in str(error_at(secure, "http://nas.example:32400"))


def test_a_plex_that_takes_both_and_closes_while_it_restarts_is_an_outage(secure: FakePlex) -> None:
    secure.switches.secure_connections = "preferred"
    client = client_of(secure, url=secure.plain_url)
    secure.faults.close(times=1)
    with pytest.raises(PlexTemporaryError):
        client.sections()
    assert [section.title for section in client.sections()] == ["Scenes"]
    client.close()


def test_a_plex_without_tls_that_closes_is_an_outage(lab: Lab) -> None:
    lab.plex.faults.close()
    assert isinstance(error_at(lab.plex, lab.plex.url), PlexTemporaryError)


def test_a_certificate_of_another_name_is_no_reason_for_another_address(tmp_path: Path) -> None:
    other = make_certificate(tmp_path, "DNS:nas.example")
    with FakePlex(tls=other.context) as plex:
        assert plex_direct_address(plex.url) is None
        assert isinstance(error_at(plex, plex.plain_url), PlexTemporaryError)


def test_secure_connections_that_become_required_later_are_told_at_once(secure: FakePlex) -> None:
    secure.switches.secure_connections = "preferred"
    client = client_of(secure, url=secure.plain_url)
    client.sections()
    secure.switches.secure_connections = "required"
    secure.cut_connections()
    with pytest.raises(PlexTlsError):
        client.sections()
    client.close()

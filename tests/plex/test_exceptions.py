"""Every way in which Plex can fail, and the class that says what to do about it."""

import socket
import traceback
from collections.abc import Iterator
from xml.etree.ElementTree import ParseError

import pytest
import requests
import urllib3

from plex.client import PlexClient
from plex.exceptions import (
    PATIENCE,
    PlexAmbiguousMatch,
    PlexAuthError,
    PlexError,
    PlexLibraryError,
    PlexNotFound,
    PlexPermanentError,
    PlexPermissionError,
    PlexReadOnly,
    PlexRedirectError,
    PlexReplaced,
    PlexServerDown,
    PlexTemporaryError,
    PlexTlsError,
    PlexTokenExpired,
    PlexUploadsDown,
    error_for_status,
    plex_errors,
)
from plex.items import PlexItem
from simulators.plex import FakePlex
from tests.certificates import Certificate, make_certificate
from tests.plex.support import SECONDS, Lab, client_of

STATUSES: dict[int, type[PlexError]] = {
    **dict.fromkeys((300, 301, 302, 303, 307, 308), PlexRedirectError),
    **dict.fromkeys((400, 402, 405, 409, 410, 413, 414, 415, 422), PlexPermanentError),
    **dict.fromkeys((408, 425, 429, 500, 501, 505, 507, 511), PlexTemporaryError),
    **dict.fromkeys((520, 521, 522, 524, 526, 599), PlexTemporaryError),
    **dict.fromkeys((502, 503, 504), PlexServerDown),
    401: PlexAuthError,
    403: PlexPermissionError,
    404: PlexNotFound,
    498: PlexTokenExpired,
}
TITLE = "A title that nobody else shall read"
PRIVATE = ("secret-owner-token", TITLE, TITLE.replace(" ", "%20"), "/plex/scenes", "?", "summary")


@pytest.mark.parametrize(("status", "expected"), STATUSES.items())
def test_a_status_means_one_class_and_one_action(status: int, expected: type[PlexError]) -> None:
    error = error_for_status(status, "reading 50 items")
    assert type(error) is expected
    assert str(error).startswith(f"{error.cause.partition(';')[0]} while reading 50 items")


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (301, "set plex_url to the target of the redirect"),
        (401, "set plex_token again"),
        (498, "set plex_token to a new one"),
        (403, "use the token of the server's owner"),
    ],
)
def test_a_fault_of_the_configuration_names_its_remedy(status: int, remedy: str) -> None:
    assert remedy in str(error_for_status(status, "reading"))


def test_a_redirect_tells_where_it_leads_when_plex_says_so() -> None:
    assert "redirects to https://other while" in str(error_for_status(302, "x", "https://other"))
    assert "redirects while" in str(error_for_status(302, "x"))


@pytest.mark.parametrize(
    ("status", "otherwise"), [(429, PATIENCE), (500, None), (502, None), (503, None)]
)
def test_a_wait_that_plex_asks_for_is_kept(status: int, otherwise: float | None) -> None:
    assert error_for_status(status, "x", retry_after=17.0).retry_after == 17.0
    assert error_for_status(status, "x").retry_after == otherwise


def test_each_class_says_what_to_do_so_none_contains_another_but_for_three() -> None:
    assert issubclass(PlexAmbiguousMatch, PlexPermanentError)
    assert issubclass(PlexTokenExpired, PlexAuthError)
    assert issubclass(PlexReadOnly, PlexServerDown)
    siblings = {*PlexError.__subclasses__(), PlexTokenExpired}
    assert siblings == {
        *STATUSES.values(),
        PlexTlsError,
        PlexLibraryError,
        PlexReplaced,
        PlexUploadsDown,
    }


def _max_retries(reason: Exception) -> requests.exceptions.ConnectionError:
    pool = urllib3.HTTPConnectionPool("plex", 32400)
    url = f"/library/metadata/1?title.value={TITLE}"
    return requests.exceptions.ConnectionError(urllib3.exceptions.MaxRetryError(pool, url, reason))


def _connection() -> urllib3.connection.HTTPConnection:
    return urllib3.connection.HTTPConnection("plex", 32400)


_URL = f"http://plex:32400/library/metadata/1?title.value={TITLE}"
EXCEPTIONS: list[tuple[Exception, type[PlexError]]] = [
    (ParseError(f"not well-formed: {TITLE}"), PlexTemporaryError),
    (requests.exceptions.ConnectTimeout(_URL), PlexServerDown),
    (requests.exceptions.ReadTimeout(_URL), PlexTemporaryError),
    (requests.exceptions.Timeout(_URL), PlexTemporaryError),
    (requests.exceptions.ChunkedEncodingError(_URL), PlexTemporaryError),
    (requests.exceptions.ContentDecodingError(_URL), PlexTemporaryError),
    (requests.exceptions.TooManyRedirects(_URL), PlexTemporaryError),
    (requests.exceptions.InvalidURL(_URL), PlexServerDown),
    (requests.exceptions.RequestException(_URL), PlexTemporaryError),
    (requests.exceptions.SSLError(_URL), PlexTlsError),
    (requests.exceptions.SSLError(), PlexTlsError),
    (requests.exceptions.ConnectionError(_URL), PlexTemporaryError),
    (requests.exceptions.ConnectionError(), PlexTemporaryError),
    (
        requests.exceptions.ConnectionError(
            urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104))
        ),
        PlexTemporaryError,
    ),
    (_max_retries(urllib3.exceptions.NewConnectionError(_connection(), "refused")), PlexServerDown),
    (
        _max_retries(
            urllib3.exceptions.NameResolutionError("plex", _connection(), socket.gaierror())
        ),
        PlexServerDown,
    ),
    (_max_retries(urllib3.exceptions.ConnectTimeoutError(_connection(), "slow")), PlexServerDown),
    (
        requests.exceptions.ConnectionError(
            urllib3.exceptions.ReadTimeoutError(urllib3.HTTPConnectionPool("plex"), _URL, "slow")
        ),
        PlexTemporaryError,
    ),
]


@pytest.mark.parametrize(
    ("raised", "expected"), EXCEPTIONS, ids=[f"{one[0]!r:.40}" for one in EXCEPTIONS]
)
def test_a_library_error_becomes_one_of_ours(raised: Exception, expected: type[PlexError]) -> None:
    with pytest.raises(PlexError) as caught, plex_errors("editing item 7"):
        raise raised
    assert type(caught.value) is expected
    assert str(caught.value).replace(" while editing item 7", "") == caught.value.cause
    assert not [
        word for word in (TITLE, "title.value", "library/metadata") if word in str(caught.value)
    ]
    # A dead letter keeps the whole trace: the library's own exception must not be in it.
    assert TITLE not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("bug", [KeyError("bug"), ValueError("bug"), MemoryError(), SystemExit()])
def test_a_bug_is_not_taken_for_plexs_fault(bug: BaseException) -> None:
    with pytest.raises(type(bug)), plex_errors("reading"):
        raise bug


@pytest.fixture
def plex() -> Iterator[FakePlex]:
    with FakePlex(token=PRIVATE[0]) as server:
        yield server


@pytest.fixture
def connected(lab: Lab) -> PlexClient:
    """A client that has been told who the server is, so that the next request is the one."""
    assert lab.client.server_id == lab.plex.machine_identifier
    return lab.client


def edit(client: PlexClient, item: PlexItem) -> PlexError:
    fields = {"title": {"title.value": TITLE, "title.locked": "1", "summary.value": TITLE}}
    with pytest.raises(PlexError) as caught:
        client.edit(item, fields)
    _assert_private(caught.value)
    return caught.value


def read(client: PlexClient, item: PlexItem) -> PlexError:
    with pytest.raises(PlexError) as caught:
        client.read_items([item.rating_key])
    _assert_private(caught.value)
    return caught.value


def _assert_private(error: PlexError) -> None:
    told = f"{error} {error!r}"
    assert not [word for word in PRIVATE if word in told], told


@pytest.mark.parametrize(
    ("expected", "status"), {kind: status for status, kind in STATUSES.items()}.items()
)
def test_a_status_of_the_real_server_ends_an_edit_in_its_class(
    lab: Lab, connected: PlexClient, item: PlexItem, status: int, expected: type[PlexError]
) -> None:
    lab.plex.faults.status(status, kind="edit")
    of_an_edit = PlexReadOnly if expected is PlexTemporaryError else expected
    assert type(edit(connected, item)) is of_an_edit


def test_a_single_401_is_asked_again_once(lab: Lab, connected: PlexClient, item: PlexItem) -> None:
    lab.plex.faults.status(401, kind="edit", times=1)
    assert connected.edit(item, {"title": {"title.value": "T"}}).requests == 1
    assert [one.status for one in lab.plex.log.select("edit")] == [401, 200]
    assert lab.plex.item(item.rating_key).title == "T"


@pytest.mark.parametrize(("status", "asked"), [(401, 2), (498, 1)])
def test_a_second_401_is_believed_and_an_expired_token_at_once(
    lab: Lab, connected: PlexClient, item: PlexItem, status: int, asked: int
) -> None:
    lab.plex.faults.status(status, kind="metadata")
    assert isinstance(read(connected, item), PlexAuthError)
    assert lab.plex.log.count("metadata") == asked


@pytest.mark.parametrize("status", [202, 206, 207])
def test_a_success_that_plex_never_announces_is_none(
    lab: Lab, connected: PlexClient, item: PlexItem, status: int
) -> None:
    lab.plex.faults.status(status, kind="edit")
    assert type(edit(connected, item)) is PlexReadOnly


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("17", 17.0),
        (0, 0.0),
        ("86400", 3600.0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", PATIENCE),
        ("-5", PATIENCE),
        ("²", PATIENCE),
    ],
)
def test_retry_after_is_read_in_seconds_and_believed_up_to_an_hour(
    lab: Lab, connected: PlexClient, item: PlexItem, given: str | int, seconds: float
) -> None:
    lab.plex.faults.status(429, retry_after=given, kind="edit")
    assert edit(connected, item).retry_after == seconds


def test_a_redirect_is_never_followed(lab: Lab, connected: PlexClient, item: PlexItem) -> None:
    with FakePlex(token=lab.plex.token) as elsewhere:
        lab.plex.faults.redirect(
            f"{elsewhere.url}/login?X-Plex-Token={lab.plex.token}&title={TITLE}"
        )
        for ask in (read, edit):
            error = ask(connected, item)
            assert type(error) is PlexRedirectError
            assert f"{elsewhere.url}/login" in str(error)
        assert len(elsewhere.log) == 0


def test_a_wrong_token_is_an_error_of_authentication(lab: Lab, item: PlexItem) -> None:
    client = client_of(lab.plex, token="revoked-token-0")
    assert type(error := read(client, item)) is PlexAuthError
    assert "revoked" not in str(error)
    client.close()


def test_a_shared_users_token_may_read_and_not_edit(item: PlexItem) -> None:
    with FakePlex(PRIVATE[0], guest_token="guest-token-0123") as server:
        server.add_item(server.add_section("Scenes", ["/plex/scenes"]), "/plex/scenes/a.mp4")
        client = client_of(server, token="guest-token-0123")
        assert list(client.read_items([1])) == [1]
        assert type(edit(client, item)) is PlexPermissionError
        client.close()


BROKEN = [b'{"MediaContainer": {}}', b"<MediaContainer><Video", b"\xff\xfe\x00\x01"]


@pytest.mark.parametrize("body", BROKEN)
def test_an_answer_that_is_no_xml_is_temporary(
    lab: Lab, connected: PlexClient, item: PlexItem, body: bytes
) -> None:
    lab.plex.faults.body(body)
    assert type(read(connected, item)) is PlexTemporaryError


def test_no_answer_within_the_read_timeout_is_temporary(lab: Lab, item: PlexItem) -> None:
    client = client_of(lab.plex, timeout=(SECONDS[0], 0.2))
    assert client.server_id
    fault = lab.plex.faults.hang()
    error = read(client, item)
    fault.release()
    client.close()
    assert type(error) is PlexTemporaryError
    assert "took too long" in str(error)


def test_a_refused_connection_is_an_outage(lab: Lab, connected: PlexClient, item: PlexItem) -> None:
    lab.plex.stop()
    assert type(read(connected, item)) is PlexServerDown
    assert type(edit(client_of(lab.plex), item)) is PlexServerDown
    lab.plex.start()
    assert list(connected.read_items([item.rating_key])) == [item.rating_key]


def test_an_http_server_asked_for_https_is_told_apart_from_an_untrusted_one(lab: Lab) -> None:
    client = client_of(lab.plex, url=lab.plex.url.replace("http:", "https:"))
    with pytest.raises(PlexTlsError, match="write http in plex_url"):
        client.sections()
    client.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), "IP:127.0.0.1")


@pytest.fixture
def secure(certificate: Certificate) -> Iterator[FakePlex]:
    with FakePlex(tls=certificate.context) as server:
        server.add_section("Scenes", ["/plex"])
        yield server


@pytest.mark.parametrize(
    ("verify", "told"),
    [(True, "is not trusted .*plex_verify_tls"), ("/missing.pem", "plex_verify_tls")],
)
def test_a_certificate_error_has_a_remedy(secure: FakePlex, verify: bool | str, told: str) -> None:
    client = client_of(secure, verify=verify)
    with pytest.raises(PlexTlsError, match=told):
        client.sections()
    client.close()


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("verifies", [True, False])
def test_a_certificate_named_in_the_settings_or_any_without_verification_will_do(
    secure: FakePlex, certificate: Certificate, verifies: bool
) -> None:
    client = client_of(secure, verify=str(certificate.file) if verifies else False)
    assert [section.title for section in client.sections()] == ["Scenes"]
    client.close()

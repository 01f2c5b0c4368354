"""The fake Plex as a server: ports, connections, tokens, health."""

from __future__ import annotations

import http.client
import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from plexapi.exceptions import BadRequest, Unauthorized

from simulators.plex import FakePlex, Switches
from simulators.plex.plexapi_client import plexapi_server
from simulators.plex.raw_client import RawClient

UNAUTHORIZED = (
    b"<html><head><title>Unauthorized</title></head><body><h1>401 Unauthorized</h1></body></html>"
)


@pytest.fixture
def plex() -> Iterator[FakePlex]:
    with FakePlex(token="owner-token", guest_token="guest-token") as server:
        server.add_item(server.add_section("Scenes", ["/plex/scenes"]), "/plex/scenes/a.mp4")
        yield server


def test_stop_cuts_connections_and_refuses_new_ones(plex: FakePlex, raw: RawClient) -> None:
    assert raw.get("/identity").ok
    plex.stop()
    with pytest.raises(requests.ConnectionError):
        raw.get("/identity")
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection("127.0.0.1", plex.port).connect()


def test_start_again_keeps_port_and_state(plex: FakePlex, raw: RawClient) -> None:
    port = plex.port
    raw.edit(1, {"studio.value": "Before", "studio.locked": 1})
    for _ in range(3):
        plex.stop()
        plex.start()
    assert plex.port == port
    assert raw.xml("/library/metadata/1")[0].attrib["studio"] == "Before"


def test_one_connection_serves_many_requests(plex: FakePlex, raw: RawClient) -> None:
    for _ in range(5):
        raw.get("/identity")
    assert plex.log.connections == 1
    plex.cut_connections()
    raw.get("/identity")
    assert plex.log.connections == 2


def test_an_idle_connection_is_closed() -> None:
    with FakePlex(switches=Switches(keep_alive_seconds=0.5)) as plex:
        connection = http.client.HTTPConnection("127.0.0.1", plex.port, timeout=5)
        connection.request("GET", "/identity")
        answer = connection.getresponse()
        assert answer.getheader("Keep-Alive") == "timeout=0.5"
        answer.read()
        assert connection.sock.recv(1) == b""
        connection.close()


def test_chunked_and_expecting_clients_are_understood(plex: FakePlex, raw: RawClient) -> None:
    pieces = (piece for piece in (b"\xff\xd8", b"\xff", b"end"))
    answer = raw.session.post(f"{plex.url}/library/metadata/1/posters", data=pieces, timeout=5)
    assert answer.ok
    assert plex.item(1).poster == b"\xff\xd8\xffend"
    headers = {"Expect": "100-continue"}
    assert raw.ask("POST", "/library/metadata/1/arts", headers=headers, data=b"art").ok
    assert plex.item(1).art == b"art"


def test_what_is_no_http_gets_400(plex: FakePlex) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", plex.port, timeout=5)
    connection.connect()
    connection.sock.sendall(b"nonsense\r\n\r\n")
    assert connection.sock.recv(100).startswith(b"HTTP/1.1 400")
    connection.close()


@pytest.mark.parametrize("token", [None, "", "wrong"])
@pytest.mark.parametrize("path", ["/", "/library", "/library/sections", "/nowhere", "/:/prefs"])
def test_without_the_token_everything_is_401(plex: FakePlex, token: str | None, path: str) -> None:
    with RawClient(plex.url, token) as stranger:
        answer = stranger.get(path)
    assert (answer.status_code, answer.content) == (401, UNAUTHORIZED)
    assert answer.headers["Content-Type"] == "text/html"


def test_identity_needs_no_token(plex: FakePlex) -> None:
    with RawClient(plex.url, None) as stranger:
        identity = stranger.xml("/identity")
    assert identity.attrib["machineIdentifier"] == plex.machine_identifier
    assert identity.attrib["version"]


def test_the_token_may_be_in_the_query_and_never_reaches_the_log(plex: FakePlex) -> None:
    with RawClient(plex.url, None) as stranger:
        assert stranger.get("/library", {"X-Plex-Token": "owner-token"}).ok
    with RawClient(plex.url, "owner-token") as owner:
        assert owner.get("/library").ok
    with RawClient(plex.url, "other-token") as other:
        other.get("/library")
    in_query, in_header, wrong = plex.log.requests
    assert in_query.query == [("X-Plex-Token", "present")]
    assert in_header.headers["x-plex-token"] == "present"
    assert (in_query.token, in_header.token, wrong.token) == ("present", "present", "wrong")
    assert "-token" not in json.dumps([[r.headers, r.query] for r in plex.log.requests]).replace(
        "x-plex-token", ""
    )


def test_a_revoked_token_stops_working(plex: FakePlex, raw: RawClient) -> None:
    plex.token = "another-token"
    assert raw.get("/library").status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/library/sections/1/all?type=1&id=1&studio.value=X"),
        ("PUT", "/library/metadata/1?studio.value=X"),
        ("POST", "/library/metadata/1/posters"),
        ("PUT", "/library/metadata/1/refresh"),
        ("GET", "/library/sections/1/refresh"),
        ("PUT", "/library/sections/1/emptyTrash"),
        ("GET", "/:/prefs"),
    ],
)
def test_a_shared_user_may_look_but_not_edit(plex: FakePlex, method: str, path: str) -> None:
    with RawClient(plex.url, "guest-token") as guest:
        assert guest.xml("/library/sections")[0].attrib["allowSync"] == "0"
        answer = guest.ask(method, path)
    assert answer.status_code == 403
    assert b"<h1>403 Forbidden</h1>" in answer.content
    assert plex.item(1).studio == ""


def test_maintenance_is_503_xml_for_identity_too(plex: FakePlex, raw: RawClient) -> None:
    plex.maintenance(True)
    for path in ("/identity", "/library/sections"):
        answer = raw.get(path)
        assert answer.status_code == 503
        assert b'<Response code="503" title="Maintenance"' in answer.content
        assert answer.headers["Content-Type"].startswith("text/xml")
    plex.maintenance(False)
    assert raw.get("/identity").ok


def test_an_overlong_request_line_is_400(plex: FakePlex, raw: RawClient) -> None:
    def line(title: str) -> int:
        return raw.edit(1, {"title.value": title}).status_code

    fits = 8192 - len("PUT /library/sections/1/all?type=1&id=1&title.value= HTTP/1.1")
    assert line("x" * fits) == 200
    assert line("x" * (fits + 1)) == 400
    assert plex.item(1).title == "x" * fits
    plex.switches.max_request_line = 100_000
    assert line("y" * 20_000) == 200


def test_the_owner_reads_the_preferences(raw: RawClient) -> None:
    assert raw.xml("/:/prefs").find("Setting[@id='FriendlyName']") is not None


def test_a_guest_rates_for_himself(plex: FakePlex) -> None:
    query = {"key": 1, "identifier": "com.plexapp.plugins.library", "rating": 5}
    with RawClient(plex.url, "guest-token") as guest:
        assert guest.ask("PUT", "/:/rate", query).ok
    assert plex.item(1).user_rating is None


def test_another_server_may_answer_at_the_same_address(plex: FakePlex, raw: RawClient) -> None:
    plex.machine_identifier = "another"
    assert raw.xml("/identity").attrib["machineIdentifier"] == "another"


def test_unknown_paths_and_items_are_404_html(raw: RawClient) -> None:
    for path in ("/nowhere", "/library/metadata/99", "/library/sections/9/all"):
        answer = raw.get(path)
        assert answer.status_code == 404
        assert b"<h1>404 Not Found</h1>" in answer.content


def test_a_section_that_is_no_number_is_500(raw: RawClient) -> None:
    assert raw.edit(1, {"title.value": "x"}, section="None").status_code == 500


def test_json_only_for_those_who_ask(plex: FakePlex, raw: RawClient) -> None:
    plex.edit(1, title="100", genres=["A"])
    assert raw.get("/library/metadata/1").headers["Content-Type"] == "text/xml;charset=utf-8"
    answer = raw.get("/library/metadata/1", Accept="application/json")
    (row,) = answer.json()["MediaContainer"]["Metadata"]
    assert (row["title"], row["ratingKey"], row["librarySectionID"]) == ("100", "1", 1)
    assert row["Media"][0]["Part"][0]["file"] == "/plex/scenes/a.mp4"
    assert row["Genre"][0]["tag"] == "A"


def test_compression_is_a_switch(plex: FakePlex, raw: RawClient) -> None:
    plex.switches.compresses = True
    answer = raw.get("/library/metadata/1")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert int(answer.headers["X-Plex-Content-Original-Length"]) == len(answer.content)
    assert "Content-Encoding" not in raw.get("/identity").headers


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl for a certificate")
def test_https_with_a_certificate_that_nobody_knows(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", key, "-out", certificate, "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with FakePlex(tls=context) as plex, RawClient(plex.url, plex.token) as raw:
        assert plex.url.startswith("https://")
        with pytest.raises(requests.exceptions.SSLError):
            raw.get("/identity")
        raw.session.verify = str(certificate)
        assert raw.get("/identity").ok
        fault = plex.faults.hang(times=1)
        raw.timeout = 0.2
        with pytest.raises(requests.ReadTimeout):
            raw.get("/identity")
        assert fault.wait_for_hit()
        assert plex.log.wait_until_idle()


def test_plexapi_connects_and_maps_the_errors(plex: FakePlex) -> None:
    with plexapi_server(plex) as server:
        assert server.machineIdentifier == plex.machine_identifier
        assert server.identity().machineIdentifier == plex.machine_identifier
    with pytest.raises(Unauthorized, match=r"^\(401\)"), plexapi_server(plex, "wrong"):
        pass
    with plexapi_server(plex, "guest-token") as guest:
        item = guest.fetchItem(1)
        with pytest.raises(BadRequest, match=r"^\(403\)"):
            item.editTitle("Mine")

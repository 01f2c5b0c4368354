"""Signing in with Plex: from a link to the stored address and token."""

from collections.abc import Iterator
from dataclasses import replace

import plexapi.myplex
import pytest

from simulators.plex_tv import ACCOUNT_TOKEN, AccountServer, FakePlexTv, redirect
from simulators.rig import PLUGIN, TOKEN, Rig
from simulators.stash.plugin_host import PluginRun
from tests.conftest import MakeRig
from tests.ui.situations import ask


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    rig = make_rig(settings={"plex_url": "", "plex_token": ""})
    rig.canary.add(ACCOUNT_TOKEN)
    scene_id, _ = rig.add_pair("one", title="One", details="What happens.")
    rig.stash.edit_scene(scene_id, title="Uno")
    return rig


@pytest.fixture
def plex_tv(rig: Rig) -> Iterator[FakePlexTv]:
    port = rig.plex.port
    identifier = rig.plex.machine_identifier
    with FakePlexTv(
        AccountServer("Home", identifier, TOKEN, (("127.0.0.1", 9), ("127.0.0.1", port))),
        AccountServer("Off", "another-server", "token-of-another", (("127.0.0.1", port),)),
        AccountServer(
            "Friend", identifier, "token-of-a-friend", (("127.0.0.1", port),), owned=False
        ),
    ) as plex_tv:
        rig.alter(plexapi.myplex, redirect, url=plex_tv.url)
        yield plex_tv


def test_a_sign_in_stores_the_server_and_starts_the_sync(rig: Rig, plex_tv: FakePlexTv) -> None:
    job = rig.stash.run_task(PLUGIN, args={"mode": "sign_in"})
    assert plex_tv.polled.wait(30)
    status = ask(rig, "sign_in_status")
    assert status["step"] == "waiting"
    assert "code=strongcode" in status["link"]

    plex_tv.confirm()

    run = rig.stash.jobs.wait(job, 30).result
    assert isinstance(run, PluginRun)
    assert run.result.error is None
    assert ask(rig, "sign_in_status")["step"] == "done"
    assert rig.stash.plugin_settings(PLUGIN)["plex_url"] == rig.plex.url
    assert rig.settled()
    device = [request.headers["x-plex-client-identifier"] for request in rig.plex.log.writes()]
    assert plex_tv.devices == set(device), "one device for plex.tv and for the server"


def test_of_several_servers_the_user_chooses_one(rig: Rig, plex_tv: FakePlexTv) -> None:
    home, *_ = plex_tv.servers
    plex_tv.servers = (home, replace(home, name="Attic"))
    plex_tv.confirm()
    job = rig.stash.run_task(PLUGIN, args={"mode": "sign_in"})
    assert rig.wait_until(lambda: ask(rig, "sign_in_status")["step"] == "choosing")
    assert ask(rig, "sign_in_status")["servers"] == ["Home", "Attic"]
    assert not rig.stash.plugin_settings(PLUGIN)["plex_url"]

    ask(rig, "sign_in_status", server="Attic")

    run = rig.stash.jobs.wait(job, 30).result
    assert isinstance(run, PluginRun)
    assert run.result.error is None
    assert rig.settled()


@pytest.mark.parametrize(
    "fault", ["no server of its own", "no server that answers", "an unknown name", "no plex.tv"]
)
def test_a_failed_sign_in_changes_no_setting(rig: Rig, plex_tv: FakePlexTv, fault: str) -> None:
    home, off, friend = plex_tv.servers
    plex_tv.servers = {
        "no server of its own": (friend,),
        "no server that answers": (off,),
    }.get(fault, (home,))
    plex_tv.confirm()
    if fault == "no plex.tv":
        plex_tv.close()

    server = "Cellar" if fault == "an unknown name" else ""
    result = rig.task("sign_in", server=server)

    assert result.error is not None
    assert "please report" not in result.error
    assert ask(rig, "sign_in_status") | {"now": 0} == {
        "level": "ok", "text": result.error, "step": "failed", "link": "", "servers": [], "now": 0
    }  # fmt: skip
    assert not rig.stash.plugin_settings(PLUGIN)["plex_url"]

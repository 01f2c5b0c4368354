"""How the plugin connects to Plex, end to end, where proxies, tokens and certificates differ."""

import time
from pathlib import Path

import pytest

from simulators.plex import Kind
from simulators.plex.raw_client import RawClient
from simulators.rig import PLUGIN, Rig
from simulators.tuning import Tuning
from sync_queue.operations import METADATA, scene_job
from tests.certificates import PLEX_DIRECT, make_certificate
from tests.conftest import MakeRig
from tests.e2e.answers import asked, operation
from tests.e2e.steps import dead_scenes
from tests.e2e.test_dead_letter_tasks import open_breaker, queue_of, write
from tests.e2e.test_outages import assert_nothing_spent, quicken, state


@pytest.mark.parametrize("status", [401, 302])
def test_a_proxy_that_refuses_the_root_page_is_no_obstacle(rig: Rig, status: int) -> None:
    rig.plex.faults.status(status, kind="root")
    rig.stash.edit_scenes(rig.add_library(3), tags=["T"])

    assert rig.settled(), rig.verdict().differences[:3]
    assert rig.plex.log.count("root") == 0
    assert "accepts the token" in str(rig.task("health_check").output)
    assert rig.plex.analyses == 0, "an item was read without skipRefresh"


KINDS: tuple[Kind, ...] = ("identity", "sections", "listing", "metadata", "edit", "poster_upload")


def test_a_single_401_of_a_strained_plex_costs_one_more_request_each(rig: Rig) -> None:
    for kind in KINDS:
        rig.plex.faults.status(401, kind=kind, times=1)
    (scene_id,) = rig.add_library(1)

    rig.stash.edit_scene(scene_id, title="New")

    assert rig.settled(), rig.verdict().differences[:3]
    assert rig.plex.log.count(status=401) == len(KINDS)
    assert not (rig.data / "outage_history.json").exists()
    assert rig.events("sync_paused", "job_retried") == []


def test_required_https_pauses_with_the_address_to_use(make_rig: MakeRig, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, f"DNS:*.{PLEX_DIRECT}")
    rig = make_rig(plex={"tls": certificate.context})
    quicken(rig)
    rig.configure(plex_url=rig.plex.plain_url)
    ids = rig.add_library(3, covers=False)
    address = f"https://127-0-0-1.{PLEX_DIRECT}:{rig.plex.port}"

    rig.stash.edit_scenes(ids, tags=["T"])
    assert rig.happened("sync_paused")
    assert_nothing_spent(rig)
    assert address in str(rig.task("health_check").error)
    doctor = "\n".join(rig.task("doctor").messages())
    assert "Set plex_url to the address that 'Health Check' names" in doctor
    assert PLEX_DIRECT not in doctor, "the report is shared with others"
    assert len(rig.plex.log) == 0
    rig.plex.switches.secure_connections = "preferred"

    assert rig.settled(60), rig.verdict().differences[:3]
    assert len(rig.events("sync_paused")) == 1
    assert dead_scenes(rig) == set()
    assert not (rig.data / "outage_history.json").exists()


@pytest.mark.parametrize("accepted", [True, False])
def test_a_wrong_token_from_a_network_without_authentication(rig: Rig, accepted: bool) -> None:
    """Whether Plex takes it is not known: edits arrive, or wait for a right token."""
    rig.plex.switches.allows_network_without_token = True
    rig.plex.switches.allowed_network_may_err = accepted
    rig.configure(plex_token="wrong-token-000000")
    ids = rig.add_library(3, covers=False)

    rig.stash.edit_scenes(ids, tags=["T"])

    if not accepted:
        assert rig.happened("sync_paused", error="PlexAuthError")
        assert rig.task("health_check").error is not None
        rig.configure(plex_token=rig.plex.token)
    assert rig.settled(60), rig.verdict().differences[:3]
    assert dead_scenes(rig) == set()


def test_a_token_that_expires_after_seven_days_is_told_everywhere_and_works(rig: Rig) -> None:
    rig.plex.token = "eyJhbGciOiJFZERTQSJ9.eyJuYW1lIjoiUGxleCJ9.c2lnbmF0dXJl"
    saved = operation(rig, "save_settings", settings={"plex_token": rig.plex.token})
    rig.configure(plex_token=rig.plex.token)
    (scene_id,) = rig.add_library(1)

    rig.stash.edit_scene(scene_id, title="New")

    assert rig.settled(), rig.verdict().differences[:3]
    assert rig.events("setting_wrong") == []  # the operation has logged it
    assert len(saved.messages("warning")) == 1
    doctor = "\n".join(rig.task("doctor").messages())
    for text in (saved.output, rig.task("health_check").output, doctor):
        assert "expires after 7 days" in str(text)


def test_a_guest_that_may_read_the_preferences_is_never_called_the_owner(make_rig: MakeRig) -> None:
    rig = make_rig(plex={"guest_token": "guest-token-0123456789"})
    rig.plex.switches.guests_see_prefs = True
    rig.configure(plex_token="guest-token-0123456789")
    rig.add_pair("a", tags=["T"])

    doctor = "\n".join(rig.task("doctor").messages())

    assert "ok: token: " in doctor
    assert "owner's" not in doctor.split("ok: token: ")[1].splitlines()[0]


def test_a_rig_in_which_a_whole_library_was_edited_fails(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.add_pair("a")
    with (
        pytest.raises(AssertionError, match="edited a whole library"),
        rig,
        RawClient(rig.plex.url, rig.plex.token) as raw,
    ):
        raw.ask("PUT", "/library/sections/1/all?type=1&id=&title.value=X")


# -- the page's test of typed settings -----------------------------------------------------------


def test_typed_settings_are_tested_and_neither_stored_nor_logged(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"plex_url": "", "plex_token": ""})
    rig.plex.add_section("Films", ["/media/films"])
    rig.add_library(3, covers=False)
    wrong = "wrong-token-111111"
    rig.canary.add(wrong)
    typed = {"plex_url": rig.plex.url, "plex_token": rig.plex.token, "plex_library": "Films"}

    answer = asked(rig, "test_connection", settings=typed)

    assert (answer["level"], answer["token_accepted"]) == ("ok", True)
    choices = [(one["name"], one["items"], one["chosen"]) for one in answer["library_choices"]]
    assert choices == [("Scenes", 3, False), ("Films", 0, True)]
    refused = asked(rig, "test_connection", settings=typed | {"plex_token": wrong})
    assert (refused["level"], refused["token_accepted"]) == ("fault", False)
    named = asked(rig, "test_connection", settings=typed | {"plex_url": "nonsense"})
    assert list(named["refused"]) == ["plex_url"]
    assert "plex_token is not set" in str(operation(rig, "test_connection").error)
    assert not rig.stash.plugin_settings(PLUGIN)["plex_token"]
    stored = [path.read_bytes() for path in rig.data.rglob("*") if path.is_file()]
    assert not [one for one in stored if wrong.encode() in one or rig.plex.token.encode() in one]


def test_an_unreadable_number_of_videos_is_unknown(rig: Rig) -> None:
    rig.plex.faults.status(500, kind="listing")
    answer = asked(rig, "test_connection")
    assert [one["items"] for one in answer["library_choices"]] == [None]
    assert answer["level"] == "ok"


@pytest.mark.parametrize("has_worker", [True, False])
@pytest.mark.parametrize("button", ["test_connection", "save_settings", "task"])
def test_a_successful_test_ends_an_outage_at_once(rig: Rig, button: str, has_worker: bool) -> None:
    """With the real intervals: the worker alone would ask Plex again after a minute."""
    (scene_id,) = rig.add_library(1, covers=False)
    now = time.time()
    write(rig, "circuit_breaker.json", open_breaker(now))
    checked = {"last_check_time": now, "consecutive_successes": 0, "consecutive_failures": 20}
    write(rig, "recovery_state.json", checked)
    if has_worker:
        rig.stash.edit_scene(scene_id, title="New")
        assert rig.happened("worker_started")
    else:
        with queue_of(rig) as queue:
            queue.enqueue([scene_job(scene_id, METADATA, now)])
    typed = {"plex_url": "http://127.0.0.1:1"}
    asked(rig, "health_check")
    asked(rig, "test_connection", settings=typed)
    assert state(rig, "circuit_breaker.json")["state"] == "open"

    if button == "task":
        assert rig.task("health_check").error is None
    else:
        settings = {"plex_url": rig.plex.url} if button == "save_settings" else {}
        asked(rig, button, settings=settings)

    assert rig.settled(10)
    assert rig.wait_until(lambda: state(rig, "circuit_breaker.json")["state"] == "closed")


def test_a_successful_test_ends_an_outage_in_which_nothing_waits(rig: Rig) -> None:
    write(rig, "circuit_breaker.json", open_breaker(time.time()))
    assert operation(rig, "test_connection").error is None
    assert state(rig, "circuit_breaker.json")["state"] == "closed"


def test_a_successful_test_ends_a_pause(rig: Rig) -> None:
    """Plex refused the token for a while. No setting has changed, so the worker would wait."""
    rig.tune(Tuning(first_pause=60.0, longest_pause=60.0))
    (scene_id,) = rig.add_library(1, covers=False)
    fault = rig.plex.faults.status(401)
    rig.stash.edit_scene(scene_id, title="New")
    assert rig.happened("sync_paused")
    assert fault.hits
    rig.plex.faults.clear()

    assert operation(rig, "test_connection").error is None

    assert rig.settled(15)

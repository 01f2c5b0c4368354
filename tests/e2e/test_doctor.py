"""The Doctor, on a sound plugin and on everything that can be broken."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from plex import session
from simulators.rig import INTERPRETER, PLUGIN, REPOSITORY, TOKEN, Rig
from simulators.stash import PluginResult
from sync_queue.manager import QueueManager
from sync_queue.operations import METADATA, scene_job
from tests.conftest import MakeRig
from tests.reliability.test_file_system_faults import _DROP_CAPABILITIES, interpreter
from tests.shell import Shell, approved

CHECKS = 22
SOUND = """\
ok: plugin: Stash2Plex V in {plugin}
ok: python: V on {system}, {python}
ok: dependencies: plexapi V, stashapp-tools V, persist-queue V, requests V
ok: data folder: {plugin}/data, writable, on {file system}
ok: permissions: 0700: for its owner alone
ok: free space: N GB
ok: queue database: sound, schema 3, N MB, write-ahead log
ok: index of Plex's files: sound, N MB
ok: state files: 2, all readable
ok: Stash: v0.30.1 answers in N ms, {stash}
ok: settings: all can be used
ok: Plex: 1.43.1.10611-1e34174b1 answers in N ms, {plex}
ok: encryption: none: plex_url is an http address, as is usual at home
ok: token: accepted, and trusted with the server's preferences
ok: libraries: 1 of Plex's 1 of videos in use
ok: path coverage: 2 files in Plex (last look N s ago); 2 of Stash's 2 scenes have been synced. \
'Check Path Mapping' tells about the others
ok: behaviour of Plex: It shows the lock of actors; The sort title follows an edited title. \
'Test Write' with the number of a scene finds out the rest
ok: clock: ours agrees with that of Stash and Plex
ok: worker: runs (process N); last sign N s ago
ok: queue: 0 pending, 0 in progress, 0 waiting for retry
ok: dead letters: none
ok: circuit breaker: closed
Doctor: all 22 checks are ok"""


def learned(rig: Rig) -> set[str]:
    """Which traits of Plex are known."""
    with closing(sqlite3.connect(rig.data / "library.db")) as database:
        return {row[0] for row in database.execute("SELECT fact FROM server_facts")}


def settled(rig: Rig) -> Rig:
    """Two scenes in Plex, and an empty queue."""
    rig.add_library(2, covers=False)
    rig.task("all")
    assert rig.settled(60), rig.verdict().differences[:3]
    assert rig.wait_until(lambda: rig.queued() == 0 and "sort_title" in learned(rig))
    assert rig.wait_until((rig.data / "stats.json").exists)
    return rig


def without_worker(rig: Rig) -> Rig:
    rig.stop_worker()
    return rig


def doctor(rig: Rig) -> PluginResult:
    """Run it to its end; whatever is broken, that is an answer with all checks."""
    result = rig.task("doctor")
    assert result.error is None
    assert len(result.messages()) == CHECKS + 1, result.messages()
    assert result.messages()[-1] == result.output
    return result


def findings(rig: Rig) -> dict[str, str]:
    """What is not ok, by the name of the check, as approved wording."""
    lines = [approved(line, rig) for line in doctor(rig).messages("info")[:-1]]
    parts = [line.split(": ", 2) for line in lines]
    return {name: f"{level}: {text}" for level, name, text in parts if level != "ok"}


def test_a_sound_plugin(rig: Rig) -> None:
    text = "\n".join(doctor(settled(rig)).messages("info"))

    home = str(Path.home())
    python = INTERPRETER or sys.executable
    text = approved(text, rig).replace(python, "{python}")
    text = text.replace(python.replace(home, "~", 1), "{python}")
    text = text.replace(f" on {platform.system()},", " on {system},")
    text = re.sub(r"writable, on \S+", "writable, on {file system}", text)
    text = re.sub(r"(Stash2Plex|python:|plexapi|tools|queue|requests) \d+(\.\d+)+", r"\1 V", text)
    text = re.sub(r"[\d,]+\.\d (GB|MB)", r"N \1", text)
    text = re.sub(r"\(process \d+\)", "(process N)", text)
    text = re.sub(r"\b\d+s ago", "N s ago", text)
    assert text == SOUND


def test_as_json_each_check_has_its_name_level_text_and_remedy(rig: Rig) -> None:
    rig.configure(plex_token="a-wrong-token-Hj7Kl8")

    answer = rig.task("doctor", format="json").output

    assert answer["level"] == "fault"
    assert answer["text"].startswith("Doctor: 1 fault, ")
    assert len(answer["checks"]) == CHECKS
    by_name = {check["name"]: check for check in answer["checks"]}
    assert by_name["token"] == {
        "name": "token",
        "level": "fault",
        "text": "Plex refuses it (401)",
        "remedy": "Set plex_token anew: https://support.plex.tv/articles/204059436",
    }
    assert by_name["settings"] == {
        "name": "settings", "level": "ok", "text": "all can be used", "remedy": "",
    }  # fmt: skip


def test_the_page_about_the_doctor_has_every_check_by_its_name(rig: Rig) -> None:
    page = (REPOSITORY / "docs" / "doctor.md").read_text(encoding="utf-8")
    table = page.split("## The checks")[1].split("## ")[0]

    names = [check["name"] for check in rig.task("doctor", format="json").output["checks"]]

    assert re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)[1:] == names


def test_plex_is_down(rig: Rig) -> None:
    settled(rig).plex.stop()

    assert findings(rig) == {
        "Plex": "fault: {plex}: nothing answers at Plex's address. Start Plex, or correct "
        "plex_url; in a container, localhost is the container",
        "token": "warning: not checked: Plex does not answer",
        "libraries": "warning: not checked: Plex does not answer",
        "behaviour of Plex": "warning: not checked: Plex does not answer",
    }
    assert doctor(rig).output == (
        "Doctor: 1 fault, 3 warnings: Start Plex, or correct plex_url; in a container, localhost "
        "is the container"
    )


def test_stash_is_down(rig: Rig) -> None:
    settled(rig).stash.stop()

    found = findings(rig)

    assert found["Stash"] == (
        "fault: {stash}: Stash does not answer at {stash} (ConnectionError). Start Stash; from a "
        "shell, give its address: --stash"
    )
    assert found["settings"] == ("warning: not checked: Stash, which keeps them, does not answer")
    assert found["Plex"] == ("warning: not checked: no usable settings name its address and token")


def test_a_token_that_plex_refuses_and_one_that_may_not_edit(rig: Rig) -> None:
    settled(rig)
    guest = "guest-token-Wx4Yz5Ab6"
    rig.plex._pipeline.tokens.guest = guest

    rig.configure(plex_token="a-wrong-token-Hj7Kl8")
    wrong = findings(rig)
    rig.configure(plex_token=guest)
    of_a_guest = findings(rig)

    assert wrong == {
        "token": "fault: Plex refuses it (401). Set plex_token anew: "
        "https://support.plex.tv/articles/204059436",
        "libraries": "warning: not checked: Plex did not list them",
    }
    assert of_a_guest == {
        "token": "fault: accepted, but refused the server's preferences, as is a guest's, which "
        "may not edit. Set plex_token to the token of the server's owner"
    }


def test_libraries_that_plex_does_not_have_are_told_by_their_place_in_the_setting(
    rig: Rig,
) -> None:
    settled(rig).configure(plex_library="scenes, Family secrets")

    assert findings(rig) == {
        "libraries": "fault: of the 2 names in plex_library, number 2 is none of Plex's 1 of "
        "videos. Correct plex_library; 'Health Check' names the libraries that there are"
    }


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"plex_url": ""}, "fault: plex_url is not set"),
    ({"plex_url": "nas-of-bob:32400"},
     "fault: plex_url cannot be used; allowed: an address such as http://192.168.1.10:32400"),
    ({"max_retries": "many", "reconcile_scope": "/home/bob"},
     "warning: max_retries cannot be used; allowed: a whole number from 1 to 20. Its default "
     "(5) is used; reconcile_scope cannot be used; allowed: all or 24h or 7days. Its default "
     "(24h) is used"),
    ({"plex_unmatched_path_map": "/volume/of/bob"},
     "warning: plex_unmatched_path_map cannot be used; allowed: pairs of the form "
     "/plex/prefix=>/stash/prefix. Its default (empty) is used"),
]  # fmt: skip


def test_settings_that_cannot_be_used_are_named_without_their_values(rig: Rig) -> None:
    sound = rig.stash.plugin_settings(PLUGIN)
    for wrong, finding in WRONG:
        rig.stash.set_plugin_settings(PLUGIN, sound | wrong)

        lines = "\n".join(doctor(rig).messages("info"))

        told = findings(rig)["settings"]
        assert told == f"{finding}. Correct it in Settings > Plugins > Stash2Plex"
        assert "bob" not in lines


def test_the_plugin_is_switched_off(rig: Rig) -> None:
    settled(rig).configure(enabled=False)

    assert findings(rig) == {
        "settings": "warning: Enabled is off: nothing is sent to Plex. Switch it on to sync again"
    }


def overwrite(path: Path) -> None:
    for one in path.parent.glob(f"{path.name}*"):
        one.write_bytes(b"this is no database, it only has its name " * 200)


def spoil_pages(path: Path) -> None:
    """Leave the head of the file, and nothing of its tables."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


@pytest.mark.parametrize("damage", [overwrite, spoil_pages])
def test_a_damaged_database(rig: Rig, damage: Callable[[Path], None]) -> None:
    without_worker(settled(rig))
    damage(rig.data / "queue" / "data.db")
    before = {path.name: path.read_bytes() for path in (rig.data / "queue").glob("data.db")}

    found = findings(rig)

    assert found["queue database"].startswith("fault: damaged (")
    assert found["queue database"].endswith(
        "). Nothing to do: the next edit or task sets it aside and begins a fresh one, and a "
        "reconciliation finds what was waiting in it"
    )
    for name in ("queue", "dead letters"):
        assert found[name] == "warning: not checked: the queue's database could not be read"
    assert before == {path.name: path.read_bytes() for path in (rig.data / "queue").glob("data.db")}


def test_a_damaged_index_and_damaged_state_files(rig: Rig) -> None:
    without_worker(settled(rig))
    overwrite(rig.data / "library.db")
    (rig.data / "stats.json").write_text("{half")
    (rig.data / "circuit_breaker.json").write_text("[" * 10_000)

    found = findings(rig)

    assert found["index of Plex's files"] == (
        "warning: cannot be read (file is not a database). Run 'Check Path Mapping', which makes "
        "it anew; nothing is lost with it"
    )
    assert found["state files"] == (
        "warning: circuit_breaker.json, stats.json cannot be read. Nothing to do: whoever needs "
        "one sets it aside and begins afresh"
    )
    assert found["path coverage"] == "warning: not checked: a database cannot be read"


def test_a_database_of_a_newer_version(rig: Rig) -> None:
    without_worker(settled(rig))
    with rig.database() as database:
        database.execute("PRAGMA user_version=99")

    assert findings(rig)["queue database"] == (
        "fault: has schema 99, this version of Stash2Plex knows 3. Install the newer version of "
        "the plugin again"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's capabilities")
def test_a_read_only_data_folder(make_rig: MakeRig, tmp_path: Path) -> None:
    rig = make_rig(interpreter=interpreter(tmp_path, _DROP_CAPABILITIES))
    without_worker(settled(rig))
    rig.stash.settings.directory = rig.data / "queue"  # nor is there a place beside Stash's file
    for folder in (rig.data / "queue", rig.data):
        folder.chmod(0o500)

    found = findings(rig)
    by_shell = Shell(rig, interpreter(tmp_path, _DROP_CAPABILITIES)).run("doctor")

    for folder in (rig.data, rig.data / "queue"):
        folder.chmod(0o700)
    assert set(found) == {"data folder"}
    assert by_shell.code == 1
    assert approved(by_shell.out, rig).splitlines()[3] == (
        "fault: data folder: {plugin}/data cannot be written to (Permission denied). Make it "
        "writable for the user that Stash runs as, or set STASH_PLUGIN_DATA to a folder that can be"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_a_data_folder_that_others_can_read(rig: Rig) -> None:
    without_worker(settled(rig))
    rig.data.chmod(0o755)
    (rig.data / "stats.json").chmod(0o644)

    assert findings(rig) == {
        "permissions": "warning: 0755: other users can look into {plugin}/data, and read 1 files. "
        'Run: chmod -R go= "{plugin}/data"'
    }


def test_jobs_that_wait_without_a_worker_and_the_doctor_starts_none(rig: Rig) -> None:
    settled(rig).plex.stop()
    without_worker(rig)
    queue = QueueManager(str(rig.data / "queue"))
    queue.enqueue([scene_job(1, METADATA, time.time()), scene_job(2, METADATA, time.time())])
    queue.close()
    opened = {"state": "open", "failure_count": 5, "success_count": 0, "opened_at": time.time()}
    (rig.data / "circuit_breaker.json").write_text(json.dumps(opened))
    rig.plex.start()

    found = findings(rig)

    assert rig.worker_pids() == []
    assert rig.queued() == 2
    assert re.sub(r"\d+s ago", "N s ago", found.pop("worker")) == (
        "fault: none runs and 2 jobs wait; the last one has ended without a word; last sign N s "
        "ago. Run 'Process Queue': it says what is in the way"
    )
    assert re.sub(r"\d+s ago", "N s ago", found.pop("circuit breaker")) == (
        "warning: open, opened N s ago: Plex did not serve us. Nothing to do once Plex answers: "
        "what waits goes on by itself"
    )
    assert found == {}


def test_dead_letters_are_counted_by_their_reason(rig: Rig) -> None:
    settled(rig)
    with rig.database() as database:
        for kind in ("PlexNotFound", "PlexPermanentError", "PlexNotFound"):
            database.execute(
                "INSERT INTO dead_letters (job_id, error_type, failed_at) VALUES ('j', ?, '')",
                (kind,),
            )
        database.commit()

    assert findings(rig) == {
        "dead letters": "warning: 2 PlexNotFound, 1 PlexPermanentError. Run 'Show Dead Letters': "
        "it says what to do about each kind"
    }


def test_a_clock_that_is_wrong(make_rig: MakeRig) -> None:
    rig = make_rig(stash={"now": lambda: time.time() + 300})

    found = re.sub(r"(29\d|30\d) s", "300 s", doctor(rig).messages("info")[17])

    assert found == (
        "warning: clock: Stash's is 300 s ahead of ours. Let all machines set their clocks by the "
        "network (NTP): retries and outages are timed"
    )


def test_a_certificate_that_is_not_there(rig: Rig) -> None:
    rig.configure(plex_url=rig.plex.url.replace("http", "https"), plex_verify_tls="/no/such.pem")

    found = findings(rig)

    assert found["Plex"] == "warning: not checked: there is no encrypted connection to it"
    assert found["encryption"].startswith("fault: ")
    assert found["encryption"].endswith(
        "/no/such.pem; correct plex_verify_tls. Use the http address, or set plex_verify_tls to "
        "the file of the certificate or to off"
    )


def test_the_output_can_be_shared(rig: Rig) -> None:
    """Neither a home folder nor a host, a library, a title or a secret is in it."""
    home = rig.stash.root.parent
    rig.stash.runner.env["HOME"] = str(home)
    rig.configure(plex_url="http://nas-of-bob.example:32400", plex_library="Family secrets")
    rig.add_pair("holiday", title="At the sea")

    lines = "\n".join(doctor(rig).messages())

    assert "ok: data folder: ~/stash/plugins/Stash2Plex/data" in lines
    assert "fault: Plex: http://…:32400: the name in plex_url is not found" in lines
    for private in (str(home), "bob", "Family", "holiday", "sea", TOKEN, os.uname().nodename):
        assert private not in lines


def test_the_command_tells_by_its_exit_code_what_the_doctor_found(rig: Rig) -> None:
    shell = Shell(settled(rig))

    sound = shell.run("doctor", "--strict")
    rig.configure(enabled=False)
    warned = shell.run("doctor")
    strict = shell.run("doctor", "--strict")
    rig.plex.stop()
    broken = shell.run("doctor", "--json")

    assert (sound.code, warned.code, strict.code, broken.code) == (0, 0, 1, 1)
    assert sound.out.splitlines()[-1] == "Doctor: all 22 checks are ok"
    assert sound.err == broken.err == ""
    assert broken.json()["level"] == "fault"


def test_a_python_without_the_libraries(rig: Rig, bare_python: Path) -> None:
    """The Doctor himself needs none; what needs them is not checked."""
    rig.stash.runner.python = str(bare_python)
    shutil.rmtree(rig.manifest.directory / "vendor", ignore_errors=True)

    found = findings(rig)
    summary = doctor(rig).output

    pip = (
        f'Run: "{bare_python}" -m pip install --upgrade --target "{{plugin}}/vendor" '
        '-r "{plugin}/requirements.txt"'
    )
    assert found.pop("dependencies") == (
        f"fault: requests, plexapi, stashapp-tools, persist-queue: missing or broken. {pip}"
    )
    assert set(found.values()) == {"warning: not checked: the libraries that it needs are missing"}
    assert summary.startswith(
        f'Doctor: 1 fault, {len(found)} warnings: Run: "{bare_python}" -m pip'
    )


def _fail_to_import() -> None:
    raise ModuleNotFoundError("No module named 'no_such_library'", name="no_such_library")


def test_libraries_that_do_not_fit_together(rig: Rig) -> None:
    rig.alter(session, _fail_to_import)

    assert findings(rig)["Plex"] == (
        "warning: not checked: the libraries that it needs cannot be loaded (No module named "
        "'no_such_library')"
    )


def test_a_place_where_no_data_folder_can_be(make_rig: MakeRig, tmp_path: Path) -> None:
    blocker = tmp_path / "regular-file"
    blocker.write_text("no folder")
    rig = make_rig()
    rig.stash.runner.env["STASH_PLUGIN_DATA"] = str(blocker / "data")

    found = findings(rig)

    assert found["data folder"] == (
        "fault: there is none (Not a directory). Make the plugin's folder writable, or set "
        "STASH_PLUGIN_DATA to a folder that can be"
    )
    for name in ("permissions", "free space", "state files", "worker", "queue", "dead letters"):
        assert found[name] == "warning: not checked: there is no data folder"

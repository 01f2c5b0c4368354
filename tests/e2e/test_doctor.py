"""The Doctor, on a sound plugin and on everything that can be broken."""

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

from plex import connection
from simulators.rig import INTERPRETER, PLUGIN, REPOSITORY, TOKEN, Rig
from simulators.stash import PluginResult
from tests.conftest import MakeRig
from tests.e2e.steps import sync_all
from tests.e2e.test_dead_letter_tasks import open_breaker, queue_of, write
from tests.golden import assert_golden
from tests.reliability.test_file_system_faults import _DROP_CAPABILITIES, interpreter
from tests.shell import Shell, approved
from tests.sync_queue.support import job

CHECKS = 23


def learned(rig: Rig) -> set[str]:
    with closing(sqlite3.connect(rig.data / "library.db")) as database:
        return {row[0] for row in database.execute("SELECT fact FROM server_facts")}


def settled(rig: Rig) -> Rig:
    rig.add_library(2, covers=False)
    sync_all(rig)
    assert rig.wait_until(lambda: "sort_title" in learned(rig))
    assert rig.wait_until((rig.data / "stats.json").exists)
    return rig


def without_worker(rig: Rig) -> Rig:
    rig.stop_worker()
    return rig


def doctor(rig: Rig) -> PluginResult:
    result = rig.task("doctor")
    assert result.error is None
    *lines, _ = result.messages()
    names = [name for line in lines for name in line.split(": ")[1].split(", ")]
    assert len(names) == CHECKS, lines
    assert result.messages()[-1] == result.output
    return result


def findings(rig: Rig, *, summary: bool = False) -> list[str]:
    lines = [approved(line, rig) for line in doctor(rig).messages()]
    found = [line for line in lines[:-1] if not line.startswith("ok: ")] + lines[-1:] * summary
    return [re.sub(r"\b\d+s ago", "N s ago", line) for line in found]


def levels(rig: Rig) -> dict[str, str]:
    checks = rig.task("doctor", format="json").output["checks"]
    return {check["name"]: check["level"] for check in checks if check["level"] != "ok"}


def test_a_sound_plugin(rig: Rig) -> None:
    text = "\n".join(doctor(settled(rig)).messages())

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
    assert_golden("doctor", "A sound plugin", text.split("\n"))


def test_as_json_each_check_of_the_page_has_its_name_level_text_and_remedy(rig: Rig) -> None:
    page = (REPOSITORY / "docs" / "doctor.md").read_text(encoding="utf-8")
    table = page.split("## The checks")[1].split("## ")[0]
    rig.configure(plex_token="a-wrong-token-Hj7Kl8")

    answer = rig.task("doctor", format="json").output

    assert answer["level"] == "fault"
    by_name = {check["name"]: check for check in answer["checks"]}
    assert re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)[1:] == list(by_name)
    token, settings = by_name["token"], by_name["settings"]
    assert token.keys() == {"name", "level", "text", "remedy"}
    assert (token["level"], "plex_token" in token["remedy"]) == ("fault", True)
    assert (settings["level"], settings["remedy"]) == ("ok", "")


GUEST = "guest-token-Wx4Yz5Ab6"


def _open_to_others(rig: Rig) -> None:
    rig.data.chmod(0o755)
    (rig.data / "stats.json").chmod(0o644)


def _keep_to_the_owner(rig: Rig) -> None:
    rig.data.chmod(0o700)
    (rig.data / "stats.json").chmod(0o600)


def _add_dead_letters(rig: Rig) -> None:
    with rig.database() as database:
        for kind in ("PlexNotFound", "PlexPermanentError", "PlexNotFound"):
            database.execute(
                "INSERT INTO dead_letters (job_id, error_type, failed_at) VALUES ('j', ?, '')",
                (kind,),
            )
        database.commit()


def _damage_index_and_state(rig: Rig) -> None:
    with rig.database() as database:
        database.execute("DELETE FROM dead_letters")
        database.commit()
    overwrite(rig.data / "library.db")
    (rig.data / "stats.json").write_text("{half")
    (rig.data / "circuit_breaker.json").write_text("[" * 10_000)


def _configure(**settings: Any) -> Callable[[Rig], None]:
    return lambda rig: rig.configure(**settings)


def _nothing(_rig: Rig) -> None:
    pass


# What is broken, one after the other: the section of the golden page, what breaks and mends it.
BROKEN: list[tuple[str, Callable[[Rig], object], Callable[[Rig], object]]] = [
    ("Plex does not answer", lambda rig: rig.plex.stop(), lambda rig: rig.plex.start()),
    ("Stash does not answer", lambda rig: rig.stash.stop(), lambda rig: rig.stash.start()),
    ("A wrong token", _configure(plex_token="a-wrong-token-Hj7Kl8"), _nothing),
    ("The token of a guest", _configure(plex_token=GUEST), _configure(plex_token=TOKEN)),
    ("A library that Plex does not have", _configure(plex_library="scenes, Family secrets"),
     _configure(plex_library="")),
    ("The plugin is switched off", _configure(enabled=False), _configure(enabled=True)),
    ("A data folder that others can read", _open_to_others, _keep_to_the_owner),
    ("Dead letters", _add_dead_letters, _nothing),
    ("A damaged index and damaged state files", _damage_index_and_state, _nothing),
]  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_each_thing_that_is_broken_is_told_with_what_follows_from_it(make_rig: MakeRig) -> None:
    rig = without_worker(settled(make_rig(plex={"guest_token": GUEST})))
    for title, begin, end in BROKEN:
        begin(rig)
        assert_golden("doctor", title, findings(rig, summary=title == "Plex does not answer"))
        end(rig)

    with rig.database() as database:
        database.execute("PRAGMA user_version=99")
    (line,) = [line for line in findings(rig) if ": queue database: " in line]
    assert_golden("doctor", "A database of a newer version", [line])


def test_faults_and_warnings_have_the_levels_of_stash(rig: Rig) -> None:
    rig.configure(plex_token="a-wrong-token-Hj7Kl8", poll_interval=99)

    result = doctor(rig)

    faults, warnings = result.messages("error"), result.messages("warning")
    assert [line.split(": ")[1] for line in faults[:-1]] == ["token"]
    assert faults[-1] == result.output
    assert [line.split(": ")[1] for line in warnings] == ["settings", "libraries", "synced scenes"]


def test_the_doctor_has_the_reason_of_a_pause(rig: Rig) -> None:
    scene_id, _ = settled(rig).add_pair("later", tags=["T"])
    rig.configure(plex_library="Family secrets")
    rig.stash.edit_scene(scene_id, title="Waits")
    assert rig.happened("sync_paused")

    (during,) = [line for line in doctor(rig).messages("error") if ": pause: " in line]
    rig.configure(plex_library="")
    assert rig.wait_until(lambda: rig.queued() == 0)
    (after,) = [line for line in doctor(rig).messages("info") if ": pause: " in line]

    lines = [re.sub(r"\b\d+s ago", "N s ago", line) for line in (during, after)]
    assert_golden("doctor", "A pause, and after it", lines)


def test_after_a_good_path_check_the_remedy_is_to_sync_all(rig: Rig) -> None:
    rig.add_library(2, covers=False)
    rig.task("check_paths")

    (line,) = [line for line in doctor(rig).messages("warning") if ": synced scenes: " in line[:25]]

    assert line.endswith(". Run 'Sync All Scenes to Plex'")


WRONG: list[dict[str, Any]] = [
    {"plex_url": ""},
    {"plex_url": "nas-of-bob:32400"},
    {"max_retries": "many", "reconcile_scope": "/home/bob"},
    {"plex_unmatched_path_map": "/volume/of/bob"},
]


def test_settings_that_cannot_be_used_are_named_without_their_values(rig: Rig) -> None:
    sound = rig.stash.plugin_settings(PLUGIN)
    told: list[str] = []
    for wrong in WRONG:
        rig.stash.set_plugin_settings(PLUGIN, sound | wrong)

        lines = doctor(rig).messages()
        assert "bob" not in "\n".join(lines)
        told += [approved(line, rig) for line in lines if ": settings: " in line[:20]]

    assert_golden("doctor", "Settings that cannot be used", told)


def overwrite(path: Path) -> None:
    for one in path.parent.glob(f"{path.name}*"):
        one.write_bytes(b"this is no database, it only has its name " * 200)


def spoil_pages(path: Path) -> None:
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

    found = levels(rig)

    assert found.pop("queue database") == "fault"
    assert found == dict.fromkeys(("synced scenes", "queue", "failed jobs"), "warning")
    assert before == {path.name: path.read_bytes() for path in (rig.data / "queue").glob("data.db")}


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's capabilities")
def test_a_read_only_data_folder(make_rig: MakeRig, tmp_path: Path) -> None:
    rig = make_rig(interpreter=interpreter(tmp_path, _DROP_CAPABILITIES))
    without_worker(settled(rig))
    rig.stash.settings.directory = rig.data / "queue"  # nor is there a place beside Stash's file
    for folder in (rig.data / "queue", rig.data):
        folder.chmod(0o500)

    found = levels(rig)
    by_shell = Shell(rig, interpreter(tmp_path, _DROP_CAPABILITIES)).run("doctor")

    for folder in (rig.data, rig.data / "queue"):
        folder.chmod(0o700)
    assert set(found) == {"data folder"}
    assert by_shell.code == 1
    line = approved(by_shell.out, rig).splitlines()[3]
    assert_golden("doctor", "A data folder that cannot be written to", [line])


def test_jobs_that_wait_without_a_worker_and_the_doctor_starts_none(rig: Rig) -> None:
    settled(rig).plex.stop()
    without_worker(rig)
    with queue_of(rig) as queue:
        queue.enqueue([job(1), job(2)])
    write(rig, "circuit_breaker.json", open_breaker(time.time()))
    rig.plex.start()

    found = findings(rig)

    assert rig.worker_pids() == []
    assert rig.wait_until(lambda: rig.queued() == 2)
    assert_golden("doctor", "Jobs wait without a worker, Plex was away", found)


def test_a_clock_that_is_wrong_and_a_certificate_that_is_not_there(make_rig: MakeRig) -> None:
    rig = make_rig(stash={"now": lambda: time.time() + 300})

    found = re.sub(r"(29\d|30\d) s", "300 s", doctor(rig).messages()[17])
    assert_golden("doctor", "A clock that is wrong", [found])

    rig.configure(plex_url=rig.plex.url.replace("http", "https"), plex_verify_tls="/no/such.pem")
    checks = levels(rig)
    assert (checks["Plex"], checks["encryption"]) == ("warning", "fault")
    assert "/no/such.pem. Correct plex_verify_tls" in "\n".join(findings(rig))


def test_the_output_can_be_shared(rig: Rig) -> None:
    """Neither a home folder nor a host, a library, a title or a secret is in it."""
    home = rig.stash.root.parent
    rig.stash.runner.env["HOME"] = str(home)
    rig.configure(plex_url="http://nas-of-bob.example:32400", plex_library="Family secrets")
    rig.add_pair("holiday", title="At the sea")

    lines = "\n".join(doctor(rig).messages())

    assert "data folder: ~/stash/plugins/Stash2Plex/data" in lines
    assert "(http://…:32400). " in lines
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
    assert sound.err == broken.err == ""
    assert broken.json()["level"] == "fault"


def test_a_python_without_the_libraries(rig: Rig, bare_python: Path) -> None:
    """The Doctor himself needs none; what needs them is not checked."""
    rig.stash.runner.python = str(bare_python)
    shutil.rmtree(rig.manifest.directory / "vendor", ignore_errors=True)

    found = [line.replace(str(bare_python), "{python}") for line in findings(rig, summary=True)]

    assert_golden("doctor", "A Python without the libraries", found)


def _fail_to_import() -> None:
    raise ModuleNotFoundError("No module named 'no_such_library'", name="no_such_library")


def test_libraries_that_do_not_fit_together(rig: Rig) -> None:
    rig.alter(connection, _fail_to_import)

    (line,) = [line for line in findings(rig) if ", Plex, " in line]
    assert_golden("doctor", "Libraries that do not fit together", [line])


def test_a_place_where_no_data_folder_can_be(make_rig: MakeRig, tmp_path: Path) -> None:
    blocker = tmp_path / "regular-file"
    blocker.write_text("no folder")
    rig = make_rig()
    rig.stash.runner.env["STASH_PLUGIN_DATA"] = str(blocker / "data")

    assert_golden("doctor", "No place for a data folder", findings(rig))

"""What the Doctor makes of what he sees, and what he keeps to himself."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import assume, given, strategies as st

from plex.exceptions import (
    PlexRedirectError,
    PlexServerDown,
    PlexTemporaryError,
    PlexTlsError,
    PlexTokenExpired,
)
from plex.health import PlexHealth
from plex.path_index import IndexCheckup, inspect_index
from shared.clock import seconds_ahead
from shared.data_folder import DataFolder
from shared.sqlite import database_uri, open_for_reading
from stash.exceptions import StashAuthError
from sync_queue.checkup import DatabaseCheckup, examine_database
from sync_queue.database import connect
from tasks.answer import Level
from tasks.doctor import machine_checks, server_checks, work_checks
from tasks.doctor.finding import Finding, fault, masked, ok, report, unchecked, warning
from tests.golden import figures
from tests.sync_queue.support import spool
from tests.validation.strategies import ANY_TEXT
from validation.config import Config, parse_config

NOW = 1_800_000_000.0
IDLE = {"pending": 0, "retrying": 0, "in_progress": 0}
PLEX = partial(PlexHealth, reachable=True, latency=0.0)
AWAY = partial(PlexHealth, reachable=False, latency=0.0)


def plain(text: str) -> str:
    return text


@pytest.mark.parametrize("problem", [warning, fault])
def test_a_problem_has_a_remedy(problem: Callable[[str], Finding]) -> None:
    with pytest.raises(TypeError, match="remedy"):
        problem("broken")


def test_the_last_line_begins_with_the_remedy_of_the_worst() -> None:
    findings = {
        "a": warning("odd", "Do this later"),
        "b": fault("broken", "Do this first"),
        "c": unchecked("b is broken"),
        "d": ok("fine"),
    }

    answer = report(findings, plain)

    found = "The Doctor found 1 fault and 2 warnings"
    assert answer.text == f"{found}. The first one concerns b: broken. Do this first"
    assert answer.level is Level.FAULT
    assert list(answer.details) == [
        "warning: a: odd. Do this later",
        "fault: b: broken. Do this first",
        "warning: c: not checked, because b is broken",
        "ok: d: fine",
    ]


# what is kept back

HOSTS = ("plex.bob.example", "127.0.0.1", "192.168.1.5", "plex")
MASK = partial(masked, redact=plain, home="/home/bob", hosts=HOSTS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("in /home/bob/.stash/plugins", "in ~/.stash/plugins"),
        ("in /home/bobby/x and /Users/Bob/y", "in ~/x and ~/y"),
        (r"C:\Users\Bob Smith\x", r"~\x"),
        ("http://plex.bob.example:32400/x", "http://…:32400/x"),
        ("PLEX.BOB.EXAMPLE: down", "…: down"),
        ("Plex of http://plex:32400 is down", "Plex of http://…:32400 is down"),
        ("https://8.8.8.8:32400", "https://…:32400"),
        ("http://me:pass@plex.bob.example", "http://…"),
        ("http://192.168.1.5:32400, 192.168.1.5", "http://192.168.1.5:32400, 192.168.1.5"),
        ("http://127.0.0.1:9999, http://localhost, http://[::1]:1",
         "http://127.0.0.1:9999, http://localhost, http://[::1]:1"),
        ("http://[2a00:1450::1]:32400", "http://…:32400"),
        ('chmod "/home/bob/a b"', 'chmod ~/"a b"'),
        ('chmod "/home/bob"', "chmod ~"),
        (r'"C:\Users\Bob Smith\x" -m pip', r'"%USERPROFILE%\x" -m pip'),
    ],
)  # fmt: skip
def test_a_text_to_be_shared_keeps_back_homes_and_hosts(text: str, shown: str) -> None:
    assert MASK(text) == shown


@given(ANY_TEXT, ANY_TEXT)
def test_no_text_around_it_lets_a_secret_or_a_host_through(before: str, after: str) -> None:
    text = f"{before} http://plex.bob.example:1/ s3cret {after}"
    shown = masked(
        text, redact=lambda text: text.replace("s3cret", ""), home="/", hosts=("plex.bob.example",)
    )

    around = before + after
    assert "plex.bob.example" not in shown or "plex.bob.example" in around
    assert "s3cret" not in shown


@given(st.text(min_size=1).filter(lambda text: text.strip() and text.strip().isprintable()))
def test_no_wrong_value_of_a_setting_is_repeated(value: str) -> None:
    assume("=>" not in value)  # it would make a path map, which is no wrong value
    canary = f"canary{value}canary"
    stored = {"plex_url": canary, "reconcile_scope": canary, "plex_unmatched_path_map": canary}

    check = server_checks.check_settings(parse_config(stored, {}))

    assert "canary" not in check.text
    for name in stored:
        assert name in check.text


def test_a_refused_log_in_says_where_the_key_is() -> None:
    check = server_checks.check_stash(
        server_checks.StashCheckup(error=StashAuthError("x")), "http://localhost:9999"
    )

    assert check.level is Level.FAULT
    assert "STASH_API_KEY" in check.remedy


def test_each_way_in_which_plex_is_not_there_has_its_remedy() -> None:
    errors = (PlexServerDown("x"), PlexTemporaryError("x"), PlexRedirectError("x"))
    checks = [server_checks.check_plex(AWAY(error=error), "http://x") for error in errors]

    assert {check.level for check in checks} == {Level.FAULT}
    assert len({check.remedy for check in checks} - {""}) == 3


def test_a_certificate_is_told_where_it_belongs() -> None:
    seen = PlexHealth(reachable=False, latency=0.0, error=PlexTlsError("not trusted"))

    check = server_checks.check_tls(Config(plex_url="https://plex"), seen)

    assert (check.level, check.text) == (Level.FAULT, "not trusted")
    assert server_checks.check_plex(seen, "https://plex").level is Level.WARNING


def test_a_certificate_that_nobody_verifies_is_a_warning_and_a_good_one_is_ok() -> None:
    seen = PLEX(sections=(), may_edit=True)

    unverified = server_checks.check_tls(
        Config(plex_url="https://plex", plex_verify_tls=False), seen
    )

    assert unverified.level is Level.WARNING
    assert server_checks.check_tls(Config(plex_url="https://plex"), seen).level is Level.OK


def test_a_plex_without_libraries_is_a_fault_and_rights_nobody_told_are_unchecked() -> None:
    seen = PlexHealth(
        reachable=True, latency=0.0, sections=(), error=PlexTemporaryError("Plex took too long")
    )

    assert server_checks.check_libraries(Config(), seen).level is Level.FAULT
    assert server_checks.check_token(Config(), seen) == unchecked("Plex took too long")


def test_a_token_is_judged_by_what_plex_made_of_it() -> None:
    lasting, short = (
        Config(plex_token="a-token-0123456789"),
        Config(plex_token="eyJhbGciOiJFZERTQSJ9"),
    )
    accepted = PLEX(sections=(), may_edit=True)
    assert server_checks.check_token(lasting, accepted).level is Level.OK
    assert 7 in figures(
        server_checks.check_token(short, accepted).text
    )  # the days that it is good for
    assert server_checks.check_token(short, accepted).level is Level.WARNING
    expired = PLEX(error=PlexTokenExpired("x"))
    assert 498 in figures(server_checks.check_token(lasting, expired).text)
    guest = PLEX(sections=(), may_edit=False)
    assert server_checks.check_token(lasting, guest).level is Level.FAULT


def test_the_address_that_works_is_for_the_health_check_only() -> None:
    address = "https://192-168-1-10.0123456789abcdef.plex.direct:32400"
    seen = PlexHealth(
        reachable=False,
        latency=0.0,
        error=PlexTlsError("x", remedy=f"set plex_url to {address}", address=address),
    )
    check = server_checks.check_tls(Config(), seen)
    assert "Health Check" in check.remedy
    assert "0123456789abcdef" not in f"{check.text} {check.remedy}"


@pytest.mark.parametrize(
    ("stash", "plex", "level", "seconds"),
    [
        (60.0, -60.0, Level.OK, []),
        (61.0, None, Level.WARNING, [61]),
        (0.0, -3600.0, Level.WARNING, [3600]),
        (None, None, Level.WARNING, []),
    ],
)
def test_clocks_may_differ_by_a_minute(
    stash: float | None, plex: float | None, level: Level, seconds: list[int]
) -> None:
    check = server_checks.check_clock(server_checks.StashCheckup(ahead=stash), PLEX(ahead=plex))

    assert (check.level, figures(check.text)) == (level, seconds)


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ("Fri, 15 Jan 2027 08:00:00 GMT", 0.0),
        ("Fri, 15 Jan 2027 08:01:40 GMT", 100.0),
        ("", None),
        ("tomorrow", None),
        ("Fri, 99 Jan 2027 08:00:00 GMT", None),
    ],
)
def test_a_date_of_http_tells_how_far_a_clock_is_ahead(date: str, ahead: float | None) -> None:
    assert seconds_ahead(date, NOW) == ahead


def test_coverage_points_to_check_path_mapping_when_nothing_was_ever_synced() -> None:
    index = IndexCheckup(files=5, looked_at=NOW - 60)

    fresh = server_checks.check_coverage(IndexCheckup(exists=False), DatabaseCheckup(), 7, NOW)
    unsynced = server_checks.check_coverage(index, DatabaseCheckup(), 7, NOW)
    empty = server_checks.check_coverage(index, DatabaseCheckup(), 0, NOW)

    found = server_checks.check_coverage(replace(index, found_scenes=4), DatabaseCheckup(), 7, NOW)
    few = server_checks.check_coverage(replace(index, found_scenes=3), DatabaseCheckup(), 7, NOW)
    assert figures(fresh.text) == [0, 7]
    assert figures(unsynced.text)[:3] == [0, 7, 5]
    assert (fresh.level, unsynced.level, empty.level) == (Level.WARNING, Level.WARNING, Level.OK)
    assert "Check Path Mapping" in fresh.remedy
    assert "Check Path Mapping" in unsynced.remedy
    assert "Check Path Mapping" in few.remedy
    assert found.remedy == "Run 'Sync All Scenes to Plex'"


@pytest.mark.parametrize(
    ("free", "level"), [(10**10, Level.OK), (499_999_999, Level.WARNING), (49_999_999, Level.FAULT)]
)
def test_space_that_runs_out_is_told_before_it_has(free: int, level: Level) -> None:
    assert machine_checks.check_space(free).level is level


def database(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (x)")
    connection.commit()
    return connection


def test_a_database_that_is_only_looked_at_cannot_be_changed(tmp_path: Path) -> None:
    writer = database(tmp_path / "x.db")
    reader = open_for_reading(str(tmp_path / "x.db"), 1.0)

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO t VALUES (1)")

    reader.close()
    writer.close()


def test_an_older_schema_and_no_database_at_all_are_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "data.db"
    none = examine_database(str(path), NOW)
    database(path).close()
    old = examine_database(str(path), NOW)

    assert machine_checks.check_database(none).level is Level.OK
    assert machine_checks.check_database(old).level is Level.OK
    assert figures(machine_checks.check_database(old).text) == [0]  # the schema
    assert work_checks.check_queue(none).level is Level.OK
    assert inspect_index(str(tmp_path / "library.db")) == IndexCheckup(exists=False)


def test_versions_other_than_those_tested_with_are_a_warning(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("plexapi==4.18.3\nrequests==2.34.2\n")
    versions = {
        "plexapi": "4.17.0",
        "requests": "2.34.9",
        "stashapp-tools": "1",
        "persist-queue": "1",
    }

    check = machine_checks.check_dependencies(str(tmp_path), (), versions.__getitem__)

    assert check.level is Level.WARNING
    assert check.remedy.endswith("-m pip install plexapi==4.18.3")


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
def test_a_command_runs_when_it_is_pasted(tmp_path: Path) -> None:
    folder = tmp_path / "my data"
    folder.mkdir(mode=0o755)
    check = machine_checks.check_permissions(str(folder))

    remedy = masked(check.remedy, redact=plain, home=str(tmp_path), hosts=())

    assert str(tmp_path) not in remedy
    environment = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run(["sh", "-c", remedy.removeprefix("Run: ")], env=environment, check=True)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_on_windows_the_permissions_are_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    check = machine_checks.check_permissions("D:\\plugins\\Stash2Plex\\data")

    assert (check.level, "not checked" in check.text) == (Level.OK, True)


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        (PurePosixPath("/my data/x.db"), "file:///my%20data/x.db"),
        (PureWindowsPath("D:\\data\\x.db"), "file:///D:/data/x.db"),
        (PureWindowsPath("\\\\nas\\data\\x.db"), "file:////nas/data/x.db"),
    ],
)
def test_the_uri_of_a_database_has_no_host(path: PurePath, uri: str) -> None:
    assert database_uri(path) == uri


# the worker


@pytest.mark.parametrize(("error", "shown"), [("PlexAuthError", True), ("PlexLibraryError", False)])
def test_a_pause_is_a_fault_while_jobs_wait(tmp_path: Path, error: str, shown: bool) -> None:
    path = tmp_path / "worker.log"
    path.write_text(START + reported("sync_paused", reason="the reason", error=error))
    signs = work_checks.read_worker_signs(str(path))
    waiting, lasting = DatabaseCheckup(jobs={**IDLE, "pending": 1}), {"reason": "r", "since": NOW}

    during = work_checks.check_pause(signs, lasting, waiting, NOW)
    checks = [
        work_checks.check_pause(signs, {"reason": ""}, waiting, NOW),
        work_checks.check_pause(signs, lasting, DatabaseCheckup(jobs=IDLE), NOW),
        work_checks.check_pause(work_checks.WorkerSigns(), None, waiting, NOW),
    ]

    assert ("the reason" in during.text) is shown
    assert during.level is Level.FAULT
    assert [check.level for check in checks] == [Level.OK] * 3
    assert (
        work_checks.check_pause(work_checks.WorkerSigns(), lasting, waiting, NOW).level
        is Level.FAULT
    )


def reported(code: str, **fields: int | str) -> str:
    return json.dumps({"time": "2027-01-15 08:00:00.000", "code": code, **fields}) + "\n"


START, BROKE = reported("worker_started", pid=7), reported("worker_failed")


@pytest.mark.parametrize(
    ("log", "process", "broke"),
    [
        ("", None, False),
        (START, 7, False),
        (START + reported("worker_ended"), None, False),
        (START + BROKE, None, True),
        (START + BROKE + reported("worker_started", pid=8), 8, False),
        ("2026-01-15 08:00:00,000 INFO of an older version\n\xff\n[]\n{}\n" + START, 7, False),
    ],
)
def test_the_log_tells_how_the_last_worker_is(
    tmp_path: Path, log: str, process: int | None, broke: bool
) -> None:
    path = tmp_path / "worker.log"
    path.write_text(log)

    signs = work_checks.read_worker_signs(str(path))

    assert (signs.process, signs.broke) == (process, broke)
    assert (signs.last_sign is None) is (not log)
    assert work_checks.read_worker_signs(str(tmp_path / "none")) == work_checks.WorkerSigns()


def test_jobs_of_the_spool_wait_as_well(tmp_path: Path) -> None:
    path = tmp_path / "data.db"
    connect(str(path)).close()
    spool(tmp_path, "metadata.scene_1")

    seen = examine_database(str(path), NOW)

    assert figures(work_checks.check_queue(seen).text) == [1]
    assert 1 in figures(work_checks.check_worker(work_checks.WorkerSigns(), seen, NOW).text)


def test_a_state_file_that_the_system_keeps_from_us_is_told_with_its_remedy(tmp_path: Path) -> None:
    closed = tmp_path / "stats.json"
    closed.symlink_to(closed)

    check = machine_checks.check_state_files(DataFolder(str(tmp_path)))

    assert check.level is Level.WARNING
    assert "stats.json" in check.text
    assert check.remedy

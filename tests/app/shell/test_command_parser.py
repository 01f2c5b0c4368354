import re
from typing import Any

import pytest
from hypothesis import given, strategies as st

from app.command_line import make_parser, run_command, task_arguments
from simulators.rig import REPOSITORY
from tests.validation.strategies import ANY_TEXT

STASH = {"Scheme": "http", "Host": "localhost", "Port": 9999}


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("status", {"mode": "queue_status"}),
        ("process", {"mode": "process_queue"}),
        ("reconcile", {"mode": "reconcile_all"}),
        ("reconcile --recent --dry-run", {"mode": "reconcile_recent", "dry_run": True}),
        ("reconcile --7days", {"mode": "reconcile_7days"}),
        ("reconcile --missing-metadata", {"mode": "reconcile_missing_metadata"}),
        ("sync", {"mode": "all"}),
        ("sync --force", {"mode": "all", "force": True}),
        ("sync --recent", {"mode": "recent"}),
        ("doctor --json", {"mode": "doctor", "format": "json"}),
        ("inspect 12", {"mode": "inspect", "scene_id": "12"}),
        ("dead-letters", {"mode": "show_dlq"}),
        ("retry-dlq", {"mode": "retry_dlq"}),
        ("retry-dlq --error-type PlexNotFound --scene 3",
         {"mode": "retry_dlq", "error_type": "PlexNotFound", "scene_id": "3"}),
        ("outages", {"mode": "outage_summary"}),
        ("health", {"mode": "health_check"}),
        ("check-paths", {"mode": "check_paths"}),
    ],
)  # fmt: skip
def test_a_command_means_a_task(line: str, arguments: dict[str, Any]) -> None:
    options = make_parser("1", {}).parse_args(line.split())

    assert task_arguments(options) == arguments
    assert options.stash == STASH


def test_the_page_about_the_command_line_has_every_command_and_option() -> None:
    page = (REPOSITORY / "docs" / "command-line.md").read_text(encoding="utf-8")
    help_text = make_parser("1", {}).format_help()
    commands = re.findall(r"^    ([a-z-]+)", help_text.split("commands:")[1], re.MULTILINE)

    assert re.findall(r"^\| `([a-z][a-z-]*)", page, re.MULTILINE) == commands
    for option in ("--recent", "--7days", "--missing-metadata", "--dry-run", "--force", "--scene",
                   "--error-type", "--stash", "--plex", "--json", "--strict"):  # fmt: skip
        assert option in page


@pytest.mark.parametrize(
    ("address", "connection"),
    [
        ("http://localhost:9999/", STASH),
        ("https://stash.lan", {"Scheme": "https", "Host": "stash.lan", "Port": 443}),
        ("http://[::1]:80", {"Scheme": "http", "Host": "::1", "Port": 80}),
        ("HTTP://nas", {"Scheme": "http", "Host": "nas", "Port": 80}),
    ],
)
def test_an_address_is_taken_apart(address: str, connection: dict[str, Any]) -> None:
    by_argument = make_parser("1", {}).parse_args(["status", "--stash", address])
    by_environment = make_parser("1", {"STASH_URL": address}).parse_args(["status"])

    assert by_argument.stash == by_environment.stash == connection


@given(st.one_of(ANY_TEXT, st.text("htps:/[]@.0123456789", max_size=30)))
def test_any_address_is_understood_or_refused(address: str) -> None:
    parser = make_parser("1", {})
    try:
        options = parser.parse_args(["status", f"--stash={address}", f"--plex={address}"])
    except SystemExit as refusal:
        code = refusal.code
    else:
        assert options.stash["Host"]
        assert 0 < options.stash["Port"] < 65536
        assert options.plex.lower().startswith("http")
        return
    assert code == 2


def ended(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as end:
        run_command(str(REPOSITORY / "Stash2Plex.py"), arguments)
    out, err = capsys.readouterr()
    return end.value.code, out, err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["sync", "--stash", "stash.lan:9999"],
         "argument --stash: an address such as http://localhost:9999 is expected, not "
         "'stash.lan:9999'"),
        (["sync", "--stash", "http://localhost:9999/stash"],
         "argument --stash: Stash's address ends with its port; a path behind it is not supported"),
        (["sync", "--stash", "http://me:secret-of-mine@localhost"],
         "argument --stash: an address such as http://localhost:9999 is expected, without user and "
         "password"),
        (["sync", "--plex", "32400"],
         "argument --plex: an address such as http://192.168.1.10:32400 is expected, not '32400'"),
        (["inspect", "all"], "argument ID: the number of a scene is expected, not 'all'"),
        (["inspect"], "the following arguments are required: ID"),
        (["sync", "--recent", "--force"], "argument --force: not allowed with argument --recent"),
        (["sync", "--api-key", "x"], "unrecognized arguments: --api-key x"),
        (["--json"], "the following arguments are required: <command>"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_a_command_line_that_cannot_be_understood_is_answered_in_words(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    code, out, err = ended(capsys, *arguments)

    assert (code, out) == (2, "")
    assert err.strip().endswith(complaint)
    assert "secret-of-mine" not in err


def test_an_unknown_command_lists_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = ended(capsys, "stauts")

    assert code == 2
    assert "invalid choice: 'stauts'" in err
    for known in ("status", "process", "reconcile", "sync", "doctor", "inspect", "dead-letters",
                  "retry-dlq", "outages", "health", "check-paths"):  # fmt: skip
        assert known in err


COMMANDS = """\
usage: Stash2Plex.py [-h] [--version] <command> ...

Carries metadata edits from Stash to Plex. Stash runs this program automatically. From a shell, cron
or systemd it runs the same tasks as Stash's page.

options:
  -h, --help      show this help message and exit
  --version       show program's version number and exit

commands:
  <command>
    login         sign in with Plex, and store its address and token
    status        the queue, the dead letters and the last runs
    process       send the due jobs to Plex now
    reconcile     compare both libraries and queue what differs
    sync          queue the scenes that differ from Plex
    doctor        check everything, with a remedy for each problem
    inspect       why a scene is in Plex, or is not
    test-write    try with one item how Plex handles edits
    dead-letters  the dead letters by reason, with the remedies
    retry-dlq     queue dead letters again
    outages       the outages of Plex, with their durations
    health        whether Plex answers and has the libraries
    check-paths   the share of scenes in Plex, and a path map

examples:
"""


def columns(text: str) -> str:
    """Help without what Pythons do not agree on: how far apart its two columns stand."""
    return re.sub(r"(?<=\S) {2,}", "  ", text)


def test_the_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ended(capsys, "--help")

    assert (code, err) == (0, "")
    assert columns(out).startswith(columns(COMMANDS))
    assert max(len(line) for line in out.splitlines()) <= 100
    for part in ("STASH_URL", "STASH_API_KEY", "PLEX_TOKEN", "STASH_PLUGIN_DATA", "exit codes:",
                 "  3    failed; stderr has the cause and the remedy"):  # fmt: skip
        assert part in out
    assert ended(capsys, "--version")[1].startswith("Stash2Plex ")

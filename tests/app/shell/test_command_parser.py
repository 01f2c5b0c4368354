"""Which task and which arguments a command line means."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.shell.command_parser import make_parser, task_arguments
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

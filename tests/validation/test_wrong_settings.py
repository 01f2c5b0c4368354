"""Wrong settings, one by one: each is answered in words, and its default is used."""

import math
from dataclasses import fields
from typing import Any

import pytest

from validation.config import Config, parse_config
from validation.values import in_brief

PLEX = {"plex_url": "http://plex:32400", "plex_token": "0123456789"}
_SWITCH = "true or false"
_PAIRS = "pairs of the form /plex/prefix=>/stash/prefix"

OPTIONAL: list[tuple[str, Any, str]] = [
    *(("enabled", bad, _SWITCH) for bad in ("maybe", 2)),
    ("enabled", [], _SWITCH),
    ("strict_matching", "strict", _SWITCH),
    ("preserve_plex_edits", {"title": True}, _SWITCH),
    ("sync_master", "ture", _SWITCH),
    ("sync_tags", 0.5, _SWITCH),
    ("sync_poster", ["poster"], _SWITCH),
    ("trigger_plex_scan", -1, _SWITCH),
    ("skip_not_found", "y e s", _SWITCH),
    ("remove_overlay_label", "often", _SWITCH),
    ("only_organized", "some", _SWITCH),
    ("only_with_tags", 5, "names of tags, separated by semicolons"),
    ("never_with_tags", ["Private"], "names of tags, separated by semicolons"),
    ("when_not_selected", "delete", "leave or restore"),
    ("only_below_folders", "/", "folders in Stash, separated by semicolons"),
    ("leave_out_tags", 5, "names of tags, separated by semicolons"),
    ("leave_out_performer_genders", "male; man", "male, female, transgender_male, "),
    ("leave_out_performer_tags", 5, "names of tags, separated by semicolons"),
    ("performer_disambiguation", "sometimes", "shared or never or always"),
    ("collections_from", "studios", "studio, parent_studio, groups, performers, tags, "),
    ("collection_tags", ["Favourite"], "names of tags, separated by semicolons"),
    ("collection_prefix", "a\nb", "a text of at most 100 characters"),
    ("rename_tags", "Outdoor", "pairs of tags old=>new, separated by semicolons"),
    ("rename_tags", "a=>b; =>c", "pairs of tags old=>new, separated by semicolons"),
    ("plain_summary", "html", _SWITCH),
    ("only_tags_below", True, "names of tags, separated by semicolons"),
    ("tags_as_labels", 5, "names of tags, separated by semicolons"),
    ("edition_from", "title", "none or code or groups"),
    ("tagline_from", True, "none or code or groups"),
    ("content_rating", 18, "a text"),
    ("fixed_label", ["Stash"], "a text"),
    ("sort_title_template", "title", "a text with some of {title} {studio}"),
    ("title_template", "{name}", "a text with some of {title} {studio}"),
    ("debug_logging", "verbose", _SWITCH),
    ("obfuscate_paths", {}, _SWITCH),
    ("reconcile_missing", "true!", _SWITCH),
    ("slow_down", "much", _SWITCH),
    ("max_scenes_per_minute", -1, "a whole number from 0 to 10000"),
    *(
        ("quiet_hours", value, "times of the day as 19:00-23:30, separated by semicolons, but not")
        for value in (19, "19-23", "19:00-24:00", "7:00-7:00", "0:00-12:00; 11:59-0:00")
    ),
    *(("max_retries", bad, "a whole number from 1 to 20") for bad in (0, 2.5, "five", True)),
    *(("poll_interval", bad, "a number from 0.1 to 60") for bad in (0, math.nan, "30 s")),
    *(("connect_timeout", bad, "a number from 1 to 30") for bad in (-5, math.inf)),
    *(("read_timeout", bad, "a number from 5 to 120") for bad in (1e300, [30])),
    *(("max_tags", bad, "a whole number from 10 to 500") for bad in (9, "1e400", "1_00")),
    ("max_tags", {}, "a whole number from 10 to 500"),
    ("dlq_retention_days", 366, "a whole number from 1 to 365"),
    ("reconcile_batch_size", "all", "a whole number from 10 to 1000"),
    ("plex_library", True, "names or numbers of libraries, separated by commas"),
    ("plex_library", ["Scenes", "More"], "names or numbers of libraries, separated by commas"),
    ("reconcile_interval", "sometimes", "never or hourly or daily or weekly"),
    ("reconcile_interval", 24, "never or hourly or daily or weekly"),
    ("reconcile_scope", "everything", "all or 24h or 7days"),
    ("reconcile_scope", ["all"], "all or 24h or 7days"),
    ("plex_unmatched_path_map", "/plex /stash", _PAIRS),
    ("plex_unmatched_path_map", "/plex=>", _PAIRS),
    ("plex_unmatched_path_map", ["/plex=>/stash"], _PAIRS),
    ("plex_unmatched_path_map", {"/plex": "/stash"}, _PAIRS),
    ("plex_verify_tls", 5, "true or false, or the file of a certificate"),
    ("plex_verify_tls", [False], "true or false, or the file of a certificate"),
]
REQUIRED: list[tuple[str, Any]] = [
    *(("plex_url", bad) for bad in ("plex", "192.168.1.10:32400", "ftp://plex", "http://")),
    *(("plex_url", bad) for bad in ("http://plex:99999", 32400, ["http://plex:32400"])),
    *(("plex_token", bad) for bad in ("short", 1234567890, ["0123456789"])),
]


def test_there_are_thirty_and_every_setting_has_its_own_but_for_switches_that_are_alike() -> None:
    wrong = {name for name, _, _ in OPTIONAL} | {name for name, _ in REQUIRED}

    assert len(OPTIONAL) >= 30
    left = {field.name for field in fields(Config)} - wrong
    assert [name for name in left if not name.startswith("sync_")] == []


@pytest.mark.parametrize(("name", "value", "allowed"), OPTIONAL, ids=lambda one: str(one)[:30])
def test_a_wrong_setting_is_reported_and_defaulted(name: str, value: Any, allowed: str) -> None:
    parsed = parse_config({**PLEX, name: value}, {})

    (warning,) = parsed.warnings
    assert warning.startswith(
        f"{name} is {in_brief(value)}, which cannot be used; allowed: {allowed}"
    )
    assert "Its default (" in warning
    assert warning.endswith(") is used")
    assert parsed.faults == ()
    assert parsed.config == parse_config(PLEX, {}).config


@pytest.mark.parametrize(("name", "value"), REQUIRED, ids=lambda one: str(one)[:30])
def test_a_wrong_address_or_token_is_a_fault_of_its_own(name: str, value: Any) -> None:
    parsed = parse_config({**PLEX, "max_tags": 20, name: value}, {})

    (fault,) = parsed.faults
    shown = f" is {in_brief(value)}, which" if name == "plex_url" else ""  # a token is never shown
    assert fault.startswith(f"{name}{shown} cannot be used; allowed: ")
    assert (parsed.config.max_tags, parsed.warnings) == (20, ())

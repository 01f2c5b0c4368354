"""The defaults for Stash's page: what is written, what is left as it is, and what is not again."""

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, strategies as st

from app.processes.settings_page import KnownSettings, defaults_to_write
from simulators.rig import REPOSITORY
from simulators.stash.plugin_manifest import load
from tests.validation.strategies import JSON
from validation.config import LEGACY_NAMES, Config, parse_config

PLEX = {"plex_url": "http://plex:32400", "plex_token": "0123456789"}
ON_PAGE = {one.name: one.type for one in load(REPOSITORY / "Stash2Plex.yml").settings}
EMPTY_BY_DEFAULT = {"plex_unmatched_path_map"}
EMPTY_BY_DEFAULT |= {one.name for one in fields(Config) if one.default == ""}
ALL = defaults_to_write({}, KnownSettings())
KEYS = [*ON_PAGE, *LEGACY_NAMES.values(), "strict_mode", "dlq_retention_days"]


def test_every_optional_setting_of_the_page_is_written_as_the_page_would_store_it() -> None:
    kinds = {"BOOLEAN": bool, "NUMBER": int, "STRING": str}

    assert ALL.keys() == ON_PAGE.keys() - PLEX.keys() - EMPTY_BY_DEFAULT
    assert {name: type(value) for name, value in ALL.items()} == {
        name: kinds[ON_PAGE[name]] for name in ALL
    }
    assert "" not in ALL.values()


def test_what_is_written_reads_as_what_an_unset_setting_is() -> None:
    assert parse_config({**PLEX, **ALL}, {}) == parse_config(PLEX, {})


@pytest.mark.parametrize("value", [None, "", False, 0, "maybe", 7, []])
def test_a_key_that_is_stored_is_never_written_whatever_it_holds(value: Any) -> None:
    stored = dict.fromkeys(ON_PAGE, value)

    assert defaults_to_write(stored, KnownSettings()) == {}


def test_a_value_under_an_old_name_is_shown_under_the_new_one() -> None:
    """The new name's default would hide it."""
    old = {"plex_connect_timeout": 7, "plex_read_timeout": "90", "path_map": "/a=>/b"}

    written = defaults_to_write(old, KnownSettings())

    assert (written["connect_timeout"], written["read_timeout"]) == (7, "90")
    assert written["plex_unmatched_path_map"] == "/a=>/b"
    assert (
        parse_config({**PLEX, **old, **written}, {}).config
        == parse_config({**PLEX, **old}, {}).config
    )


def test_what_was_seen_once_is_not_written_when_somebody_takes_it_away() -> None:
    shown = KnownSettings().after(PLEX, ALL)

    for name in ALL:
        left = {key: value for key, value in ALL.items() if key != name}
        assert defaults_to_write({**PLEX, **left}, shown) == {}
    own = KnownSettings().after({"max_tags": 50}, {})
    assert "max_tags" not in defaults_to_write({}, own)


def test_a_page_that_posts_its_old_values_again_is_told_from_a_person() -> None:
    shown = KnownSettings().after(PLEX, ALL)

    assert defaults_to_write(PLEX, shown) == ALL
    changed = {**PLEX, "sync_tags": False, "max_tags": 20}
    assert defaults_to_write(changed, shown).keys() == ALL.keys() - {"sync_tags", "max_tags"}


def test_a_setting_that_a_later_version_brings_is_written_alone() -> None:
    of_before = {name: value for name, value in ALL.items() if name != "reconcile_missing"}
    shown = KnownSettings().after(PLEX, of_before)

    assert defaults_to_write({**PLEX, **of_before}, shown) == {"reconcile_missing": True}


@given(stored=st.dictionaries(st.sampled_from(KEYS), JSON))
def test_stored_settings_mean_the_same_with_defaults(stored: dict[str, Any]) -> None:
    written = defaults_to_write(stored, KnownSettings())
    after = {**stored, **written}

    assert written.keys().isdisjoint(stored)
    assert written.keys().isdisjoint(PLEX)
    assert parse_config(after, {}).config == parse_config(stored, {}).config
    assert defaults_to_write(after, KnownSettings().after(stored, written)) == {}

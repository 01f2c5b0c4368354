"""The settings: defaults, ranges, wrong types, and what the user is told."""

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.validation.strategies import ANY_TEXT, JSON
from validation.config import Config, ParsedConfig, parse_config
from validation.path_map import PrefixPair

TOKEN = "abcDEF123-xyz_789"
URL = "http://plex.local:32400"
PLEX = {"plex_url": URL, "plex_token": TOKEN}
ENVIRONMENT = {"PLEX_URL": "https://from.environment", "PLEX_TOKEN": "token-of-environment"}

NAMES = [one.name for one in fields(Config)]
BOOLEANS = [name for name in NAMES if isinstance(getattr(Config(), name), bool)]
BOOLEANS.remove("plex_verify_tls")  # which may be a file, too
WHOLE_NUMBERS = {
    "max_retries": (1, 20),
    "max_scenes_per_minute": (0, 10_000),
    "max_tags": (10, 500),
    "dlq_retention_days": (1, 365),
    "reconcile_batch_size": (10, 1000),
}
NUMBERS = {"poll_interval": (0.1, 60), "connect_timeout": (1, 30), "read_timeout": (5, 120)}
CHOICES = {
    "reconcile_interval": ("never", "hourly", "daily", "weekly"),
    "reconcile_scope": ("all", "24h", "7days"),
    **dict.fromkeys(("edition_from", "tagline_from"), ("none", "code", "groups")),
    "when_not_selected": ("leave", "restore"),
    "performer_disambiguation": ("never", "shared", "always"),
}
RANGES = {**WHOLE_NUMBERS, **NUMBERS}
OPTIONAL = [name for name in NAMES if name not in PLEX]


def some_of(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    words = [*BOOLEANS, "true", "0", "no", "daily", "24h", "30", " 7.5 ", "/p=>/s", "a, b"]
    return st.dictionaries(st.sampled_from(names), st.sampled_from(words) | JSON, max_size=6)


def parse(**given: Any) -> ParsedConfig:
    return parse_config({**PLEX, **given}, {})


def value_of(**given: Any) -> Any:
    parsed = parse(**given)
    assert (parsed.warnings, parsed.faults) == ((), ())
    (name,) = given
    return getattr(parsed.config, name)


def test_the_remaining_settings_have_their_defaults() -> None:
    config = parse().config
    assert config.plex_library == ""
    assert config.plex_verify_tls is True
    assert config.plex_unmatched_path_map.to_plex("/any/path") == "/any/path"


def test_no_setting_is_left_out_of_these_tests() -> None:
    texts = {name for name in NAMES if getattr(Config(), name) == ""}
    others = {"plex_unmatched_path_map", "plex_verify_tls", "collections_from", *texts}
    assert {*PLEX, *BOOLEANS, *RANGES, *CHOICES, *others} == set(NAMES)


@pytest.mark.parametrize("name", OPTIONAL)
def test_an_empty_value_is_an_unset_one(name: str) -> None:
    for unset in (None, "", "  \t"):
        assert value_of(**{name: unset}) == getattr(Config(), name)


@pytest.mark.parametrize(
    ("given", "value"),
    [
        *((given, True) for given in (True, 1, "true", " Yes ", "1", "on")),
        *((given, False) for given in (False, 0, "FALSE", "no", "0", "off")),
    ],
)
def test_a_switch_is_read_from_whatever_says_it_plainly(given: object, value: bool) -> None:
    read = {name: value_of(**{name: given}) for name in BOOLEANS}
    assert read == dict.fromkeys(BOOLEANS, value)


@pytest.mark.parametrize(("name", "bounds"), RANGES.items())
def test_both_ends_of_a_range_are_in_it(name: str, bounds: tuple[float, float]) -> None:
    for end in bounds:
        assert value_of(**{name: end}) == end
        assert value_of(**{name: f" {end} "}) == end


@pytest.mark.parametrize("name", WHOLE_NUMBERS)
def test_a_whole_number_may_be_written_with_a_fraction_of_nothing(name: str) -> None:
    value = value_of(**{name: "15.0"})
    assert value == 15
    assert isinstance(value, int)


@pytest.mark.parametrize(
    ("name", "word"), [(name, word) for name, words in CHOICES.items() for word in words]
)
def test_a_choice_is_read_whatever_its_case(name: str, word: str) -> None:
    assert value_of(**{name: f" {word.upper()} "}) == word


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (True, True),
        ("off", False),
        ("0", False),
        ("yes", True),
        (" /etc/plex.pem ", "/etc/plex.pem"),
        ("C:\\plex.pem", "C:\\plex.pem"),
    ],
)
def test_tls_is_on_off_or_a_file_to_trust(given: object, value: bool | str) -> None:
    assert value_of(plex_verify_tls=given) == value


@pytest.mark.parametrize("name", ["plex_unmatched_path_map", "path_map"])
def test_a_path_map_is_read_under_both_of_its_names(name: str) -> None:
    parsed = parse(**{name: "/plex=>/stash; /p2=>/s2"})
    assert (parsed.warnings, parsed.faults) == ((), ())
    pairs = (PrefixPair("/plex", "/stash"), PrefixPair("/p2", "/s2"))
    assert parsed.config.plex_unmatched_path_map.pairs == pairs


@pytest.mark.parametrize(
    ("alias", "name"),
    [("plex_connect_timeout", "connect_timeout"), ("plex_read_timeout", "read_timeout")],
)
def test_a_timeout_is_read_under_its_other_name_too(alias: str, name: str) -> None:
    assert getattr(parse(**{alias: 7}).config, name) == 7
    assert getattr(parse(**{alias: 7, name: 9}).config, name) == 9
    default = getattr(Config(), name)
    assert getattr(parse(**{alias: 7, name: ""}).config, name) == default


@pytest.mark.parametrize(
    "behind",
    ["/web/index.html#!/server/f00/details?key=%2Flibrary", "/web", "/?X-Plex-Token=abcdefgh1234"],
)
def test_an_address_from_a_browser_is_that_of_its_server(behind: str) -> None:
    assert parse(plex_url=f"http://nas:32400{behind}").config.plex_url == "http://nas:32400"
    below = parse(plex_url=f"https://nas/webplex{behind}").config.plex_url
    assert below == "https://nas/webplex"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://plex:32400", "http://plex:32400"),
        (" https://192.168.1.10:32400/ ", "https://192.168.1.10:32400"),
        ("http://[::1]:32400//", "http://[::1]:32400"),
        ("HTTP://Plex", "http://Plex"),
        ("https://host/behind/a/proxy/", "https://host/behind/a/proxy"),
    ],
)
def test_an_address_is_taken_without_its_last_slash(given: str, url: str) -> None:
    assert value_of(plex_url=given) == url


@pytest.mark.parametrize("given", ["http://my plex:32400", "http://plex\n:32400", "http://a..b"])
def test_an_address_that_no_client_can_ask_is_a_fault(given: str) -> None:
    assert parse(plex_url=given).faults


@pytest.mark.parametrize(
    "given", ["short", "123456789", 1234567890123, True, ["x" * 20], "tökentökentöken", "a\nb" * 9]
)
def test_a_malformed_token_is_a_fault_that_does_not_show_it(given: object) -> None:
    parsed = parse(plex_token=given)
    (fault,) = parsed.faults
    assert fault.startswith("plex_token cannot be used; ")
    assert "at least 10" in fault
    assert str(given) not in fault
    assert parsed.config.plex_token == ""


def test_a_token_of_ten_characters_is_long_enough_and_blanks_around_it_go() -> None:
    assert value_of(plex_token=" 1234567890 ") == "1234567890"


@pytest.mark.parametrize("name", PLEX)
@pytest.mark.parametrize("unset", [None, "", "   "])
def test_a_missing_address_or_token_is_a_fault(name: str, unset: str | None) -> None:
    (fault,) = parse(**{name: unset}).faults
    assert fault == f"{name} is not set: enter it in Settings > Plugins > Stash2Plex"


def test_the_environment_fills_in_for_address_and_token() -> None:
    config = parse_config({}, ENVIRONMENT).config
    assert config.plex_url == ENVIRONMENT["PLEX_URL"]
    assert config.plex_token == ENVIRONMENT["PLEX_TOKEN"]


def test_a_setting_wins_over_the_environment_and_a_malformed_one_is_still_a_fault() -> None:
    assert parse_config(PLEX, ENVIRONMENT).config.plex_url == URL
    assert parse_config({**PLEX, "plex_url": "plex"}, ENVIRONMENT).faults


@pytest.mark.parametrize("stored", [None, [], "text", 5, True, 1.5])
def test_settings_that_are_no_map_count_as_unset(stored: object) -> None:
    parsed = parse_config(stored, ENVIRONMENT)
    assert (parsed.warnings, parsed.faults) == ((), ())
    assert parsed.config.max_retries == 5


def test_settings_that_nobody_knows_are_named_and_change_nothing() -> None:
    """Such as `strict_mode` of the earlier implementation: Stash's page cannot remove a key."""
    parsed = parse(strict_mode=True, some_new_setting=5, path_map="/a=>/b")
    assert parsed.unknown == ("'strict_mode'", "'some_new_setting'")
    assert (parsed.warnings, parsed.faults) == ((), ())
    assert parsed.config == parse(path_map="/a=>/b").config


def test_a_very_long_bad_value_is_told_in_short() -> None:
    (warning,) = parse(enabled="x" * 100_000).warnings
    assert len(warning) < 300


@given(
    stored=JSON | some_of(NAMES),
    environ=st.dictionaries(st.sampled_from(["PLEX_URL", "PLEX_TOKEN"]), ANY_TEXT),
)
def test_any_json_is_parsed_within_the_ranges(stored: Any, environ: dict[str, str]) -> None:
    parsed = parse_config(stored, environ)
    for name, (low, high) in RANGES.items():
        assert low <= getattr(parsed.config, name) <= high
    for name, words in CHOICES.items():
        assert getattr(parsed.config, name) in words
    for name in BOOLEANS:
        assert isinstance(getattr(parsed.config, name), bool)
    faulty = {fault.split()[0] for fault in parsed.faults}
    assert faulty == {name for name in PLEX if not getattr(parsed.config, name)}


@given(some_of(OPTIONAL))
def test_reading_the_settings_that_were_understood_changes_nothing(stored: Any) -> None:
    """What the plugin writes back as defaults must read as what it was."""
    config = parse_config({**stored, **PLEX}, {}).config
    plain = {
        name: getattr(config, name)
        for name in NAMES
        if name not in ("plex_library", "plex_unmatched_path_map")
    }
    again = parse_config(json.loads(json.dumps(plain)), {})
    assert (again.warnings, again.faults) == ((), ())
    assert {name: getattr(again.config, name) for name in plain} == plain


SECRETS = st.text("abcdefghijkLMNOP0123456789_-", min_size=10, max_size=40).map("Tok".__add__)


@given(secret=SECRETS, stored=some_of(OPTIONAL), bad=ANY_TEXT)
def test_a_token_is_in_no_message_and_no_repr(secret: str, stored: Any, bad: str) -> None:
    for token in (secret, f"{secret}\n{bad}", f"{secret}ö"):
        parsed = parse_config({**stored, "plex_url": URL, "plex_token": token}, {})
        told = (*parsed.warnings, *parsed.faults, repr(parsed), str(parsed.config))
        assert not [text for text in told if secret in text]


def test_a_token_entered_as_the_address_is_not_shown() -> None:
    parsed = parse_config({"plex_url": TOKEN, "plex_token": URL}, {})
    assert not [fault for fault in parsed.faults if TOKEN in fault]

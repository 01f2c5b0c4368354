"""Settings are added to what Stash has stored, and nothing that is stored is ever lost."""

from collections.abc import Mapping
from typing import Any

import pytest

from simulators.stash import FakeStash, Reset, Status
from simulators.stash.request_log import any_request
from stash.connection import StashConnection
from stash.exceptions import StashQueryError, StashUnavailable
from stash.settings import PLUGIN_ID, StashSettings

STORED = {"plex_url": "http://plex", "plex_token": "0123456789", "max_tags": "7", "odd": None}
ADDED = {"enabled": True, "poll_interval": 30, "reconcile_scope": "24h"}


def written(stash: FakeStash) -> int:
    return stash.requests.count("configurePlugin")


def test_stored_settings_stay_beside_new(stash: FakeStash, connection: StashConnection) -> None:
    stash.set_plugin_settings("Other", {"enabled": "theirs"})
    stash.set_plugin_settings(PLUGIN_ID, STORED)
    seen: list[Mapping[str, Any]] = []

    def choose(stored: Mapping[str, Any]) -> Mapping[str, Any]:
        seen.append(stored)
        return ADDED

    added = StashSettings(connection).add(choose)

    assert (added, seen) == (ADDED, [STORED])
    assert stash.plugin_settings(PLUGIN_ID) == {**STORED, **ADDED}
    assert stash.plugin_settings("Other") == {"enabled": "theirs"}


def test_a_stored_key_is_never_changed(stash: FakeStash, connection: StashConnection) -> None:
    stash.set_plugin_settings(PLUGIN_ID, STORED)

    StashSettings(connection).add(lambda _stored: {**dict.fromkeys(STORED, "ours"), "new": 1})

    assert stash.plugin_settings(PLUGIN_ID) == {**STORED, "new": 1}


def test_the_first_settings_are_stored(stash: FakeStash, connection: StashConnection) -> None:
    StashSettings(connection).add(lambda stored: {**ADDED, "found": len(stored)})

    assert stash.plugin_settings(PLUGIN_ID) == {**ADDED, "found": 0}


def test_no_addition_means_no_write(stash: FakeStash, connection: StashConnection) -> None:
    StashSettings(connection).add(lambda _stored: {})

    assert written(stash) == 0


@pytest.mark.parametrize(
    "configuration",
    [
        b"null",
        b"[]",
        b"{}",
        b'{"plugins": null}',
        b'{"plugins": {"Stash2Plex": null}}',
        b'{"plugins": {"Stash2Plex": [1]}}',
    ],
)
def test_nothing_is_written_where_stash_does_not_tell_what_would_be_replaced(
    stash: FakeStash, connection: StashConnection, configuration: bytes
) -> None:
    body = b'{"data": {"configuration": %s}}' % configuration
    stash.inject(Status(200, body, "application/json"), any_request)

    with pytest.raises(StashQueryError):
        StashSettings(connection).add(lambda _stored: ADDED)

    assert written(stash) == 0


def test_a_write_that_fails_says_so(stash: FakeStash, connection: StashConnection) -> None:
    stash.inject(Reset(), "configurePlugin")

    with pytest.raises(StashUnavailable):
        StashSettings(connection).add(lambda _stored: ADDED)

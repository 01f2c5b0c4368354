"""Dead letters keep what people read in them, and let no secret and no title come along."""

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from legacy.dead_letters import clean
from shared.redaction import Secrets
from sync_queue.manager import QueueManager
from tests.legacy.support import EarlierFolder, Switch

TOKEN = "Zx81TokenOfPlex"
NOON = "2025-06-15 12:00:00"


@pytest.fixture
def earlier(tmp_path: Path) -> EarlierFolder:
    return EarlierFolder(tmp_path)


@pytest.fixture
def switch(tmp_path: Path) -> Switch:
    return Switch(tmp_path)


def test_a_dead_letter_keeps_all_of_its_values(earlier: EarlierFolder, switch: Switch) -> None:
    earlier.letter(3, "PlexTemporaryError", "Plex was busy", NOON)
    earlier.letter(4, "KeyError", "'title'", "2025-06-14 08:30:00")

    switch.import_all()

    assert switch.letters() == [
        (3, "PlexTemporaryError", "Plex was busy", NOON),
        (4, "KeyError", "'title'", "2025-06-14 08:30:00"),
    ]
    assert switch.fields == {"taken": ["2 dead letters"]}


def test_the_newest_letter_per_type_is_kept(earlier: EarlierFolder, switch: Switch) -> None:
    earlier.letter(3, message="newer", failed_at=NOON)
    earlier.letter(3, message="older", failed_at="2025-06-01 12:00:00")
    earlier.letter(3, "KeyError", "another")

    switch.import_all()

    assert [row[:3] for row in switch.letters()] == [
        (3, "KeyError", "another"),
        (3, "PlexPermanentError", "newer"),
    ]


def test_a_dead_letter_can_be_queued_again(earlier: EarlierFolder, switch: Switch) -> None:
    earlier.letter(3)
    switch.import_all()
    queue = QueueManager(str(switch.root / "queue"))

    (letter,) = queue.dead_letters.of_type("PlexPermanentError")
    assert queue.requeue(letter)

    queue.close()
    (job,) = switch.waiting()
    assert (job["scene_id"], job["job_key"], job["update_type"]) == (3, "scene_3", "metadata")
    assert (job["retry_count"], job["next_retry_at"]) == (0, 0.0)
    assert "title" not in job["data"]


def test_a_missing_scene_is_searched_by_its_file(earlier: EarlierFolder, switch: Switch) -> None:
    earlier.letter(3, "PlexNotFound")

    switch.import_all()

    ((stored,),) = switch.rows("SELECT job_data FROM dead_letters")
    assert json.loads(stored)["data"] == {"missing_paths": ["/media/scenes/s3.mp4"]}
    assert switch.waiting() == []


def test_a_letter_with_an_unreadable_job_is_kept(earlier: EarlierFolder, switch: Switch) -> None:
    earlier.letter(3, data=b"nonsense")

    switch.import_all()

    assert [row[0] for row in switch.letters()] == [3]


def test_letters_wait_for_the_secrets_to_redact(earlier: EarlierFolder, switch: Switch) -> None:
    earlier.letter(3, message=f"bad header {TOKEN}")
    switch.token_known = False

    said = switch.import_all()
    assert "Stash does not return the settings" in said
    assert switch.letters() == []

    switch.token_known = True
    switch.secrets.add(TOKEN)
    switch.import_all()
    assert [row[2] for row in switch.letters()] == ["bad header [redacted]"]


@pytest.mark.parametrize(
    "message",
    [
        "Max retries exceeded with url: /library?X-Plex-Token={} (Caused by x)",
        "401 for http://plex:32400/library/metadata/5?title.value=The%20title&X-Plex-Token={}",
        "headers {{'X-Plex-Token': '{}', 'a': 'b'}}",
        "Authorization: Bearer {}",
        "api_key={}",
        "Cookie: session={}",
        "plex_token = {}",
        '{{"password": "{}"}}',
    ],
)
def test_a_secret_that_nobody_knows_any_more_is_cut_by_its_surroundings(message: str) -> None:
    text = clean(message.format(TOKEN), lambda text: text)

    assert TOKEN not in text
    assert "title" not in text


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_known_secret_never_comes_along(before: str, after: str) -> None:
    secrets = Secrets()
    secrets.add(TOKEN)

    assert TOKEN not in clean(f"{before}{TOKEN}{after}", secrets.redact)

from dataclasses import replace
from typing import Any

import pytest

from plex.diff import current_values
from plex.exceptions import PlexAmbiguousMatch, PlexCopy, PlexNotFound, PlexServerDown
from plex.items import PlexItem
from reconciliation.detector import GapDetector
from reconciliation.findings import GAPS, Finding, Outcome
from tests.reconciliation.support import BARE, DESIRED, IN_STEP, LOCKED, SCENE, looked, seen
from validation.metadata import SceneMetadata
from worker.sync.inspection import Inspection


def find(one: Inspection, *, missing: bool = True) -> Finding:
    return GapDetector(look_for_missing=missing).detect(one)


def test_an_item_without_any_of_the_five_is_empty() -> None:
    found = find(looked(BARE))
    assert found.outcome is Outcome.EMPTY
    assert set(found.reasons) == {
        "title",
        "studio",
        "summary",
        "date",
        "performers",
        "tags",
        "collections",
    }
    assert found.clears == ()


@pytest.mark.parametrize(
    "shown",
    [{"studio": "X"}, {"summary": "X"}, {"performers": ("X",)}, {"tags": ("X",)}],
    ids=lambda shown: next(iter(shown)),
)
def test_an_item_with_one_of_the_four_is_stale(shown: dict[str, Any]) -> None:
    assert find(looked(replace(BARE, **shown))).outcome is Outcome.STALE


def test_an_item_with_the_date_of_its_file_is_empty_all_the_same() -> None:
    assert find(looked(replace(BARE, date="2001-02-03"))).outcome is Outcome.EMPTY


def test_an_item_is_not_empty_where_the_scene_has_none_of_the_five_either() -> None:
    desired = SceneMetadata(title="Other", studio="", summary="", performers=(), tags=(), date="")
    assert find(looked(BARE, desired=desired)).outcome is Outcome.STALE


def test_one_empty_item_of_two_makes_the_scene_empty_only_if_it_would_be_sent_something() -> None:
    other = replace(BARE, rating_key=71)
    assert find(looked(IN_STEP, other)).outcome is Outcome.EMPTY
    refused = current_values(IN_STEP)
    bare = replace(other, title="Title", locked=LOCKED)
    old = looked(replace(IN_STEP, title="Old"))
    found = find(old._replace(edits=(*old.edits, *looked(bare, refused=refused).edits)))
    assert (found.outcome, found.reasons) == (Outcome.STALE, ("title",))


def test_a_lost_lock_alone_is_stale_and_sends_nothing_again() -> None:
    found = find(looked(replace(IN_STEP, locked=LOCKED - {"studio", "genre"})))
    assert found.outcome is Outcome.STALE
    assert "studio not locked" in found.reasons
    assert len(found.reasons) == 2
    assert found.clears == ()
    assert not find(looked(replace(IN_STEP, locked=LOCKED - {"studio"}))).again


@pytest.mark.parametrize(
    ("field", "empty"),
    [("studio", ""), ("summary", ""), ("date", ""), ("performers", ()), ("tags", ())],
)
def test_a_field_that_would_become_empty_counts_as_cleared(field: str, empty: Any) -> None:
    sent = {field: getattr(IN_STEP, field)}
    found = find(looked(IN_STEP, desired=replace(DESIRED, **{field: empty}), sent=sent))
    assert (found.outcome, found.clears) == (Outcome.STALE, (field,))


def test_a_list_that_becomes_shorter_and_an_empty_field_that_stays_so_are_not_cleared() -> None:
    assert find(looked(IN_STEP, desired=replace(DESIRED, performers=("Ada",)))).clears == ()
    bare = replace(IN_STEP, summary="", locked=LOCKED - {"summary"})
    assert find(looked(bare, desired=replace(DESIRED, summary=""))).clears == ()


def test_collections_do_not_count_as_cleared() -> None:
    sent = {"collections": ["Northlight"]}
    found = find(looked(IN_STEP, desired=replace(DESIRED, collections=()), sent=sent))
    assert (found.reasons, found.clears) == (("collections",), ())


def test_what_a_person_set_in_plex_is_no_gap_where_it_is_preserved() -> None:
    drifted = replace(IN_STEP, summary="Mine")
    sent = {"summary": "Details"}
    assert find(looked(drifted, sent=sent)).outcome is Outcome.STALE
    assert find(looked(drifted, sent=sent, preserve=True)).outcome is Outcome.IN_STEP


def test_what_plex_refused_is_no_gap() -> None:
    drifted = replace(IN_STEP, summary="Cut")
    assert find(looked(drifted, refused={"summary": "Details"})).outcome is Outcome.IN_STEP


def test_an_image_to_compare_or_to_lock_is_stale() -> None:
    found = find(looked(IN_STEP, cover_for=("poster",)))
    assert found == Finding(Outcome.STALE, ("cover to compare",))


def test_what_plex_does_not_have_is_missing_where_that_is_looked_for() -> None:
    lost = seen(error=PlexNotFound("no"))
    assert find(lost) == Finding(Outcome.MISSING, ("no item",), again=True)
    assert find(lost._replace(synced_before=False)).again is False
    assert find(lost, missing=False) == Finding(Outcome.NOT_LOOKED_FOR)


def test_where_plex_could_not_be_asked_nothing_is_concluded() -> None:
    with pytest.raises(PlexServerDown):
        find(seen(error=PlexServerDown("away")))
    with pytest.raises(PlexServerDown):
        find(seen(error=PlexServerDown("away")), missing=False)


@pytest.mark.parametrize(
    ("one", "outcome"),
    [
        (seen(scene=replace(SCENE, files=())), Outcome.NO_FILE),
        (seen(lacks_metadata=True), Outcome.NO_METADATA),
        (seen(error=PlexAmbiguousMatch("several")), Outcome.AMBIGUOUS),
        (
            seen(elsewhere=("its file is a version of item 1, and the item shows scene 2",)),
            Outcome.ELSEWHERE,
        ),
        (seen(unseen=True, error=PlexNotFound("no")), Outcome.UNSEEN),
        (seen(error=PlexCopy("copy")), Outcome.COPY),
    ],
)
def test_what_is_no_gap_is_told_by_its_name(one: Inspection, outcome: Outcome) -> None:
    assert find(one) == Finding(outcome)
    assert outcome not in GAPS


def test_an_item_that_another_scene_has_does_not_hide_the_gap_of_the_own_one() -> None:
    item: PlexItem = replace(IN_STEP, title="Old")
    assert (
        find(
            looked(item, elsewhere=("its file is a version of item 1, and the item shows scene 2",))
        ).outcome
        is Outcome.STALE
    )

from dataclasses import replace

import pytest

from plex.originals import original_values
from sync_queue.sync_log import ItemRecord
from tests.plex.test_originals import ITEM
from worker.sync.scene_work import EditPlanner, arrived, written_fields

HELD = original_values(ITEM)
SENT = ItemRecord("digest", {"title": "Sent"})
BEGUN = ItemRecord("", {}, pending={"summary": "Begun", "tags": ["Begun"], "collections": ["B"]})
TAKEN_OVER = ItemRecord("", {"title": "Sent"})


@pytest.mark.parametrize(
    ("records", "written"),
    [
        ([], set()),
        ([SENT], {"title"}),
        ([ItemRecord("digest", {}, {"date": "refused"}, pending={"tags": []})], {"date", "tags"}),
        ([SENT, ItemRecord("other", {"studio": ""})], {"title", "studio"}),
        ([TAKEN_OVER], {"title"}),
        ([SENT, BEGUN], {"title", "summary", "tags", "collections"}),
    ],
)
def test_a_possibly_sent_field_is_written(records: list[ItemRecord], written: set[str]) -> None:
    assert written_fields(records, ITEM, HELD) == written


def test_what_a_person_wrote_since_an_edit_was_lost_sight_of_is_not_written_by_us() -> None:
    item = replace(
        ITEM, summary="A person's", tags=("A person's",), locked=frozenset({"summary", "genre"})
    )

    assert written_fields([BEGUN], item, HELD) == {"collections"}
    assert written_fields([replace(BEGUN, sent=BEGUN.pending)], item, HELD) == {*BEGUN.pending}


def test_what_an_edit_carried_of_which_we_heard_no_more_is_written_where_it_is_shown() -> None:
    item = replace(ITEM, summary="Begun", locked=frozenset({"summary"}))

    assert "summary" in written_fields([BEGUN], item, HELD)
    assert arrived(BEGUN, item) == {"summary": "Begun"}


def test_all_scenes_of_an_item_count_and_none_of_another_item() -> None:
    other = ItemRecord("digest", {"studio": "Sent"})
    planner = EditPlanner({7: {1: SENT, 2: other}, 8: {3: BEGUN}}, {})

    assert planner.written(replace(ITEM, rating_key=7)) == {"title", "studio"}
    assert planner.written(replace(ITEM, rating_key=9)) == set()

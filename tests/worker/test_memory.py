"""Which fields of an item are ours to put back."""

from __future__ import annotations

import pytest

from plex.diff import PLEX_NAMES
from sync_queue.sync_records import ItemRecord
from worker.memory import ItemMemory, written_fields

SENT = ItemRecord("digest", {"title": "Sent"})
BEGUN = ItemRecord("", {}, pending={"collections": ["Studio"]})
TAKEN_OVER = ItemRecord("", {"title": "Sent"})


@pytest.mark.parametrize(
    ("records", "written"),
    [
        ([], set()),
        ([SENT], {"title"}),
        ([ItemRecord("digest", {}, {"date": "refused"}, pending={"tags": []})], {"date", "tags"}),
        ([SENT, ItemRecord("other", {"studio": ""})], {"title", "studio"}),
        ([TAKEN_OVER], {"title"}),
        ([SENT, BEGUN], set(PLEX_NAMES)),
    ],
)
def test_a_field_is_written_once_it_was_sent_or_may_have_been(
    records: list[ItemRecord], written: set[str]
) -> None:
    assert written_fields(records) == written


def test_all_scenes_of_an_item_count_and_none_of_another_item() -> None:
    other = ItemRecord("digest", {"studio": "Sent"})
    memory = ItemMemory({7: {1: SENT, 2: other}, 8: {3: BEGUN}}, {})

    assert memory.written(7) == {"title", "studio"}
    assert memory.written(9) == set()

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, strategies as st

from hooks.handlers import (
    EVENTS,
    SYNCED_FIELDS,
    HookContextError,
    changed_fields,
    jobs_for_hook as words_for_hook,
    requires_plex_sync,
)
from stash.queries import STAMPS
from sync_queue.spool_import import SCAN_DELAY
from tests.sync_queue.support import spooled
from tests.validation.strategies import ANY_TEXT, JSON, json_object
from validation.scene_extractor import TEXTS

NOW = 1_750_000_000.0
SYNCED = sorted(SYNCED_FIELDS)
NOT_SYNCED = ["clientMutationId", "id", "ids", "o_counter", "gallery_ids", "resume_time"]
NOT_SYNCED += ["play_duration", "play_count", "primary_file_id"]
# SceneUpdateInput as the web page's save sends it: all 24 members, unset ones null.
_MEMBERS = (
    "clientMutationId title code details director url urls date rating100 o_counter organized "
    "studio_id gallery_ids performer_ids groups movies tag_ids cover_image stash_ids resume_time "
    "play_duration play_count primary_file_id"
)
SCENE_UPDATE_INPUT: dict[str, Any] = {"id": "45"} | dict.fromkeys(_MEMBERS.split())


def context(**members: Any) -> dict[str, Any]:
    return {"id": 45, "type": "Scene.Update.Post", **members}


def saved(*input_fields: str, **changed: Any) -> dict[str, Any]:
    return context(
        input={**SCENE_UPDATE_INPUT, **changed}, inputFields=["id", *input_fields, *changed]
    )


def jobs_for_hook(hook_context: Any, now: float) -> list[dict[str, Any]]:
    return [asdict(spooled(word, now)) for word in words_for_hook(hook_context)]


def only_job(hook_context: Any, now: float) -> dict[str, Any] | None:
    jobs = jobs_for_hook(hook_context, now)
    assert len(jobs) <= 1
    return jobs[0] if jobs else None


def kind_of(hook_context: Any) -> str | None:
    job = only_job(hook_context, NOW)
    return None if job is None else str(job["update_type"])


@pytest.mark.parametrize("name", SYNCED)
def test_a_save_that_names_a_synced_field_asks_for_a_sync(name: str) -> None:
    assert kind_of(saved(name)) == "metadata"


@pytest.mark.parametrize("name", NOT_SYNCED)
def test_a_save_that_names_nothing_plex_shows_asks_for_nothing(name: str) -> None:
    assert only_job(saved(name), NOW) is None


def test_every_field_of_a_save_is_known_here_as_synced_or_not() -> None:
    assert set(SCENE_UPDATE_INPUT) <= SYNCED_FIELDS | set(NOT_SYNCED)


def test_an_edit_of_a_text_that_the_worker_reads_is_synced() -> None:
    assert set(TEXTS) - STAMPS <= SYNCED_FIELDS


def test_the_named_fields_decide_and_not_the_24_members_of_the_input() -> None:
    assert only_job(saved("resume_time", "play_duration", "play_count"), NOW) is None
    assert kind_of(saved("play_count", "rating100")) == "metadata"


def test_clearing_a_field_counts_like_setting_it() -> None:
    assert kind_of(saved(studio_id=None)) == "metadata"
    assert kind_of(saved(tag_ids=[])) == "metadata"


@pytest.mark.parametrize("fields", [{}, {"inputFields": None}, {"inputFields": []}])
def test_without_named_fields_the_members_of_the_input_decide(fields: dict[str, Any]) -> None:
    assert kind_of(context(input={"id": "45", "title": "T"}, **fields)) == "metadata"
    assert only_job(context(input={"id": "45", "play_count": 3}, **fields), NOW) is None


def test_an_identification_counts_by_its_stash_ids() -> None:
    """The Identify task: partial inputs, the cover in it, groups called movies."""
    input_ = {"id": "45", "stash_ids": [{"endpoint": "https://box", "stash_id": "x"}]}
    assert kind_of(context(input=input_, inputFields=["id", "stash_ids"])) == "metadata"
    assert kind_of(context(input={"id": "45", "movies": []}, inputFields=["movies"])) == "metadata"


def test_a_new_cover_is_hinted_at_and_nothing_of_its_megabytes_is_kept() -> None:
    job = only_job(saved(cover_image="data:image/jpeg;base64," + "A" * 3_000_000), NOW)
    assert job is not None
    assert job["data"] == {"cover_changed": True}
    assert len(json.dumps(job)) < 500


def test_an_edit_without_a_cover_carries_no_hint() -> None:
    job = only_job(saved(title="T"), NOW)
    assert job is not None
    assert job["data"] == {}


def test_a_job_names_its_scene_and_starts_afresh() -> None:
    first, second = only_job(saved(title="T"), NOW), only_job(saved(title="T"), NOW)
    assert first is not None
    assert second is not None
    assert first.pop("job_id") != second.pop("job_id")
    assert first == {
        "scene_id": 45,
        "update_type": "metadata",
        "data": {},
        "enqueued_at": NOW,
        "job_key": "scene_45",
        "retry_count": 0,
        "next_retry_at": 0.0,
        "last_error_type": None,
    }


def test_a_bulk_edit_has_an_input_without_an_id() -> None:
    input_ = {"ids": ["44", "45"], "tag_ids": {"ids": ["3"], "mode": "ADD"}}
    job = only_job(context(input=input_, inputFields=["ids", "tag_ids"]), NOW)
    assert job is not None
    assert (job["scene_id"], job["update_type"]) == (45, "metadata")
    assert kind_of(context(input=input_)) == "metadata"


def test_a_bulk_edit_of_galleries_asks_for_nothing() -> None:
    input_ = {"ids": ["45"], "gallery_ids": {"ids": ["3"], "mode": "SET"}}
    assert only_job(context(input=input_, inputFields=["ids", "gallery_ids"]), NOW) is None


def test_of_many_inputs_the_named_fields_are_those_of_this_scene() -> None:
    """`scenesUpdate` sends the whole list of inputs for each of its scenes."""
    inputs = [{**SCENE_UPDATE_INPUT, "id": "44", "title": "T"}, {**SCENE_UPDATE_INPUT}]
    assert only_job(context(input=inputs, inputFields=["id", "play_count"]), NOW) is None
    assert kind_of(context(input=inputs, inputFields=["id", "title"])) == "metadata"


def test_without_named_fields_any_of_many_inputs_decides() -> None:
    inputs = [{"id": "44", "play_count": 1}, {"id": "45", "details": "D"}]
    assert kind_of(context(input=inputs)) == "metadata"
    assert only_job(context(input=inputs[:1]), NOW) is None


@pytest.mark.parametrize("members", [{}, {"input": None}, {"input": None, "inputFields": None}])
def test_an_update_without_input_is_a_scan(members: dict[str, Any]) -> None:
    assert kind_of(context(**members)) == "path"


def test_a_new_scene_asks_for_a_scan_of_its_folder_that_is_due_after_the_burst() -> None:
    job = only_job({"id": 45, "type": "Scene.Create.Post", "input": None}, NOW)

    assert job is not None
    assert (job["job_key"], job["update_type"]) == ("scene_45", "scan")
    assert job["next_retry_at"] == NOW + SCAN_DELAY == NOW + 20


def subjects_of(hook_context: Any) -> list[tuple[str, str]]:
    return [(job["job_key"], job["update_type"]) for job in jobs_for_hook(hook_context, NOW)]


@pytest.mark.parametrize("kind", ["performer", "studio", "tag", "group"])
def test_a_renamed_performer_studio_or_tag_is_a_job_of_its_own_kind(kind: str) -> None:
    event = f"{kind.capitalize()}.Update.Post"
    given = {"id": 12, "type": event, "input": {"id": "12", "name": "New"}}

    (job,) = jobs_for_hook({**given, "inputFields": ["name", "id"]}, NOW)
    for field in ("disambiguation", "gender", "tag_ids", "parent_id"):
        assert jobs_for_hook({**given, "inputFields": [field, "id"]}, NOW)

    assert (job["job_key"], job["update_type"]) == (f"{kind}_12", "entity")
    assert job["scene_id"] is None
    assert job["data"] == {"kind": kind, "id": 12}
    assert subjects_of(given) == [(f"{kind}_12", "entity")]


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("Performer", {"input": {"id": "12", "name": None, "favorite": True},
                       "inputFields": ["id", "favorite"]}),
        ("Performer", {"input": {"ids": ["12", "13"], "rating100": 80}, "inputFields": ["ids",
                       "rating100"]}),
        ("Studio", {"input": {"id": "12", "favorite": True}}),
        ("Tag", {"input": {"id": "12", "description": "d", "aliases": []},
                 "inputFields": ["id", "description", "aliases"]}),
    ],
)  # fmt: skip
def test_a_change_that_plex_does_not_show_has_no_job(kind: str, members: dict[str, Any]) -> None:
    assert subjects_of({"id": 12, "type": f"{kind}.Update.Post", **members}) == []


@pytest.mark.parametrize("kind", ["performer", "studio", "tag", "group"])
@pytest.mark.parametrize("input_", [None, {}, {"id": "12"}, ["12", "13"]])
def test_a_destroyed_entity_is_a_job_whatever_its_input(kind: str, input_: object) -> None:
    context = {"id": 12, "type": f"{kind.capitalize()}.Destroy.Post", "input": input_}

    assert subjects_of(context) == [(f"{kind}_12", "entity")]


@pytest.mark.parametrize("kind", ["Performer", "Studio", "Tag", "Group"])
def test_an_update_that_tells_no_input_counts(kind: str) -> None:
    context = {"id": 12, "type": f"{kind}.Update.Post", "input": None}

    assert len(subjects_of(context)) == 1


@pytest.mark.parametrize(
    ("input_", "tags"),
    [
        ({"source": ["3", "4"], "destination": "12"}, [12, 3, 4]),
        ({"source": ["3", "3", "12"], "destination": "12"}, [12, 3]),
        ({"source": [None, "x", 4]}, [12, 4]),
        ({"source": "3"}, [12]),
        (None, [12]),
        ([1], [12]),
    ],
)
def test_a_merge_of_tags_is_a_job_for_each_of_them(input_: object, tags: list[int]) -> None:
    context = {"id": 12, "type": "Tag.Merge.Post", "input": input_}

    assert subjects_of(context) == [(f"tag_{one}", "entity") for one in tags]


def test_a_destroyed_scene_is_to_be_forgotten() -> None:
    context = {"id": 45, "type": "Scene.Destroy.Post", "input": {"id": "45", "path": "/a"}}

    (job,) = jobs_for_hook(context, NOW)

    assert (job["job_key"], job["update_type"], job["scene_id"]) == ("scene_45", "forget", 45)


@pytest.mark.parametrize(
    "event", ["Tag.Update.Post", "Studio.Destroy.Post", "Tag.Merge.Post", "Scene.Destroy.Post"]
)
def test_whose_id_is_no_number_is_said(event: str) -> None:
    kind = event.split(".", maxsplit=1)[0].lower()
    with pytest.raises(HookContextError, match=f"not the number of a {kind}"):
        jobs_for_hook({"id": "x", "type": event, "input": None}, NOW)


@pytest.mark.parametrize(
    "event",
    [
        *("Scene.Merge.Post", "Gallery.Update.Post", "Movie.Update.Post", "Tag.Create.Post"),
        *("scene.update.post", "", None, 5, []),
    ],
)
def test_any_other_event_asks_for_nothing(event: object) -> None:
    assert only_job({**saved(title="T"), "type": event}, NOW) is None


def test_a_context_without_a_type_asks_for_nothing() -> None:
    assert only_job({"id": 45, "input": None}, NOW) is None


@pytest.mark.parametrize("given", [45, "45", " 45 "])
def test_an_id_may_be_text_or_number(given: object) -> None:
    job = only_job(context(id=given), NOW)
    assert job is not None
    assert (job["scene_id"], job["job_key"]) == (45, "scene_45")


@pytest.mark.parametrize("bad", [None, "", "abc", 0, "0", -5, "-5", [], [45], {}, "4.5"])
@pytest.mark.parametrize("members", [{}, {"input": {"title": "T"}}])
def test_an_invalid_scene_id_is_refused_and_reported(bad: object, members: dict[str, Any]) -> None:
    with pytest.raises(HookContextError, match=r"hookContext\.id is .*number of a scene"):
        only_job(context(id=bad, **members), NOW)


def test_a_missing_id_is_refused() -> None:
    with pytest.raises(HookContextError):
        only_job({"type": "Scene.Update.Post"}, NOW)


@pytest.mark.parametrize("bad", [float("inf"), float("-inf"), True, 4.5, 2**63, "9" * 5000])
def test_an_id_that_stash_never_gives_is_refused(bad: object) -> None:
    with pytest.raises(HookContextError):
        only_job(context(id=bad), NOW)


@pytest.mark.parametrize("broken", [None, [], "text", 5, True, [{"id": 1}]])
def test_a_context_that_is_no_object_is_refused(broken: object) -> None:
    with pytest.raises(HookContextError, match="not a JSON object"):
        only_job(broken, NOW)


CONTEXT_LIKE = json_object(
    id=st.integers(min_value=1) | st.integers(min_value=1).map(str),
    type=st.sampled_from(sorted(EVENTS)),
    input=st.dictionaries(st.sampled_from([*SYNCED, *NOT_SYNCED]), JSON, max_size=4)
    | st.lists(JSON, max_size=3),
    inputFields=st.lists(st.sampled_from([*SYNCED, *NOT_SYNCED]) | JSON, max_size=4),
)


@given(JSON | CONTEXT_LIKE)
def test_any_json_is_jobs_no_job_or_a_context_error(hook_context: Any) -> None:
    try:
        jobs = jobs_for_hook(hook_context, NOW)
    except HookContextError:
        return
    for job in jobs:
        number = job["data"]["id"] if job["scene_id"] is None else job["scene_id"]
        assert number >= 1
        assert job["job_key"] == f"{job['data'].get('kind', 'scene')}_{number}"
        assert json.loads(json.dumps(job)) == job


@given(names=st.lists(st.sampled_from([*SYNCED, *NOT_SYNCED]) | ANY_TEXT, min_size=1))
def test_named_fields_count_exactly_when_one_of_them_is_synced(names: list[str]) -> None:
    counts = any(name in SYNCED_FIELDS for name in names)
    assert (
        only_job(context(input=SCENE_UPDATE_INPUT, inputFields=names), NOW) is not None
    ) is counts
    assert requires_plex_sync(changed_fields({}, names)) is counts

"""The fake Stash's performers, studios and tags, what becomes of their scenes, and merges."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulators.stash import FakeStash
from simulators.stash.testkit import YML, ask, error_of, install

ECHO = """
    import json, sys
    print(json.dumps({"output": json.load(sys.stdin)}))
"""
KINDS = ("Performer", "Studio", "Tag")
EVENTS = [f"{kind}.{what}.Post" for kind in KINDS for what in ("Update", "Destroy")]
ALL_EVENTS = "\n      - ".join(["Scene.Update.Post", "Tag.Merge.Post", *EVENTS])


@pytest.fixture
def stash(tmp_path: Path) -> Iterator[FakeStash]:
    with FakeStash(tmp_path) as stash:
        install(stash, ECHO, YML.replace("Scene.Update.Post", ALL_EVENTS))
        yield stash


def told(stash: FakeStash) -> list[tuple[str, int, Any]]:
    """Type, id and input of each hook; none of them names fields."""
    contexts = [json.loads(run.result.stdin)["args"]["hookContext"] for run in stash.host.runs]
    assert all("inputFields" not in each for each in contexts)
    return [(each["type"], each["id"], each["input"]) for each in contexts]


@pytest.mark.parametrize("kind", KINDS)
def test_a_destroyed_one_tells_its_input_and_leaves_the_scenes_time_stamp(
    stash: FakeStash, kind: str
) -> None:
    before = stash.add_scene(performers=["Ann", "Bo"], studio="S", tags=["a", "b"])
    field = f"{kind.lower()}Destroy"

    answer = ask(stash, f"mutation{{{field}(input: {{id: 1}})}}")

    assert answer == {field: True}
    assert told(stash) == [(f"{kind}.Destroy.Post", 1, {"id": "1"})]
    names = {"Performer": "performers", "Studio": "studio", "Tag": "tags"}
    left: dict[str, Any] = {"performers": ["Ann", "Bo"], "studio": "S", "tags": ["a", "b"]}
    left[names[kind]] = {"Performer": ["Bo"], "Studio": None, "Tag": ["b"]}[kind]
    plain = stash.snapshot()[before.id]
    assert {name: plain[name] for name in left} == left
    assert plain["updated_at"] == before.updated_at
    assert "not found" in error_of(stash, f"mutation{{{field}(input: {{id: 1}})}}")


@pytest.mark.parametrize("kind", KINDS)
def test_several_destroyed_at_once_tell_the_bare_list_of_ids(stash: FakeStash, kind: str) -> None:
    stash.add_scene(performers=["Ann", "Bo"], tags=["a", "b"])
    stash.add_studio("S")
    stash.add_studio("T", parent="S")

    field = f"{kind.lower()}sDestroy"
    assert "not found" in error_of(stash, f"mutation{{{field}(ids: [1, 99])}}")
    assert told(stash) == []
    ask(stash, f"mutation{{{field}(ids: [1, 2])}}")

    event = f"{kind}.Destroy.Post"
    assert told(stash) == [(event, 1, ["1", "2"]), (event, 2, ["1", "2"])]


def test_a_destroyed_studio_leaves_its_own_without_a_parent(stash: FakeStash) -> None:
    stash.add_studio("S")
    stash.add_studio("T", parent="S")

    stash.destroy_studio("S")

    assert stash.library.studios.get("T").parent_id is None


def test_merged_tags_are_one_and_only_its_hook_runs(stash: FakeStash) -> None:
    first = stash.add_scene(tags=["old", "kept"])
    second = stash.add_scene(tags=["older"])
    ids = {name: stash.library.tags.get(name).id for name in ("old", "kept", "older")}
    query = "mutation($in: TagsMergeInput!){tagsMerge(input: $in){name aliases}}"
    sources = [str(ids["old"]), str(ids["older"])]

    merged = {"source": sources, "destination": str(ids["kept"])}
    answer = ask(stash, query, **{"in": merged})

    assert answer == {"tagsMerge": {"name": "kept", "aliases": ["old", "older"]}}
    assert told(stash) == [("Tag.Merge.Post", ids["kept"], merged)]
    assert [stash.snapshot()[one.id]["tags"] for one in (first, second)] == [["kept"], ["kept"]]
    assert stash.scene(first.id).updated_at == first.updated_at
    assert [one.name for one in stash.library.tags.by_id.values()] == ["kept"]


def test_a_tag_is_not_merged_into_itself(stash: FakeStash) -> None:
    stash.add_scene(tags=["t"])

    said = error_of(stash, "mutation{tagsMerge(input: {source: [1], destination: 1}){id}}")

    assert said == "cannot merge where source == destination"
    assert told(stash) == []


def test_merged_scenes_vanish_without_a_hook_and_leave_their_files(tmp_path: Path) -> None:
    times = iter(range(1_700_000_000, 1_800_000_000, 60))
    with FakeStash(tmp_path, now=lambda: next(times)) as stash:
        install(stash, ECHO)
        first = stash.add_scene(title="one", files=["/a"])
        second = stash.add_scene(title="two", files=["/b", "/c"])

        query = """mutation{sceneMerge(input: {source: [1], destination: 2,
                            values: {id: 2, details: "d"}}){id title details}}"""
        answer = ask(stash, query)

        assert answer == {"sceneMerge": {"id": "2", "title": "two", "details": "d"}}
        assert [scene.id for scene in stash.scenes()] == [second.id]
        merged = stash.scene(second.id)
        assert [file.path for file in merged.files] == ["/b", "/c", "/a"]
        assert merged.files[2].id == first.files[0].id
        assert merged.updated_at > second.updated_at
        assert stash.host.runs == []
        said = error_of(stash, "mutation{sceneMerge(input: {source: [2], destination: 2}){id}}")
        assert said == "destination scene cannot be in source list"


def test_scenes_are_found_by_any_of_their_performers_studios_or_tags(stash: FakeStash) -> None:
    stash.add_scene(performers=["Ann"], studio="S", tags=["a"])
    stash.add_scene(performers=["Bo"], tags=["b"])
    stash.add_scene(performers=["Bo", "Cy"], tags=["b", "c"])
    stash.add_studio("Under", parent="S")
    stash.add_scene(studio="Under")
    query = """query($f: SceneFilterType){findScenes(scene_filter: $f,
               filter: {per_page: -1, sort: "id"}){scenes{id}}}"""

    def found(kind: str, *ids: int) -> list[str]:
        wanted = {kind: {"value": [str(one) for one in ids], "modifier": "INCLUDES"}}
        answer = ask(stash, query, f=wanted)
        return [scene["id"] for scene in answer["findScenes"]["scenes"]]

    assert found("performers", 2, 3) == ["2", "3"]
    assert found("tags", 1, 3) == ["1", "3"]
    assert found("studios", 1) == ["1"]
    assert found("tags", 99) == []

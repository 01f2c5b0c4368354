from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.validation.strategies import ANY_TEXT, JSON, json_object
from validation.scene_extractor import Entity, SceneFile, SceneFormatError, StashScene, parse_scene
from validation.values import LARGEST_NUMBER, whole_number

WHOLE: dict[str, Any] = {
    "id": "42",
    "title": "A title",
    "details": "Line 1\nLine 2",
    "date": "2024-05-06",
    "updated_at": "2026-01-01T00:00:00+02:00",
    "studio": {"id": "3", "name": "Studio", "parent_studio": {"id": "4", "name": "Parent"}},
    "performers": [
        {"id": "1", "name": "Ada", "gender": "FEMALE", "tags": [{"id": "5", "name": "Extra"}]},
        {"id": "2", "name": "Jo"},
    ],
    "groups": [{"group": {"id": "6", "name": "Group"}}, {"group": None}, 5],
    "tags": [{"id": "9", "name": "Tag, one"}],
    "files": [
        {"path": "/media/a.mp4", "size": 123},
        {"path": "/media/b.mp4", "size": "9876543210"},
    ],
}


def test_a_whole_scene_is_read_with_all_its_parts() -> None:
    assert parse_scene(WHOLE) == StashScene(
        id=42,
        title="A title",
        details="Line 1\nLine 2",
        date="2024-05-06",
        studio=Entity(3, "Studio", parent=Entity(4, "Parent")),
        performers=(
            Entity(1, "Ada", gender="FEMALE", tags=(Entity(5, "Extra"),)),
            Entity(2, "Jo"),
        ),
        tags=(Entity(9, "Tag, one"),),
        groups=(Entity(6, "Group"),),
        files=(SceneFile("/media/a.mp4", 123), SceneFile("/media/b.mp4", 9_876_543_210)),
        updated_at="2026-01-01T00:00:00+02:00",
    )


def test_a_scene_of_nothing_but_its_id_is_one() -> None:
    assert parse_scene({"id": 7}) == StashScene(7)


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "id"])
def test_null_counts_as_unset(name: str) -> None:
    left = {key: value for key, value in WHOLE.items() if key != name}
    assert parse_scene({**WHOLE, name: None}) == parse_scene(left)


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("title", 5),
        ("details", ["a"]),
        ("date", 2024),
        ("updated_at", 0),
        ("studio", "Studio"),
        ("studio", {"id": 3}),
        ("studio", {"id": 3, "name": " "}),
        ("studio", {"id": 3, "name": 5}),
        ("performers", {"id": 1, "name": "Ada"}),
        ("performers", ["Ada", None, 5, {"name": ""}]),
        ("tags", "Tag"),
        ("files", {"path": "/a"}),
        ("files", ["/a", None, {"path": ""}, {"path": 5}, {}]),
    ],
)
def test_a_member_of_a_wrong_type_counts_as_unset(name: str, odd: object) -> None:
    assert parse_scene({**WHOLE, name: odd}) == parse_scene({**WHOLE, name: None})


def test_the_good_ones_of_a_list_survive_the_bad_ones() -> None:
    scene = parse_scene({"id": 1, "tags": [None, {"id": "x", "name": "kept"}, {"name": 5}]})
    assert scene.tags == (Entity(0, "kept"),)


def test_a_file_of_unknown_size_has_the_size_0() -> None:
    odd: list[dict[str, Any]] = [{}, {"size": None}, {"size": "big"}, {"size": float("inf")}]
    files = parse_scene({"id": 1, "files": [{"path": "/a", **one} for one in odd]}).files
    assert files == (SceneFile("/a"),) * 4


@pytest.mark.parametrize("raw", [None, [], "scene", 5, True, [WHOLE]])
def test_what_is_no_object_is_no_scene(raw: object) -> None:
    with pytest.raises(SceneFormatError, match="a scene was expected, not "):
        parse_scene(raw)


@pytest.mark.parametrize(
    "bad", [None, "", "abc", 0, "0", [], {}, "1.5", float("nan"), float("inf"), -5, "-5", True, 1.5]
)
def test_a_scene_without_a_usable_id_is_none(bad: object) -> None:
    with pytest.raises(SceneFormatError):
        parse_scene({**WHOLE, "id": bad})


@given(JSON | st.integers().map(str))
def test_any_value_is_a_positive_number_or_0(raw: object) -> None:
    number = whole_number(raw)
    assert 0 <= number <= LARGEST_NUMBER
    assert not number or str(number) == str(raw).lstrip("0")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0" * 30 + "7", 7),
        (str(2**63 - 1), 2**63 - 1),
        (str(2**63), 0),
        ("9" * 5000, 0),
        ("-5", 0),
        ("1e3", 0),
        ("", 0),
    ],
)
def test_a_number_that_sqlite_cannot_store_counts_as_none(text: str, number: int) -> None:
    assert whole_number(text) == number


ENTITY = json_object(id=st.integers() | st.text(), name=st.text())
SCENE_LIKE = json_object(
    id=st.integers(min_value=1),
    title=st.text(),
    details=st.text(),
    date=st.text(),
    studio=ENTITY,
    performers=st.lists(ENTITY, max_size=3),
    tags=st.lists(ENTITY, max_size=3),
    files=st.lists(json_object(path=ANY_TEXT, size=st.integers()), max_size=3),
    updated_at=st.text(),
)


@given(JSON | SCENE_LIKE)
def test_any_json_is_a_well_typed_scene_or_a_scene_format_error(raw: Any) -> None:
    try:
        scene = parse_scene(raw)
    except SceneFormatError:
        return
    assert scene.id
    texts = [scene.title, scene.details, scene.date, scene.updated_at]
    entities = [*scene.performers, *scene.tags, *([scene.studio] if scene.studio else [])]
    numbers = [scene.id, *(one.id for one in entities), *(file.size for file in scene.files)]
    assert {type(text) for text in texts} == {str}
    assert {type(number) for number in numbers} == {int}
    assert all(one.name.strip() for one in entities)
    assert all(file.path for file in scene.files)
    assert str(scene.id) in scene.label


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        ({"id": 4, "title": "T", "files": [{"path": "/a/b.mp4"}]}, 'Scene 4 "T"'),
        ({"id": 4, "files": [{"path": "/a/b.mp4"}, {"path": "/c.mp4"}]}, 'Scene 4 "b.mp4"'),
        ({"id": 4, "files": [{"path": "C:\\a\\b.mp4"}]}, 'Scene 4 "b.mp4"'),
        ({"id": 4}, "Scene 4"),
    ],
)
def test_a_scene_has_its_title_or_file_as_label(raw: dict[str, Any], label: str) -> None:
    assert parse_scene(raw).label == label


def test_the_ids_of_whom_a_scene_belongs_to_are_told_by_kind() -> None:
    ids = {"performers": [1, 2], "studios": [3, 4], "tags": [9, 5], "groups": [6]}
    assert parse_scene(WHOLE).entity_ids() == ids
    assert parse_scene({"id": 1}).entity_ids() == {"performers": [], "studios": [], "tags": []}

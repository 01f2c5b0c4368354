import random
import unicodedata
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.validation.strategies import ANY_TEXT
from validation.config import Config, parse_config
from validation.metadata import (
    FIELDS,
    MAX_COLLECTIONS,
    OPTIONAL,
    SceneMetadata,
    has_meaningful_metadata,
    needed_details,
    plex_date,
    project,
)
from validation.paths import folded
from validation.performers import MAX_PERFORMERS
from validation.sanitizers import MAX_NAME, MAX_SUMMARY
from validation.scene_extractor import Detail, Entity, SceneFile, StashScene, with_ancestors

SCENE = StashScene(
    id=1,
    title="Title",
    details="One.\n\nTwo.",
    date="2024-05-06",
    studio=Entity(1, "Studio"),
    performers=(Entity(1, "Zoe"), Entity(2, "ada")),
    tags=(Entity(1, "Outdoor"), Entity(2, "a, b")),
    files=(SceneFile("/media/name.of.file.mp4"),),
)
DIGESTED = replace(SCENE, tags=(*SCENE.tags, Entity(3, "Été")))
ALL = Config()
NAMES = st.lists(ANY_TEXT, max_size=6).map(lambda names: tuple(Entity(0, name) for name in names))
SCENES = st.builds(
    StashScene,
    id=st.just(1),
    title=ANY_TEXT,
    details=ANY_TEXT,
    date=st.sampled_from(["", "2024", "2024-05", "2024-05-06", "soon"]),
    studio=st.none() | ANY_TEXT.map(lambda name: Entity(1, name)),
    performers=NAMES,
    tags=NAMES,
    files=st.lists(ANY_TEXT.filter(bool).map(SceneFile), max_size=2).map(tuple),
)


def entities(*names: str) -> tuple[Entity, ...]:
    return tuple(Entity(number, name) for number, name in enumerate(names, 1))


def test_a_scene_is_projected_field_by_field() -> None:
    assert project(SCENE, ALL) == SceneMetadata(
        title="Title",
        file_stem="name.of.file",
        studio="Studio",
        summary="One.\n\nTwo.",
        date="2024-05-06",
        performers=("ada", "Zoe"),
        tags=("Outdoor", "a, b"),
        collections=("Studio",),
        poster=True,
        art=True,
    )


def test_an_empty_scene_clears_every_field() -> None:
    assert project(StashScene(1), ALL) == SceneMetadata(
        title="",
        studio="",
        summary="",
        date="",
        performers=(),
        tags=(),
        collections=(),
        poster=True,
        art=True,
    )


@pytest.mark.parametrize(
    ("switch", "field", "off"),
    [
        ("sync_studio", "studio", None),
        ("sync_summary", "summary", None),
        ("sync_date", "date", None),
        ("sync_performers", "performers", None),
        ("sync_tags", "tags", None),
        ("sync_collection", "collections", None),
        ("sync_poster", "poster", False),
        ("sync_background", "art", False),
    ],
)
def test_a_switch_leaves_out_its_own_field_only(switch: str, field: str, off: object) -> None:
    shown = project(SCENE, replace(ALL, **{switch: False}))  # type: ignore[arg-type]
    assert getattr(shown, field) is off
    assert replace(shown, **{field: getattr(project(SCENE, ALL), field)}) == project(SCENE, ALL)


def test_the_master_switch_leaves_every_field_alone() -> None:
    shown = project(SCENE, replace(ALL, sync_master=False))
    assert not any(getattr(shown, one.name) for one in fields(shown))
    assert not any(map(shown.is_set, FIELDS))
    assert shown.digest == SceneMetadata().digest


@pytest.mark.parametrize(
    ("path", "stem"),
    [
        ("/a/b.mp4", "b"),
        ("C:\\a\\b c.mkv", "b c"),
        ("/a/b.part1.mp4", "b.part1"),
        ("/a/.hidden", ".hidden"),
        ("/a/noext", "noext"),
        ("/a/x\u200by.mp4", "xy"),
    ],
)
def test_the_files_stem_is_its_name_without_folder_and_suffix(path: str, stem: str) -> None:
    assert project(replace(SCENE, files=(SceneFile(path),)), ALL).file_stem == stem


def test_texts_are_sanitized_and_cut() -> None:
    scene = replace(SCENE, title="a\x00 \n b", details="x" * 20_000, studio=Entity(1, "s" * 300))
    shown = project(scene, ALL)
    assert shown.title == "a b"
    assert shown.summary == "x" * 10_000
    assert shown.studio == "s" * 255
    assert shown.collections == ("s" * 255,)


def test_names_that_differ_in_case_or_composition_only_are_one_in_the_first_spelling() -> None:
    scene = replace(
        SCENE,
        tags=entities("Café", "CAFE\u0301", "cafe\u0301 ", "other"),
        performers=entities("ADA", "Ada"),
    )
    shown = project(scene, ALL)
    assert shown.tags == ("Café", "other")
    assert shown.performers == ("ADA",)


def test_of_many_performers_the_first_fifty_by_name_are_kept() -> None:
    names = [f"{'P' if n % 2 else 'p'}{n:03}" for n in range(80)]
    random.Random(3).shuffle(names)
    kept = project(replace(SCENE, performers=entities(*names)), ALL).performers
    assert kept == tuple(sorted(names, key=str.casefold)[:50])


def test_no_more_tags_are_kept_than_max_tags_and_those_in_stashs_order() -> None:
    scene = replace(SCENE, tags=entities(*(f"t{n}" for n in range(30, 0, -1))))
    shown = project(scene, replace(ALL, max_tags=10))
    assert shown.tags == tuple(f"t{n}" for n in range(30, 20, -1))


@pytest.mark.parametrize(
    ("one", "other"),
    [("STRASSE", "straße"), ("É", "e\u0301"), ("Ada", "aDA"), ("\u212b", "\u00e5"), ("ς", "Σ")],
)
def test_plex_takes_two_spellings_for_the_same_name(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(("one", "other"), [("a", "á"), ("a", "a "), ("a, b", "a b"), ("1", "2")])
def test_plex_tells_two_names_apart(one: str, other: str) -> None:
    assert folded(one) != folded(other)


def test_two_performers_of_one_name_are_told_apart_and_stay_two() -> None:
    people = (
        Entity(1, "Ada", "actress"),
        Entity(2, "ADA", "singer"),
        Entity(3, "Zoe", "not shown: no other Zoe"),
        Entity(4, "Ada"),
    )
    assert project(replace(SCENE, performers=people), ALL).performers == (
        "Ada",
        "Ada (actress)",
        "ADA (singer)",
        "Zoe",
    )
    # A number tells them apart if the disambiguation is never shown.
    never, always = (replace(ALL, performer_disambiguation=word) for word in ("never", "always"))
    assert project(replace(SCENE, performers=people), never).performers == (
        *("Ada", "ADA (2)", "Ada (3)", "Zoe"),
    )
    assert (project(replace(SCENE, performers=people), always).performers or ())[-1] == (
        "Zoe (not shown: no other Zoe)"
    )
    long = tuple(Entity(n, "A" * 400, f"{n}" * 400) for n in (1, 2))
    shown = project(replace(SCENE, performers=long), ALL).performers or ()
    assert [len(name) for name in shown] == [MAX_NAME, MAX_NAME]


PEOPLE = replace(
    SCENE,
    studio=Entity(1, "Studio", parent=Entity(2, "Parent")),
    performers=(
        Entity(1, "Zoe", gender="FEMALE", tags=(Entity(9, "Extra "),)),
        Entity(2, "Ada", gender="NON_BINARY"),
        Entity(3, "Jo"),
    ),
    groups=(Entity(1, "Group"), Entity(2, "STUDIO")),
)


@pytest.mark.parametrize(
    ("settings", "performers", "collections"),
    [
        ({"leave_out_performer_genders": "Female, non-binary"}, ("Jo",), ("Studio",)),
        ({"leave_out_performer_tags": "extra; Other"}, ("Ada", "Jo"), ("Studio",)),
        (
            {"collections_from": "Parent studio; GROUPS; studio", "collection_prefix": "S: "},
            ("Ada", "Jo", "Zoe"),
            ("S: Parent", "S: Group", "S: STUDIO"),
        ),
        (
            {
                "collections_from": "tags, performers",
                "collection_tags": "A, B; outdoor; none",
                "leave_out_tags": "Outdoor",
                "leave_out_performer_genders": "female",
            },
            ("Ada", "Jo"),
            ("Outdoor", "a, b", "Ada", "Jo"),
        ),
        ({"collections_from": ";"}, ("Ada", "Jo", "Zoe"), ()),
    ],
)
def test_settings_choose_the_performers_and_the_collections(
    settings: dict[str, str], performers: tuple[str, ...], collections: tuple[str, ...]
) -> None:
    parsed = parse_config({"plex_url": "http://plex", "plex_token": "0123456789", **settings}, {})
    shown = project(PEOPLE, parsed.config)
    assert (shown.performers, shown.collections) == (performers, collections)
    assert parsed.warnings == ()


TAGGED = with_ancestors(
    replace(SCENE, tags=entities("Root", "Middle", "Leaf", "Free")),
    # Stash forbids a cycle, but the plugin must not loop forever if a cycle occurs.
    {2: [Entity(1, "Root")], 3: [Entity(2, "Middle")], 1: [Entity(3, "Leaf")]},
)


@pytest.mark.parametrize(
    ("settings", "tags", "labels"),
    [
        ({}, ("Root", "Middle", "Leaf", "Free"), ()),
        ({"leave_out_tags": "MIDDLE"}, ("Free",), ()),
        ({"only_tags_below": "root; none"}, ("Root", "Middle", "Leaf"), ()),
        (
            {"only_tags_below": "root", "tags_as_labels": "leaf; free"},
            ("Root", "Middle"),
            ("Leaf",),
        ),
        (
            {"tags_as_labels": "leaf", "rename_tags": "leaf=>New", "fixed_label": "NEW"},
            ("Root", "Middle", "Free"),
            ("NEW",),
        ),
    ],
)
def test_settings_choose_the_genres_and_the_labels(
    settings: dict[str, str], tags: tuple[str, ...], labels: tuple[str, ...]
) -> None:
    shown = project(TAGGED, replace(ALL, **settings))  # type: ignore[arg-type]
    assert (shown.tags, shown.labels) == (tags, labels)


@pytest.mark.parametrize(
    ("rating", "shown"), [(0, ""), (1, "0.1"), (85, "8.5"), (100, "10"), (60, "6")]
)
def test_a_rating_has_the_scale_of_plex(rating: int, shown: str) -> None:
    settings = replace(ALL, sync_rating=True)
    assert project(replace(SCENE, rating=rating), settings).rating == shown


@pytest.mark.parametrize("name", OPTIONAL)
def test_an_optional_field_changes_the_digest_only_if_it_has_a_value(name: str) -> None:
    plain = project(SCENE, ALL)
    is_list = bool(OPTIONAL[name].element)
    for value, is_equal in ((("v",) if is_list else "v", False), (None, True)):
        assert (replace(plain, **{name: value}).digest == plain.digest) is is_equal  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "needed"),
    [
        ({}, set()),
        ({"leave_out_performer_tags": "t"}, {Detail.PERFORMER_TRAITS}),
        ({"leave_out_performer_genders": "male"}, {Detail.PERFORMER_TRAITS}),
        (
            {"collections_from": "studio; groups; parent_studio"},
            {Detail.GROUPS, Detail.PARENT_STUDIO},
        ),
        ({"collections_from": "groups", "sync_collection": False}, set()),
        ({"tagline_from": "groups"}, {Detail.GROUPS}),
        ({"leave_out_tags": "t", "only_tags_below": "t"}, {Detail.TAG_ANCESTORS}),
    ],
)
def test_a_detail_is_read_only_if_needed(settings: dict[str, Any], needed: set[Detail]) -> None:
    assert needed_details(replace(ALL, **settings)) == needed


@pytest.mark.parametrize(
    ("date", "shown"),
    [
        ("", ""),
        ("  ", ""),
        ("2024", "2024-01-01"),
        ("2024-05", "2024-05-01"),
        ("2024-05-06", "2024-05-06"),
        (" 2024-02-29 ", "2024-02-29"),
        ("1990-01-01 00:00:00", "1990-01-01"),
        ("2024-05-06T00:00:00Z", "2024-05-06"),
        ("0001-01-01", ""),
        ("0001-01-01T00:00:00Z", ""),
        ("9999-12-31", "9999-12-31"),
    ],
)
def test_a_partial_date_is_its_first_day(date: str, shown: str) -> None:
    assert plex_date(date) == shown


@pytest.mark.parametrize(
    "date",
    [
        *("2023-02-29", "2024-13", "2024-00-01", "2024-05-00", "0000"),
        *("24", "20240506", "2024-5-6", "2024-05-06x", "06.05.2024", "soon", "2024-", "-2024"),
    ],
)
def test_a_date_that_no_calendar_has_leaves_plexs_alone(date: str) -> None:
    assert plex_date(date) is None
    assert project(replace(SCENE, date=date), ALL).date is None


@given(st.text() | st.from_regex(r"\d{4}(-\d{2}(-\d{2})?)?", fullmatch=True))
def test_a_date_is_a_full_one_empty_or_left_alone(text: str) -> None:
    date = plex_date(text)
    assert date in (None, "") or plex_date(str(date)) == date


@pytest.mark.parametrize(
    "change",
    [
        {"title": "title"},
        {"details": "One.\n\nTwo!"},
        {"date": "2024-05-07"},
        {"date": ""},
        {"studio": None},
        {"studio": Entity(1, "studio 2")},
        {"performers": ()},
        {"performers": (Entity(1, "Zoe"),)},
        {"tags": (Entity(1, "Outdoor"), Entity(2, "a"), Entity(3, "b"))},
    ],
)
def test_other_content_has_another_digest(change: dict[str, object]) -> None:
    assert project(replace(SCENE, **change), ALL).digest != project(SCENE, ALL).digest  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("metadata", "digest"),
    [
        (project(DIGESTED, ALL), "8dda8f9d70d287d479b5cc48dda1dc15"),
        (
            project(replace(DIGESTED, title=""), replace(ALL, sync_tags=False, sync_poster=False)),
            "1c07f248eb60ec2f972f174f2dca9a5d",
        ),
        (project(StashScene(1), ALL), "953442387e4226e742597dc79049dd21"),
        (SceneMetadata(), "6a3d82f502decba86f85465597d43ee8"),
    ],
)
def test_a_digest_is_that_of_an_earlier_version(metadata: SceneMetadata, digest: str) -> None:
    """The digests are those that version 0.1.0 stored; another digest means another sync."""
    assert metadata.digest == digest


def test_a_field_that_is_cleared_and_one_that_is_left_alone_differ_in_the_digest() -> None:
    off = replace(ALL, sync_tags=False)
    bare = replace(SCENE, tags=())
    assert project(bare, ALL).digest != project(bare, off).digest
    assert project(SCENE, off).digest == project(bare, off).digest


def test_the_files_name_counts_only_where_it_stands_in_for_the_title() -> None:
    moved = (SceneFile("/elsewhere/other.mp4"),)
    untitled = replace(SCENE, title="")
    assert project(replace(SCENE, files=moved), ALL).digest == project(SCENE, ALL).digest
    assert project(replace(untitled, files=moved), ALL).digest != project(untitled, ALL).digest


@given(scene=SCENES, seed=st.randoms(use_true_random=False))
def test_order_does_not_change_the_digest(scene: StashScene, seed: random.Random) -> None:
    shuffled = replace(
        scene,
        performers=tuple(seed.sample(scene.performers, len(scene.performers))),
        tags=tuple(seed.sample(scene.tags, len(scene.tags))),
    )
    digest = project(scene, ALL).digest
    assert project(shuffled, ALL).digest == digest
    assert len(digest) == 32


@given(SCENES)
def test_projecting_what_was_projected_changes_nothing(scene: StashScene) -> None:
    first = project(scene, ALL)
    again = replace(
        scene,
        title=first.title or "",
        details=first.summary or "",
        studio=Entity(1, first.studio) if first.studio else None,
        performers=entities(*(first.performers or ())),
        tags=entities(*(first.tags or ())),
    )
    assert project(again, ALL) == first


@given(scene=SCENES, most=st.integers(10, 500))
def test_any_scene_is_bounded_composed_and_distinct(scene: StashScene, most: int) -> None:
    settings = replace(ALL, max_tags=most, collections_from="studio; groups; performers")
    shown = project(replace(scene, groups=scene.tags), settings)
    lists = (shown.performers or (), shown.tags or (), shown.collections or ())
    for text in (shown.title, shown.file_stem, shown.studio, *(n for one in lists for n in one)):
        assert len(text or "") <= MAX_NAME
        assert unicodedata.is_normalized("NFC", text or "")
    assert len(shown.summary or "") <= MAX_SUMMARY
    for names, limit in zip(lists, (MAX_PERFORMERS, most, MAX_COLLECTIONS), strict=True):
        assert len(names) <= limit
        assert len({folded(name) for name in names}) == len(names)
        assert all(names)


@pytest.mark.parametrize(
    "identified",
    [
        {"studio": Entity(1, "s")},
        {"performers": (Entity(1, "p", gender="MALE"),)},
        {"tags": (Entity(1, "t"),)},
        {"details": "d"},
        {"date": "2024"},
    ],
)
def test_any_of_five_fields_identifies_a_scene(identified: dict[str, object]) -> None:
    scene = replace(StashScene(1), **identified)  # type: ignore[arg-type]
    assert has_meaningful_metadata(scene, Config())
    left_out = Config(leave_out_tags="T", leave_out_performer_genders="male")
    is_left_out = not identified.keys().isdisjoint(("performers", "tags"))
    assert has_meaningful_metadata(scene, left_out) is not is_left_out


def test_title_file_blanks_and_the_zero_date_do_not() -> None:
    scene = StashScene(1, title="t", details=" \n", date="0001-01-01", files=(SceneFile("/a.mp4"),))
    assert not has_meaningful_metadata(scene, Config())

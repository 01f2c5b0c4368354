"""What one edit must carry so that an item shows a scene."""

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest

from plex.diff import ItemEdit, Value, Values, current_values
from plex.items import PlexItem
from plex.server_facts import Behaviour, DateClearing, RemovalEncoding, SortTitle
from tests.plex.support import edit_for
from validation.metadata import OPTIONAL, SceneMetadata

LOCKS = frozenset(
    ("title", "studio", "summary", "originallyAvailableAt", "actor", "genre", "collection")
)
WANTED = SceneMetadata(
    title="Title",
    file_stem="file",
    studio="Studio",
    summary="One.\n\nTwo.",
    date="2024-05-06",
    performers=("Ada", "Jo"),
    tags=("a, b", "Outdoor"),
    collections=("Studio",),
)
SHOWN = PlexItem(
    rating_key=1,
    section_key=1,
    title="Title",
    studio="Studio",
    summary="One.\n\nTwo.",
    date="2024-05-06",
    performers=("Ada", "Jo"),
    tags=("a, b", "Outdoor"),
    collections=("Studio",),
    locked=LOCKS,
)
EMPTY = PlexItem(1, 1)
SCALARS = [
    ("title", "title"),
    ("studio", "studio"),
    ("summary", "summary"),
    ("date", "originallyAvailableAt"),
]
LISTS = [("performers", "actor"), ("tags", "genre"), ("collections", "collection")]


def fields_of(wanted: SceneMetadata, shown: PlexItem) -> dict[str, dict[str, str]]:
    return {
        name: dict(parameters)
        for name, parameters in edit_for(wanted, shown, {}, {}).fields.items()
    }


def test_an_item_that_shows_the_scene_and_is_locked_gets_nothing() -> None:
    edit = edit_for(WANTED, SHOWN, {}, {})
    assert not edit
    assert edit.fields == {}


def test_what_is_shown_is_told_even_when_nothing_is_sent() -> None:
    assert edit_for(WANTED, SHOWN, {}, {}).sent == {
        "title": "Title",
        "studio": "Studio",
        "summary": "One.\n\nTwo.",
        "date": "2024-05-06",
        "performers": ["Ada", "Jo"],
        "tags": ["a, b", "Outdoor"],
        "collections": ["Studio"],
    }


@pytest.mark.parametrize(
    "shown",
    [
        replace(SHOWN, summary="One.\r\n\r\nTwo."),
        replace(SHOWN, title=" Title "),
        replace(SHOWN, tags=("OUTDOOR", "A, B")),
        replace(SHOWN, performers=("jo", "ADA")),
        replace(SHOWN, collections=("STUDIO", "The user's own")),
        replace(SHOWN, tags=("Outdoor", "a, b", "outdoor")),
    ],
)
def test_what_plex_itself_makes_of_a_value_is_no_difference(shown: PlexItem) -> None:
    assert not edit_for(WANTED, shown, {}, {})


def test_a_decomposed_name_in_plex_is_the_composed_one_of_stash() -> None:
    wanted = replace(WANTED, tags=("Café",))
    assert not edit_for(wanted, replace(SHOWN, tags=("Cafe\u0301",)), {}, {})


@pytest.mark.parametrize(("name", "plex_name"), SCALARS + LISTS)
def test_a_missing_lock_is_set_and_no_other_field_is_sent(name: str, plex_name: str) -> None:
    fields = fields_of(WANTED, replace(SHOWN, locked=LOCKS - {plex_name}))
    assert list(fields) == [name]
    assert fields[name][f"{plex_name}.locked"] == "1"


def test_every_field_that_is_sent_is_locked() -> None:
    fields = fields_of(WANTED, EMPTY)
    names = dict(SCALARS + LISTS)
    assert set(fields) == set(names)
    assert all(fields[name][f"{names[name]}.locked"] == "1" for name in fields)


@pytest.mark.parametrize(("name", "plex_name"), SCALARS)
def test_a_text_that_differs_is_sent_alone(name: str, plex_name: str) -> None:
    other = {"date": "1999-01-01"}.get(name, "other")
    fields = fields_of(WANTED, replace(SHOWN, **{name: other}))  # type: ignore[arg-type]
    wanted = getattr(WANTED, name)
    assert fields == {name: {f"{plex_name}.value": wanted, f"{plex_name}.locked": "1"}}


@pytest.mark.parametrize(("name", "plex_name"), SCALARS[1:])
def test_an_empty_text_clears(name: str, plex_name: str) -> None:
    wanted = replace(WANTED, **{name: ""})  # type: ignore[arg-type]
    fields = edit_for(wanted, SHOWN, {name: getattr(SHOWN, name)}, {}).fields
    assert fields == {name: {f"{plex_name}.value": "", f"{plex_name}.locked": "1"}}


def test_a_date_that_was_never_sent_is_neither_cleared_nor_locked() -> None:
    """Plex takes it from the file."""
    wanted, shown = replace(WANTED, date=""), replace(SHOWN, locked=frozenset())
    assert "date" not in fields_of(wanted, shown)
    assert "date" in edit_for(wanted, shown, {}, {}, pending={"date": "2024-05-06"}).fields


@pytest.mark.parametrize("trait", [DateClearing.REFUSED, DateClearing.IGNORED])
def test_a_date_that_cannot_be_cleared_gets_its_original_value(trait: DateClearing) -> None:
    wanted, knows = replace(WANTED, date=""), Behaviour(date_clearing=trait)
    sent = {"date": SHOWN.date}
    edit = edit_for(wanted, SHOWN, sent, {"date": "2020-02-02"}, behaviour=knows)
    assert edit.fields["date"]["originallyAvailableAt.value"] == "2020-02-02"
    back = replace(SHOWN, date="2020-02-02")
    assert not edit_for(wanted, back, edit.sent, {"date": "2020-02-02"}, behaviour=knows)
    assert not edit_for(wanted, SHOWN, sent, {"date": ""}, behaviour=knows)


def test_a_lock_that_never_shows_is_sent_once() -> None:
    knows = Behaviour(hidden_locks=frozenset({"actor"}))
    shown = replace(SHOWN, locked=SHOWN.locked - {"actor"})
    first = edit_for(WANTED, shown, {}, {}, behaviour=knows)
    assert list(first.fields) == ["performers"]
    assert not edit_for(WANTED, shown, first.sent, {}, behaviour=knows)
    changed = edit_for(replace(WANTED, performers=("Ada",)), shown, first.sent, {}, behaviour=knows)
    assert changed.fields["performers"]["actor.locked"] == "1"


def test_where_a_lock_never_shows_a_value_counts_as_a_persons_until_we_sent_one() -> None:
    knows = Behaviour(hidden_locks=frozenset({"actor"}))
    shown = replace(SHOWN, performers=("Me",), locked=SHOWN.locked - {"actor"})
    edit = edit_for(WANTED, shown, {}, {}, preserve=True, behaviour=knows)
    assert edit.preserved == ("performers",)


def test_a_date_that_the_library_stores_one_day_early_counts_as_kept() -> None:
    knows = Behaviour(date_shift={SHOWN.section_key: -1})
    shown, sent = replace(SHOWN, date="2024-05-05"), {"date": "2024-05-06"}
    assert not edit_for(WANTED, shown, sent, {}, behaviour=knows)
    assert edit_for(WANTED, shown, {}, {}, behaviour=knows).fields.keys() == {"date"}
    later = replace(SHOWN, date="2024-05-07")
    assert edit_for(WANTED, later, sent, {}, behaviour=knows).fields.keys() == {"date"}


STAYS = Behaviour(sort_title=SortTitle.STAYS)
SORTED = {"titleSort.value": "Title", "titleSort.locked": "1"}


def test_a_sort_title_that_stays_behind_is_sent_with_the_title() -> None:
    old = replace(SHOWN, title="Old")
    edit = edit_for(WANTED, old, {}, {}, behaviour=STAYS)
    assert edit.fields["title"] == {"title.value": "Title", "title.locked": "1", **SORTED}
    assert not edit_for(WANTED, SHOWN, edit.sent, {}, behaviour=STAYS)
    behind = replace(SHOWN, sort_title="Old")
    assert edit_for(WANTED, behind, {}, {}, behaviour=STAYS).fields == {"title": SORTED}
    assert not edit_for(WANTED, behind, {}, {})


def test_a_sort_title_that_a_person_locked_or_that_lacks_the_article_stays() -> None:
    locked = SHOWN.locked | {"titleSort"}
    persons = replace(SHOWN, title="Old", sort_title="Mine", locked=locked)
    edit = edit_for(WANTED, persons, {"title": "Old"}, {}, behaviour=STAYS)
    assert "titleSort.value" not in edit.fields["title"]
    ours = replace(persons, sort_title="Old")
    assert edit_for(WANTED, ours, {"title": "Old"}, {}, behaviour=STAYS).fields["title"] == {
        "title.value": "Title",
        "title.locked": "1",
        **SORTED,
    }
    wanted, shown = replace(WANTED, title="The Title"), replace(SHOWN, title="The Title")
    assert not edit_for(wanted, replace(shown, sort_title="Title"), {}, {}, behaviour=STAYS)


def test_a_name_is_sent_as_the_item_spells_it() -> None:
    """A server that ignores case for ASCII only would else show both."""
    shown = replace(SHOWN, tags=("Été",))
    fields = fields_of(replace(WANTED, tags=("été", "New")), shown)
    assert fields["tags"]["genre[0].tag.tag"] == "Été"


@pytest.mark.parametrize(("name", "plex_name"), SCALARS + LISTS)
def test_a_field_that_is_off_is_neither_sent_nor_remembered(name: str, plex_name: str) -> None:
    shown = replace(EMPTY, locked=frozenset())
    edit = edit_for(replace(WANTED, **{name: None}), shown, {}, {})  # type: ignore[arg-type]
    assert name not in edit.fields
    assert name not in edit.sent
    assert not [
        key for one in edit.fields.values() for key in one if key.startswith(f"{plex_name}.")
    ]


def test_an_empty_title_fills_one_that_plex_lacks_with_the_files_name() -> None:
    fields = fields_of(replace(WANTED, title=""), replace(SHOWN, title=""))
    assert fields == {"title": {"title.value": "file", "title.locked": "1"}}


@pytest.mark.parametrize(("name", "plex_name"), LISTS[:2])
def test_the_whole_list_is_sent_and_other_names_are_removed(name: str, plex_name: str) -> None:
    wanted = replace(WANTED, **{name: ("New", "Kept")})  # type: ignore[arg-type]
    shown = replace(SHOWN, **{name: ("kept", "Gone", "Gone, too")})  # type: ignore[arg-type]
    assert fields_of(wanted, shown) == {
        name: {
            f"{plex_name}[0].tag.tag": "New",
            f"{plex_name}[1].tag.tag": "kept",
            f"{plex_name}[].tag.tag-": "Gone,Gone%2C%20too",
            f"{plex_name}.locked": "1",
        }
    }


@pytest.mark.parametrize(("name", "plex_name"), LISTS[:2])
def test_an_empty_list_takes_away_every_name(name: str, plex_name: str) -> None:
    wanted = replace(WANTED, **{name: ()})  # type: ignore[arg-type]
    shown = replace(SHOWN, **{name: ("a", "b")})  # type: ignore[arg-type]
    assert fields_of(wanted, shown) == {
        name: {f"{plex_name}[].tag.tag-": "a,b", f"{plex_name}.locked": "1"}
    }


@pytest.mark.parametrize("odd", ["a, b", "100 %", "[x]", "a/b&c=d", "%2C", "Ünï ☃", "a+b", "'\""])
def test_a_name_to_be_taken_away_survives_the_split_at_commas(odd: str) -> None:
    shown = replace(SHOWN, tags=(odd, "other"))
    removed = fields_of(replace(WANTED, tags=()), shown)["tags"]["genre[].tag.tag-"]
    assert {unquote(one) for one in removed.split(",")} == {odd, "other"}
    assert (odd in removed.split(",")) is (odd not in ("a, b", "%2C", "a+b"))


def test_a_server_that_decodes_removed_names_once_is_sent_them_plain() -> None:
    wanted, shown = replace(WANTED, tags=("kept",)), replace(SHOWN, tags=("A+B", "%41", "kept"))
    once = Behaviour(removal_encoding=RemovalEncoding.ONCE)
    edit = edit_for(wanted, shown, {}, {}, behaviour=once)
    assert {"A+B", "%41"} <= set(edit.fields["tags"]["genre[].tag.tag-"].split(","))

    edit = edit_for(wanted, replace(shown, tags=("a, b", "kept")), {}, {}, behaviour=once)
    assert edit.fields["tags"] == {
        "genre[].tag": "",
        "genre[0].tag.tag": "kept",
        "genre.locked": "1",
    }


def test_a_name_that_differs_by_a_blank_only_is_another_one() -> None:
    """Plex takes them for two (Kometa#2649)."""
    fields = fields_of(WANTED, replace(SHOWN, tags=("a, b", "Outdoor ")))
    assert fields["tags"]["genre[].tag.tag-"] == "Outdoor%20,Outdoor "


def test_the_users_collections_stay_when_ours_is_added() -> None:
    fields = fields_of(WANTED, replace(SHOWN, collections=("Favourites",)))
    assert fields == {
        "collections": {
            "collection[0].tag.tag": "Favourites",
            "collection[1].tag.tag": "Studio",
            "collection.locked": "1",
        }
    }


def test_a_collection_that_we_added_goes_when_the_studio_changes() -> None:
    shown = replace(SHOWN, collections=("Favourites", "Old Studio"))
    edit = edit_for(WANTED, shown, {"collections": ["OLD STUDIO"]}, {"collections": ["Favourites"]})
    assert edit.fields["collections"]["collection[].tag.tag-"] == "Old%20Studio,Old Studio"
    assert "Favourites" in edit.fields["collections"].values()


def test_a_collection_that_was_there_before_us_stays_although_we_sent_it() -> None:
    shown = replace(SHOWN, collections=("Old Studio",))
    sent = {"collections": ["Old Studio"]}
    edit = edit_for(WANTED, shown, sent, {"collections": ["old studio"]})
    assert "collection[].tag.tag-" not in edit.fields["collections"]
    assert edit.fields["collections"]["collection[0].tag.tag"] == "Old Studio"


def test_without_a_studio_our_collection_goes_and_the_others_stay() -> None:
    shown = replace(SHOWN, collections=("Favourites", "Studio"))
    wanted = replace(WANTED, collections=())
    edit = edit_for(wanted, shown, {"collections": ["Studio"]}, {})
    assert edit.fields["collections"] == {
        "collection[0].tag.tag": "Favourites",
        "collection[].tag.tag-": "Studio",
        "collection.locked": "1",
    }
    assert edit.sent["collections"] == []


def test_a_collection_that_the_user_took_us_out_of_is_joined_again() -> None:
    edit = edit_for(WANTED, replace(SHOWN, collections=()), {"collections": ["Studio"]}, {})
    assert edit.fields["collections"]["collection[0].tag.tag"] == "Studio"


def test_what_we_added_is_still_known_after_collections_were_off_for_a_while() -> None:
    first = edit_for(WANTED, EMPTY, {}, {})
    while_off = edit_for(replace(WANTED, collections=None), SHOWN, first.sent, {})
    wanted = replace(WANTED, studio="New", collections=("New",))
    last = edit_for(wanted, SHOWN, while_off.sent, {})
    assert last.fields["collections"]["collection[].tag.tag-"] == "Studio"


def test_a_smart_collection_is_neither_joined_nor_left_nor_sent_with_the_others() -> None:
    knows = Behaviour(smart_collections={SHOWN.section_key: frozenset({"studio", "mine"})})
    wanted = replace(WANTED, collections=("Studio", "Group"))

    edit = edit_for(wanted, replace(SHOWN, collections=("Mine",)), {}, {}, behaviour=knows)

    assert edit.sent["collections"] == ["Group"]
    assert edit.fields["collections"] == {
        "collection[0].tag.tag": "Group",
        "collection.locked": "1",
    }


FIELDS = SCALARS + LISTS[:2]
OURS: dict[str, Any] = {
    "title": "Ours",
    "studio": "Ours",
    "summary": "Ours",
    "date": "2001-01-01",
    "performers": ("Ours",),
    "tags": ("Ours", "Too"),
}
THEIRS: dict[str, Any] = OURS | {
    "title": "Theirs",
    "studio": "Theirs",
    "summary": "Theirs",
    "date": "2002-02-02",
    "performers": ("Theirs", "Ours"),
    "tags": ("Ours",),
}


EMPTIED: dict[str, Any] = {
    name: "" if isinstance(value, str) else () for name, value in OURS.items()
}
NONE: dict[str, Any] = {}


def stored(value: Any) -> Any:
    return value if isinstance(value, str) else list(value)


def preserving(
    name: str, shown: Any, last: Any = None, *, locked: bool = True, pending: Any = None
) -> tuple[bool, ItemEdit]:
    plex_name = dict(SCALARS + LISTS)[name]
    item = replace(SHOWN, locked=LOCKS if locked else LOCKS - {plex_name}, **{name: shown})
    edit = edit_for(
        WANTED,
        item,
        {} if last is None else {name: stored(last)},
        {},
        pending={} if pending is None else {name: stored(pending)},
        preserve=True,
    )
    assert (name in edit.fields) is (name not in edit.preserved)
    return name in edit.preserved, edit


@pytest.mark.parametrize("name", [name for name, _ in FIELDS])
@pytest.mark.parametrize(
    ("shown", "last", "pending", "locked", "is_kept"),
    [
        # What was not sent is a person's, with a lock or without.
        (THEIRS, OURS, NONE, True, True),
        (THEIRS, OURS, NONE, False, True),
        # What was sent gives way to the next value.
        (OURS, OURS, NONE, True, False),
        # An empty value is filled, no matter who emptied it.
        (EMPTIED, OURS, NONE, True, False),
        (EMPTIED, OURS, NONE, False, False),
        (EMPTIED, NONE, NONE, True, False),
        (EMPTIED, NONE, NONE, False, False),
        # Where nothing was sent, a lock tells that a person set the value.
        (THEIRS, NONE, NONE, True, True),
        (THEIRS, NONE, NONE, False, False),
        # What an edit carried whose end is unknown is no person's.
        (THEIRS, OURS, THEIRS, True, False),
        (OURS, OURS, THEIRS, True, False),
        (THEIRS, NONE, THEIRS, True, False),
    ],
)
def test_a_persons_value_stays_and_any_other_gives_way(
    name: str,
    shown: dict[str, Any],
    last: dict[str, Any],
    pending: dict[str, Any],
    locked: bool,
    is_kept: bool,
) -> None:
    kept, edit = preserving(
        name, shown[name], last.get(name), locked=locked, pending=pending.get(name)
    )
    assert kept is is_kept
    # What was sent stays remembered as it was, where the field is left alone.
    remembered = last.get(name) if is_kept else getattr(WANTED, name)
    assert edit.sent.get(name) == (None if remembered is None else stored(remembered))


def test_a_persons_value_that_is_what_stash_wants_is_in_step_and_ours_from_then_on() -> None:
    edit = edit_for(WANTED, SHOWN, {"title": "Old", "tags": ["old"]}, {}, preserve=True)
    assert (edit.fields, edit.preserved) == ({}, ())
    assert (edit.sent["title"], edit.sent["tags"]) == ("Title", ["a, b", "Outdoor"])


def test_a_list_that_arrived_in_part_is_no_persons_but_a_name_from_elsewhere_is() -> None:
    part = ("Ours", "New 1")
    assert not preserving("tags", part, OURS["tags"], pending=("New 1", "New 2"))[0]
    assert preserving("tags", (*part, "Theirs"), OURS["tags"], pending=("New 1", "New 2"))[0]


def test_a_collection_that_a_person_left_is_not_joined_again() -> None:
    shown = replace(SHOWN, collections=("Favourites",))
    edit = edit_for(WANTED, shown, {"collections": ["Studio"]}, {}, preserve=True)
    assert (edit.fields, edit.preserved) == ({}, ("collections",))
    assert edit.sent["collections"] == ["Studio"]


def test_a_persons_collections_do_not_keep_ours_from_being_added_or_exchanged() -> None:
    shown = replace(SHOWN, collections=("Favourites",))
    assert "collections" in edit_for(WANTED, shown, {}, {}, preserve=True).fields
    shown = replace(SHOWN, collections=("Favourites", "Old"))
    edit = edit_for(WANTED, shown, {"collections": ["Old"]}, {}, preserve=True)
    assert edit.fields["collections"]["collection[].tag.tag-"] == "Old"


def test_a_collection_that_our_lost_edit_left_is_no_persons_doing() -> None:
    wanted = replace(WANTED, collections=("Third",))
    shown = replace(SHOWN, collections=("Studio",))
    sent: Values = {"collections": ["Old"]}
    edit = edit_for(wanted, shown, sent, {}, pending={"collections": ["Studio"]}, preserve=True)
    assert edit.preserved == ()
    assert "Third" in edit.fields["collections"].values()


def test_without_the_setting_a_persons_value_gives_way() -> None:
    shown = replace(SHOWN, title="Theirs", collections=())
    edit = edit_for(WANTED, shown, {"title": "Ours", "collections": ["Studio"]}, {})
    assert set(edit.fields) == {"title", "collections"}
    assert edit.preserved == ()


@pytest.mark.parametrize(("name", "plex_name"), SCALARS + LISTS)
def test_a_value_that_plex_drops_is_not_sent_again(name: str, plex_name: str) -> None:
    del plex_name
    wanted = stored(getattr(WANTED, name))
    empty: dict[str, Any] = {name: "" if isinstance(wanted, str) else ()}
    shown = replace(SHOWN, **empty)
    edit = edit_for(WANTED, shown, {name: "shown"}, {}, refused={name: wanted})
    assert not edit
    assert (edit.refused, edit.sent[name]) == ({name: wanted}, "shown")
    other = "2011-11-11" if isinstance(wanted, str) else ["Another"]
    edit = edit_for(WANTED, shown, {}, {}, refused={name: other})
    assert list(edit.fields) == [name]
    assert edit.refused == {}


def test_a_text_that_was_cut_stays_so_and_is_restored_in_its_cut_form() -> None:
    wanted = replace(WANTED, summary="One two three")
    memory: Values = {"summary": "One two…"}
    full: Values = {"summary": "One two three"}
    in_step = edit_for(wanted, replace(SHOWN, summary="One two…"), memory, {}, refused=full)
    assert (in_step.fields, in_step.refused) == ({}, full)
    assert in_step.sent["summary"] == "One two…"
    changed = edit_for(wanted, replace(SHOWN, summary="else"), memory, {}, refused=full)
    assert changed.fields["summary"]["summary.value"] == "One two…"
    longer = replace(wanted, summary="One two three four")
    again = edit_for(longer, replace(SHOWN, summary="One two…"), memory, {}, refused=full)
    assert again.fields["summary"]["summary.value"] == "One two three four"
    assert again.refused == {}


def test_a_list_without_the_names_that_are_refused_is_kept_like_that() -> None:
    full, memory = {"tags": ["a, b", "Outdoor"]}, {"tags": ["Outdoor"]}
    in_step = edit_for(WANTED, replace(SHOWN, tags=("Outdoor",)), memory, {}, refused=full)
    assert (in_step.fields, in_step.refused, in_step.sent["tags"]) == ({}, full, ["Outdoor"])

    changed = edit_for(WANTED, replace(SHOWN, tags=("else",)), memory, {}, refused=full)
    assert changed.fields["tags"]["genre[0].tag.tag"] == "Outdoor"
    assert "genre[1].tag.tag" not in changed.fields["tags"]

    other = replace(WANTED, tags=("a, b", "Night"))
    again = edit_for(other, replace(SHOWN, tags=("Outdoor",)), memory, {}, refused=full)
    assert (again.refused, again.sent["tags"]) == ({}, ["a, b", "Night"])


def test_the_collections_of_others_stay_where_ours_is_refused() -> None:
    shown = replace(SHOWN, collections=("The user's own",))
    edit = edit_for(WANTED, shown, {"collections": []}, {}, refused={"collections": ["Studio"]})
    assert (edit.fields, edit.sent["collections"]) == ({}, [])


def test_the_current_values_are_all_that_an_edit_can_change_with_the_locks() -> None:
    assert current_values(SHOWN) == {
        "title": "Title",
        "sort_title": "",
        "studio": "Studio",
        "summary": "One.\n\nTwo.",
        "date": "2024-05-06",
        "performers": ["Ada", "Jo"],
        "tags": ["a, b", "Outdoor"],
        "collections": ["Studio"],
        "locked": sorted(LOCKS),
        **{name: [] if declared.element else "" for name, declared in OPTIONAL.items()},
    }


@pytest.mark.parametrize(
    ("shown", "sent", "original", "expected"),
    [
        ("3", {}, {"rating": "3"}, {}),
        ("8", {"rating": "8"}, {"rating": "3"}, {"userRating.value": "3"}),
        ("8", {"rating": "8"}, {"rating": "8", "locked": ["userRating"]}, {}),
        ("9", {"rating": "8"}, {"rating": "3"}, {}),
        ("8", {"rating": "8"}, {}, {}),
    ],
    ids=["never sent", "sent", "equal before", "changed by a user", "original unknown"],
)
def test_an_optional_field_without_a_value_is_restored_once_if_the_plugin_sent_it(
    shown: str, sent: dict[str, Value], original: dict[str, Value], expected: dict[str, str]
) -> None:
    item = replace(EMPTY, rating=shown, locked=frozenset({"userRating"}))
    edit = edit_for(SceneMetadata(), item, sent, original)

    lock = {"userRating.locked": "0"} if expected else {}
    assert edit.fields.get("rating", {}) == {**expected, **lock}
    assert "rating" not in edit.sent

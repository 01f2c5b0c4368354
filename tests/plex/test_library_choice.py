import pytest
from hypothesis import given, strategies as st

from plex.items import Section
from plex.library_choice import choose_libraries, entry_for


def libraries(*titles: str) -> list[Section]:
    return [Section(number, title) for number, title in enumerate(titles, 1)]


def chosen(setting: str, *titles: str) -> list[int]:
    choice = choose_libraries(setting, libraries(*titles))
    assert not choice.problem
    return [section.key for section in choice.sections]


@pytest.mark.parametrize(
    ("setting", "titles", "numbers"),
    [
        ("", ("A", "B"), [1, 2]),
        (" , ", ("A", "B"), [1, 2]),
        ("B", ("A", "B"), [2]),
        ("B, A", ("A", "B", "C"), [1, 2]),
        ("b ,a,,", ("A", "B", "C"), [1, 2]),
        ("A, a", ("A", "B"), [1]),
        # Exact first, then by case.
        ("scenes", ("Scenes", "scenes"), [2]),
        ("Other  videos", ("Other Videos",), [1]),
        ("E\N{COMBINING ACUTE ACCENT}tudes", ("\N{LATIN CAPITAL LETTER E WITH ACUTE}tudes",), [1]),
        # Blanks that belong to a name.
        (" Scenes", (" Scenes",), [1]),
        ("Scenes", (" Scenes", "Scenes"), [2]),
        ("A, B", ("A", " B"), [1, 2]),
        # Commas that belong to a name.
        ("Films, short", ("Films, short",), [1]),
        ("Films,short", ("Films, short",), [1]),
        ("A, Films, short, B", ("A", "B", "Films, short"), [1, 2, 3]),
        ("A, B", ("A", "B", "A, B"), [3]),
        ("A,B", ("A", "B", "a, b"), [1, 2]),
        ("A, B, C", ("A, B", "B, C", "A"), [2, 3]),
        # Numbers.
        ("2", ("A", "B"), [2]),
        ("B, 1", ("A", "B", "C"), [1, 2]),
        ("2", ("A", "B", "2"), [3]),
        ("2024", ("2024",), [1]),
    ],
)
def test_a_setting_chooses_libraries(
    setting: str, titles: tuple[str, ...], numbers: list[int]
) -> None:
    assert chosen(setting, *titles) == numbers


@pytest.mark.parametrize(
    ("setting", "titles", "problem"),
    [
        (
            "Flims, A, 9",
            ("A", "Films"),
            "Plex has no video library 'Flims', '9'. "
            "Plex's video libraries: 'A' (number 1), 'Films' (number 2).",
        ),
        ("A", (), "Plex has no video library 'A'. Plex's video libraries: none."),
        (
            "A",
            ("A", "B", "A"),
            "'A' in plex_library may mean 'A' (number 1), 'A' (number 3): give the number",
        ),
        (
            "SCENES",
            ("Scenes", "scenes"),
            "may mean 'Scenes' (number 1), 'scenes' (number 2): give the number",
        ),
        ("A, B", ("A", " B", "B"), "'B' in plex_library may mean ' B' (number 2), 'B' (number 3)"),
    ],
)
def test_a_setting_that_chooses_none_or_several_is_told_with_names_and_numbers(
    setting: str, titles: tuple[str, ...], problem: str
) -> None:
    assert problem in choose_libraries(setting, libraries(*titles)).problem


def test_a_library_of_shows_is_named_as_such() -> None:
    shows = Section(9, "Series", kind="show")
    problem = choose_libraries("series", [*libraries("A"), shows]).problem
    assert "'series' in plex_library is a library of shows" in problem


TITLES = st.lists(
    st.text(st.sampled_from("aAb ,12é"), min_size=1, max_size=5) | st.text(min_size=1, max_size=8),
    min_size=1,
    max_size=5,
)


@given(TITLES)
def test_a_number_chooses_its_library_unless_it_names_another(titles: list[str]) -> None:
    sections = libraries(*titles)
    for section in sections:
        if not any(title.strip() == str(section.key) for title in titles):
            assert choose_libraries(str(section.key), sections).sections == [section]


@given(TITLES)
def test_a_name_alone_never_chooses_a_library_of_another_name(titles: list[str]) -> None:
    sections = libraries(*titles)
    for section in sections:
        choice = choose_libraries(section.title, sections)
        if section.title.strip(" ,") and not choice.problem:
            assert section in choice.sections or "," in section.title


@given(TITLES, st.text(st.sampled_from("aAb ,12é"), max_size=12) | st.text(max_size=12))
def test_what_is_chosen_was_named(titles: list[str], setting: str) -> None:
    sections = libraries(*titles)
    choice = choose_libraries(setting, sections)
    joined = "".join("".join(entry.text for entry in choice.entries).split())
    assert joined.replace(",", "") == "".join(setting.split()).replace(",", "")
    for entry in choice.entries:
        for section in entry.found:
            same = (
                "".join(entry.text.split()).casefold() == "".join(section.title.split()).casefold()
            )
            assert same or entry.text == str(section.key) or not section.title.isascii()
    if not choice.problem and choice.entries:
        assert {one.key for one in choice.sections} == {e.found[0].key for e in choice.entries}


@given(TITLES)
def test_the_entry_for_a_library_chooses_it_alone_and_beside_others(titles: list[str]) -> None:
    sections = [one for one in libraries(*titles) if not one.title.strip().isdigit()]
    entries = [entry_for(section, sections) for section in sections]
    for section, entry in zip(sections, entries, strict=True):
        assert choose_libraries(entry, sections).sections == [section]
    if not any("," in title for title in titles):
        assert choose_libraries(", ".join(entries), sections).sections == sections

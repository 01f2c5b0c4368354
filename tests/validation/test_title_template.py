import pytest
from hypothesis import given, strategies as st

from tests.validation.strategies import JSON
from validation.title_template import NAMES, filled, parse_template
from validation.values import ValueProblem

VALUES = {"title": "T", "studio": "S", "date": "2024", "performers": "A, B", "code": "C-1"}


@pytest.mark.parametrize(
    ("template", "empty", "title"),
    [
        ("{title}", "", "T"),
        ("{studio} - {date} - {title}", "", "S - 2024 - T"),
        ("{studio} - {date} - {title}", "date", "S - T"),
        ("{studio} - {date} - {title}", "studio", "2024 - T"),
        ("{studio} - {date}: {title}", "title", "S - 2024"),
        ("{title} ({date})", "", "T (2024)"),
        ("{title} ({date})", "date", "T"),
        ("[{studio}] {title} [{code}]", "studio", "T [C-1]"),
        ("[{studio}] {title} [{code}]", "title", "[S] [C-1]"),
        ("Scene: {title}, with {performers}.", "", "Scene: T, with A, B."),
        ("Scene: {title}, with {performers}.", "performers", "Scene: T."),
        ("{title} ({studio}, {date})", "", "T (S, 2024)"),
        ("{title} ({studio}, {date})", "studio", "T (2024)"),
        ("{title} ({studio}, {date})", "studio date", "T"),
        ("{title} [by {studio} (of {date})]", "title date", "[by S]"),
        ("{studio}{title}", "", "ST"),
        ("Scene: {title}", "title", ""),
        ("({title}) {date}", "title date", ""),
    ],
)
def test_an_empty_field_removes_its_separator(template: str, empty: str, title: str) -> None:
    assert filled(template, VALUES | dict.fromkeys(empty.split(), "")) == title


@given(st.lists(st.sampled_from([*(f"{{{name}}}" for name in NAMES), " - ", "(", ") ", "x"])))
def test_any_usable_template_keeps_each_value(parts: list[str]) -> None:
    template = "".join(parts)
    if "{" not in template:
        return
    shown = filled(parse_template(template), VALUES)
    assert all(VALUES[name] in shown for name in NAMES if f"{{{name}}}" in template)
    assert filled(template, dict.fromkeys(NAMES, "")) == ""


@pytest.mark.parametrize("value", ["plain text", "{name}", "{title} {Studio}", "{}", "{title", 5])
def test_a_template_without_a_known_field_is_refused(value: object) -> None:
    with pytest.raises(ValueProblem, match=r"a text with some of \{title\}"):
        parse_template(value)


@given(JSON)
def test_any_other_value_is_refused(value: object) -> None:
    with pytest.raises(ValueProblem):
        parse_template(value)

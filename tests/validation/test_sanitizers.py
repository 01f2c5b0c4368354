"""Texts on their way to Plex: storable, readable back as XML, and the same when done twice."""

import unicodedata
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given, strategies as st

from tests.validation.strategies import ANY_TEXT
from validation.sanitizers import MAX_NAME, MAX_SUMMARY, cut, sanitize_name, sanitize_summary

Sanitize = Callable[[str], str]
BOTH = pytest.mark.parametrize("sanitize", [sanitize_name, sanitize_summary])

FAMILY = "👨\u200d👩\u200d👧"
PERSIAN = "می\u200cخواهم"  # noqa: RUF001 - Persian
ODD = "\x00\x01\t\n\r\x0b\x0c\x1b\x1f\x7f\x85\x9f\u00ad\u200b\u200c\u200d\u200e\u200f\u2028\u2029"
ODD += "\u202e\u2060\ufeff\ufdd0\ufffe\uffff\U0001fffe\ud800\udfff\u0301\u0345\u1e9b\u0323 e\u0301a"
ODD_TEXT = st.text(ODD) | ANY_TEXT | st.text(" \n\tab")


@BOTH
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x00b", "ab"),
        ("a\x1b[31mb", "a[31mb"),
        ("a\x7f\x80b", "ab"),
        ("a\ud800b\udfff", "ab"),
        ("a\ufffe\uffff\U0010ffffb", "ab"),
        ("a\ufdd0b", "ab"),
        ("a\u200bb\u2060c\ufeffd\u00ade", "abcde"),
        ("a\tb", "a b"),
        ("a\u00a0\u3000b", "a b"),
        ("  a   b  ", "a b"),
        ("Cafe\u0301", "Café"),
        ("e\u200b\u0301", "é"),
        ("", ""),
        (" \n\t ", ""),
        ("\x00\u200b\ud800", ""),
    ],
)
def test_invisible_characters_go(sanitize: Sanitize, text: str, expected: str) -> None:
    assert sanitize(text) == expected


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        "“Quoted” – it’s… «fine»",  # noqa: RUF001 - typography
        FAMILY,
        "❤\ufe0f 🏳\ufe0f\u200d🌈 🇩🇪 1\ufe0f\u20e3",
        PERSIAN,
        "שלום \u200fעולם\u200e!",  # noqa: RUF001 - Hebrew
        "東京 \U00020000",
        "& < > \" ' %41 \\n",
    ],
)
def test_typography_emoji_and_scripts_stay_as_they_are(sanitize: Sanitize, text: str) -> None:
    assert sanitize(text) == text


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\u2028", "\u2029", "\x85"])
def test_a_line_break_is_a_blank_in_a_name_only(line_break: str) -> None:
    assert sanitize_name(f"a{line_break}b") == "a b"
    assert sanitize_summary(f"a {line_break} b") == "a\nb"


@pytest.mark.parametrize("breaks", [2, 3, 10])
def test_paragraphs_are_at_most_one_empty_line_apart(breaks: int) -> None:
    assert sanitize_summary("a" + " \r\n\t" * breaks + "b") == "a\n\nb"


@pytest.mark.parametrize(("sanitize", "limit"), [(sanitize_name, 255), (sanitize_summary, 10_000)])
def test_a_text_is_as_long_as_plex_takes_it(sanitize: Sanitize, limit: int) -> None:
    assert sanitize("x" * limit) == "x" * limit
    assert sanitize("x" * (limit + 1)) == "x" * limit
    assert sanitize("x" * (64 * 1024 + 1)) == "x" * limit
    assert sanitize("\x00" * 70_000 + "x" * limit) == "x" * limit


def test_characters_are_counted_and_not_bytes() -> None:
    assert sanitize_name("東" * 300) == "東" * 255
    assert sanitize_name("👍" * 300) == "👍" * 255


def test_a_long_name_ends_with_a_whole_word() -> None:
    name = sanitize_name("word " * 100)
    assert name == ("word " * 51).strip()


@BOTH
@given(text=ODD_TEXT)
@example(text="\u1100\u1161\u11a8")
@example(text="\u0958 \ufb2c \u2126 \u2000")
@example(text="a" * 254 + "e\u0301\u0301")
@example(text=("x" * 204 + " " + "y" * 60))
@example(text="\u0344" * 255)
def test_a_clean_text_is_composed_short_and_stays_so(sanitize: Sanitize, text: str) -> None:
    limit = MAX_NAME if sanitize is sanitize_name else MAX_SUMMARY
    clean = sanitize(text)
    assert sanitize(clean) == clean
    assert unicodedata.is_normalized("NFC", clean)
    assert len(clean) <= limit
    assert clean == clean.strip()
    assert "  " not in clean
    assert "\n\n\n" not in clean


@BOTH
@given(text=ODD_TEXT)
def test_a_text_comes_back_from_xml_as_it_went_in(sanitize: Sanitize, text: str) -> None:
    clean = sanitize(text)
    element = ET.Element("Video", summary=clean)
    assert ET.fromstring(ET.tostring(element, "utf-8")).get("summary") == clean


@given(ODD_TEXT)
def test_a_name_is_one_line(text: str) -> None:
    assert len(sanitize_name(text).splitlines()) <= 1


@given(words=st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1), max_size=20))
def test_ordinary_words_lose_nothing(words: list[str]) -> None:
    text = unicodedata.normalize("NFC", " ".join(words))
    if len(text) <= MAX_NAME:
        assert sanitize_name(text) == text
    assert sanitize_summary(text) == text


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("short", 10, "short"),
        ("exactly 10", 10, "exactly 10"),
        ("12345678 abc", 10, "12345678"),
        ("1234567 abcd", 10, "1234567 ab"),
        ("0123456789 abc", 10, "0123456789"),
        ("012345678 abc", 10, "012345678"),
        ("0123456789abc", 10, "0123456789"),
        ("", 0, ""),
        ("abc", 0, ""),
    ],
)
def test_a_text_is_cut_between_words(text: str, limit: int, expected: str) -> None:
    assert cut(text, limit) == expected


@given(
    words=st.lists(st.integers(1, 12), max_size=12).map(lambda sizes: ["x" * n for n in sizes]),
    limit=st.integers(min_value=1, max_value=40),
)
def test_a_cut_text_is_most_of_the_beginning(words: list[str], limit: int) -> None:
    text = " ".join(words)
    short = cut(text, limit)
    assert text.startswith(short)
    assert len(short) <= limit
    assert len(short) >= min(len(text), int(limit * 0.8))


def test_the_end_of_a_line_is_the_end_of_a_word() -> None:
    assert cut("12345678\n0abcdef", 10) == "12345678"

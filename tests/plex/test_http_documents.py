"""Documents of Plex that XML forbids are read without what it forbids."""

from xml.etree.ElementTree import Element

import pytest
from hypothesis import given, strategies as st

from plex.connection import parse_document
from plex.exceptions import PlexTemporaryError


def title(text: str) -> str | None:
    root = parse_document(f'<Video title="{text}"/>'.encode("utf-8", "surrogatepass"), "reading")
    assert isinstance(root, Element)
    return root.get("title")


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("a&#11;b", "ab"),
        ("a&#x0;b", "ab"),
        ("a&#xFFFF;&#xd800;&#1114112;&#99999999999999;b", "ab"),
        ("a&#11;\x0b&#10;&amp;&#x1F600;b", "a\n&\U0001f600b"),
        ("a\x00b\x1f", "ab"),
        ("&amp;#11;", "&#11;"),
    ],
)
def test_what_xml_forbids_is_left_out_and_the_rest_is_read(sent: str, read: str) -> None:
    assert title(sent) == read


@given(st.lists(st.integers(0, 2**34), min_size=1, max_size=5), st.booleans())
def test_any_reference_to_a_character_can_be_read(codes: list[int], hexadecimal: bool) -> None:
    form = "&#x{:X};" if hexadecimal else "&#{};"
    text = title("a" + "".join(form.format(code) for code in codes) + "b")
    assert text is not None
    assert (text[0], text[-1]) == ("a", "b")


@pytest.mark.parametrize("body", [b"<Video", b"<a></b>", b"plain text", b"<a>&nbsp;</a>"])
def test_a_broken_document_is_an_error(body: bytes) -> None:
    with pytest.raises(PlexTemporaryError):
        parse_document(body, "reading")


def test_an_empty_body_is_no_document() -> None:
    assert parse_document(b" \n", "reading") is None

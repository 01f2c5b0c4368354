import time

import pytest
from hypothesis import given, strategies as st

from validation.html_text import plain_text
from validation.sanitizers import sanitize_summary


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello &amp; <b>bye</b>", "Hello & bye"),
        ("<p>One.</p><p>Two.</p>", "One.\n\nTwo."),
        ("<p>One\ngoes on.</p>\n\n<p>Two.</p>", "One goes on.\n\nTwo."),
        ("One<br>two<br/>three<br />\nfour", "One\ntwo\nthree\nfour"),
        ("One<br><br>two", "One\n\ntwo"),
        ("<div>One</div><div>two</div>", "One\ntwo"),
        ("Plain.\n\nSecond <br> third", "Plain.\n\nSecond\nthird"),
        ("First line\nsecond <i>line</i>", "First line\nsecond line"),
        ("<ul><li>one</li><li><b>two</b></li></ul>After", "• one\n• two\n\nAfter"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ('See <a href="https://x.y/?a=1&copy=2">the page</a>', "See the page"),
        ("https://x.y/?a=1&copy=2 &copy; &#233; &#x41;", "https://x.y/?a=1&copy=2 © é A"),
        ("<script>alert(1)</script>a<style>b {}</style><!-- c -->d", "ad"),
        ("<P CLASS='x'>Upper</P>", "Upper"),
        ("&lt;p&gt; is an element", "<p> is an element"),
    ],
)
def test_html_becomes_text_with_its_paragraphs_and_lines(html: str, text: str) -> None:
    assert sanitize_summary(plain_text(html)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No markup.\n\nTwo paragraphs,\nthree lines.",
        "5 < 6, I <3 you, a > b, R&D",
        "<Untitled> and </Untitled>",
    ],
)
def test_text_without_html_stays(text: str) -> None:
    assert plain_text(text) == text.replace("</U", "</u")


@given(st.text(alphabet="ab <>/&;!-#p\n\"='") | st.text())
def test_any_text_can_be_converted(text: str) -> None:
    assert "<p>" not in plain_text(text.replace("&", ""))


@pytest.mark.parametrize(
    "piece",
    [*"<&", "<a ", "<!--", "&a", "</", "<![CDATA[", "<b='", "<!>", "<a='>", "<p>", "<script>"],
)
def test_malformed_html_of_any_length_takes_little_time(piece: str) -> None:
    start = time.process_time()
    plain_text(piece * 250_000)
    assert time.process_time() - start < 3

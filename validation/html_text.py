import re
from html.parser import HTMLParser

_HIDDEN = frozenset(("script", "style"))
_PARAGRAPH = "p|blockquote|h1|h2|h3|h4|h5|h6|ul|ol|dl|table|hr|pre|figure|header|footer"
_LINE = "div|li|tr|dt|dd|section|article|main|aside|nav|caption|figcaption"
_INLINE = (
    "a|abbr|acronym|b|bdi|bdo|big|body|center|cite|code|data|del|dfn|em|font|head|html|i|img|ins|"
    "kbd|label|link|mark|meta|q|s|samp|small|span|strike|strong|sub|sup|tbody|td|template|tfoot|th|"
    "thead|time|title|tt|u|var|wbr"
)
_BREAKS = {
    tag: breaks
    for breaks, tags in enumerate((_INLINE, _LINE, _PARAGRAPH))
    for tag in tags.split("|")
}
_BLOCK = re.compile(rf"<(?:br|{_PARAGRAPH}|{_LINE})\b", re.IGNORECASE)
_MARKUP = re.compile(r"<[a-zA-Z/!]|&#?\w+;")
_COMMENT = re.compile(r"<!--(?:(?!<!--).)*?-->", re.DOTALL)
# Lone `&` and `<` are escaped, because Python's HTML parser misreads `&` and is slow for many `<`.
_LONE_AMPERSAND = re.compile(r"&(?!#?\w+;)")
_LONE_BRACKET = re.compile(r"<(?![a-zA-Z/!][^<>]*>)")
_EMPTY_LINE = re.compile(r"\n\s*\n")
_LONGEST = 40_000


def plain_text(text: str) -> str:
    text = text[:_LONGEST].replace("\r\n", "\n")
    if not _MARKUP.search(text):
        return text
    parser = _PlainText(keeps_lines=not _BLOCK.search(text))
    text = _LONE_AMPERSAND.sub("&amp;", _COMMENT.sub("", text))
    parser.feed(_LONE_BRACKET.sub("&lt;", text))
    parser.close()
    return "".join(parser.parts)


class _PlainText(HTMLParser):
    def __init__(self, *, keeps_lines: bool) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._keeps_lines = keeps_lines
        self._breaks = 0
        self._prefix = ""
        self._hidden = 0

    def handle_starttag(self, tag: str, _: object) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag == "br":
            self._breaks += 1
        elif not self._break_at(tag):
            self._add(self.get_starttag_text() or "")
        if tag == "li":
            self._prefix = "• "

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        if tag not in _HIDDEN:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag != "br" and not self._break_at(tag):
            self._add(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self._keeps_lines:
            self._add(data)
            return
        first, *others = _EMPTY_LINE.split(data)
        self._add(first)
        for paragraph in others:
            self._breaks = max(self._breaks, 2)
            self._add(paragraph)

    def _break_at(self, tag: str) -> bool:
        if tag in ("td", "th"):
            self._add(" ")
        self._breaks = max(self._breaks, _BREAKS.get(tag, 0))
        return tag in _BREAKS

    def _add(self, text: str) -> None:
        if not self._keeps_lines:
            text = re.sub(r"\s+", " ", text)
        if self._hidden or (not text.strip() and (self._breaks or not self.parts)):
            return
        if self._breaks and self.parts:
            self.parts.append("\n" * self._breaks)
        self.parts.append(self._prefix + text if self._prefix and text.strip() else text)
        self._prefix = self._prefix if not text.strip() else ""
        self._breaks = 0

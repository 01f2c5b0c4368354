"""The terminal: lines that stay, and below them an area that is redrawn in place."""

import codecs
import shutil
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self, TextIO

from tools.demo.layout import Line, Span, Style, columns, cut_line, line, printable, wrap_line

WIDEST = 120
_NARROWEST = 59  # of 60, the last one stays free: some terminals wrap there already
_HIDE_CURSOR, _SHOW_CURSOR, _CLEAR_BELOW = "\x1b[?25l", "\x1b[?25h", "\x1b[J"
# One column for one column, for terminals that know no more than ASCII.
_ASCII = str.maketrans("━█▒░●○✓✗…·“”", '=#:.*o+x~-""')


class Screen:
    """Writes to a terminal, or plain lines to anything else.

    Where the stream is no terminal, or `NO_COLOR` or `TERM=dumb` asks for it, there are no
    colours, no cursor movements and no pauses for the eye: the area is printed once, at its end.

    Args:
        stream: where to write.
        environ: the environment variables.
    """

    def __init__(self, stream: TextIO, environ: Mapping[str, str]) -> None:
        self._stream = stream
        plain = bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"
        self.is_live = stream.isatty() and not plain
        self._is_utf8 = codecs.lookup(stream.encoding or "ascii").name == "utf-8"
        self._area: list[Line] = []
        self._drawn = 0
        self._begun = time.monotonic()

    def __enter__(self) -> Self:
        if self.is_live:
            self._put(_HIDE_CURSOR)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.is_live:
            self._put(_SHOW_CURSOR)

    @property
    def width(self) -> int:
        """The columns to lay out for; a narrower terminal than this sees lines cut."""
        return max(_NARROWEST, min(WIDEST, shutil.get_terminal_size().columns) - 1)

    @property
    def seconds(self) -> float:
        """How long the screen has been there."""
        return time.monotonic() - self._begun

    def heading(self, title: str) -> None:
        """Begin a new part; what is in the area stays above it."""
        self.keep()
        left, right = f"━━ {title} ", f" {self.seconds:.1f} s"
        rule = "━" * (self.width - columns(left) - columns(right))
        self.write((), line(Span(left + rule, Style.TITLE), Span(right, Style.DIM)))

    def write(self, *lines: Line) -> None:
        """Print lines that stay, above the area."""
        if self.is_live:
            width = shutil.get_terminal_size().columns - 1
            lines = tuple(row for each in lines for row in wrap_line(each, width))
        self._put(self._back() + "".join(map(self._render, lines)))
        self._drawn = 0
        self.draw(self._area)

    def draw(self, area: Sequence[Line]) -> None:
        """Show these lines in the area, in place of what it shows."""
        self._area = list(area)
        if not self.is_live:
            return
        size = shutil.get_terminal_size()
        # A line that wraps or scrolls away could not be found again.
        visible = [cut_line(each, size.columns - 1) for each in self._area[1 - size.lines :]]
        self._put(self._back() + "".join(map(self._render, visible)))
        self._drawn = len(visible)

    def keep(self) -> None:
        """Let the area's lines stay, and begin an empty area below."""
        area, self._area = self._area, []
        self.write(*area)

    def pause(self, seconds: float) -> None:
        """Give a person time to read."""
        if self.is_live:
            time.sleep(seconds)

    def _back(self) -> str:
        return f"\x1b[{self._drawn}A{_CLEAR_BELOW}" if self._drawn else ""

    def _render(self, content: Line) -> str:
        texts = [(printable(span.text), span.style) for span in content]
        if not self.is_live:
            return "".join(text for text, _ in texts).rstrip() + "\n"
        styled = (f"\x1b[{style}m{text}\x1b[0m" if style else text for text, style in texts)
        return "".join(styled) + "\n"

    def _put(self, text: str) -> None:
        if not self._is_utf8:
            text = text.translate(_ASCII)
            encoding = self._stream.encoding or "ascii"
            text = text.encode(encoding, "replace").decode(encoding)
        self._stream.write(text)
        self._stream.flush()

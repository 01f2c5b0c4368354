import io
import re
import shutil
import time
import unicodedata
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TextIO

_WIDEST, _NARROWEST = 118, 70
_ESCAPE = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


def _styled(code: str, text: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m"


bold, dim = partial(_styled, "1"), partial(_styled, "2")
good, waits, bad = partial(_styled, "32"), partial(_styled, "33"), partial(_styled, "1;31")


def fit(text: str, width: int) -> str:
    kept, used = "", 0
    for character in " ".join(text.split()):
        used += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if used > width:
            return fit(kept[:-1], width - 1) + "…"
        kept += character
    return kept + " " * (width - used)


def bar(width: int, done: int, total: int) -> str:
    full = width * done // total
    return good("█" * full) + dim("░" * (width - full))


class Screen:
    def __init__(self, stream: TextIO, environ: Mapping[str, str]) -> None:
        size = shutil.get_terminal_size()
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
        self._stream = stream
        is_plain = environ.get("NO_COLOR") or environ.get("TERM") == "dumb"
        is_large = size.columns > _NARROWEST and size.lines >= 20
        self._is_live = stream.isatty() and is_large and not is_plain
        self.width = min(_WIDEST, max(_NARROWEST, size.columns - 1))
        self._area: Sequence[str] = ()
        self._drawn = 0
        self._begun = time.monotonic()
        self._put("\x1b[?25l")

    def close(self) -> None:
        self._put("\x1b[?25h")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun

    def heading(self, title: str) -> None:
        self.keep()
        self.pause(1.2)
        left, right = f"━━ {title} ", f" {self.seconds:.1f} s"
        rule = "━" * (self.width - len(left) - len(right))
        self._put(f"\n{_styled('1;36', left + rule)}{dim(right)}\n")

    def write(self, *lines: str) -> None:
        self._replace_area(lines)
        self._drawn = 0
        self.draw(self._area)

    def draw(self, area: Sequence[str]) -> None:
        self._area = area
        if self._is_live:
            self._replace_area(area)
            self._drawn = len(area)

    def keep(self) -> None:
        area, self._area = self._area, ()
        self.write(*area)

    def pause(self, seconds: float) -> None:
        if self._is_live:
            time.sleep(seconds)

    def _replace_area(self, lines: Sequence[str]) -> None:
        back = f"\x1b[{self._drawn}A\x1b[J" if self._drawn else ""
        self._put(back + "".join(f"  {text}".rstrip() + "\n" for text in lines))

    def _put(self, text: str) -> None:
        self._stream.write(text if self._is_live else _ESCAPE.sub("", text))
        self._stream.flush()

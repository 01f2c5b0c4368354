"""The wording that users read, one page for each area; no other test holds it.

Run the tests with `UPDATE_GOLDEN=1` after a change of words, then read the difference.
"""

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from shared.file_lock import FileLock
from shared.files import acquire

_FOLDER = Path(__file__).parent
_SECTION = r"(?ms)^## {title}\n\n```\n(.*?)^```\n"


def figures(text: object) -> list[int]:
    return [int(one.replace(",", "")) for one in re.findall(r"\d[\d,]*", str(text))]


def assert_golden(page: str, title: str, lines: Sequence[str]) -> None:
    """Compare lines with a section of a page.

    Args:
        page: the name of a file in this folder, without its ending.
        title: of the section.
        lines: what users read, without what differs from run to run.
    """
    path = _FOLDER / f"{page}.md"
    shown = "".join(f"{line}\n" for line in lines)
    if os.environ.get("UPDATE_GOLDEN"):
        _update(path, title, shown)
        return
    section = re.search(_SECTION.format(title=re.escape(title)), path.read_text(encoding="utf-8"))
    assert section is not None, f"{path} has no section {title!r}"
    assert shown.split("\n") == section[1].split("\n")


def _update(path: Path, title: str, shown: str) -> None:
    lock = FileLock(f"{tempfile.gettempdir()}/golden.lock")
    acquire(lock)
    text = path.read_text(encoding="utf-8")
    section = re.search(_SECTION.format(title=re.escape(title)), text)
    if section is None:
        text = f"{text.rstrip()}\n\n## {title}\n\n```\n{shown}```\n"
    else:
        text = text[: section.start(1)] + shown + text[section.end(1) :]
    path.write_text(text, encoding="utf-8")
    lock.release()

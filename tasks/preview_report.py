"""The report of a preview: on disk as it grows, its sums first, only the newest few kept."""

import contextlib
import datetime
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Self, TextIO

from plex.diff import ItemEdit
from plex.items import PlexItem
from shared.files import replace_file

KEPT_REPORTS = 5
LONGEST_VALUE = 200  # characters of a value that are shown
_PREFIX, _SUFFIX = "preview-", ".txt"
_UNFINISHED = ".unfinished"


class PreviewReport:
    """One report; used as a context, it leaves nothing behind unless it was finished.

    What is found goes to the disk at once, so that memory does not grow with the library.

    Args:
        folder: where the reports lie; made when it is missing.
        now: seconds since the epoch.

    Raises (all methods):
        OSError: the report cannot be written.
    """

    def __init__(self, folder: str, now: float) -> None:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._folder = folder
        self._time = datetime.datetime.fromtimestamp(now).astimezone()
        name = f"{_PREFIX}{self._time:%Y-%m-%d-%H%M%S}{_SUFFIX}"
        self.path = os.path.join(folder, name)
        self._body: TextIO | None = None

    def __enter__(self) -> Self:
        self._body = _create(self.path + _UNFINISHED)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._body is not None:
            self._body.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path + _UNFINISHED)

    def add(self, line: str) -> None:
        """Write one line of what was found."""
        assert self._body is not None  # noqa: S101 - used as a context
        self._body.write(line + "\n")

    def finish(self, sums: Mapping[str, int], fields: Counter[str]) -> str:
        """Put the sums before what was found, drop old reports, and return the report's path.

        Args:
            sums: what was counted, in words → how many scenes.
            fields: field → how many items would change in it.
        """
        assert self._body is not None  # noqa: S101 - used as a context
        self._body.close()
        whole = self.path + _UNFINISHED + ".whole"
        with _create(whole) as file, open(self.path + _UNFINISHED, encoding="utf-8") as body:
            file.write(f"What a sync would change, as of {self._time:%Y-%m-%d %H:%M:%S %Z}.\n")
            file.write("Nothing was changed by looking.\n\nScenes\n")
            file.writelines(f"  {words}: {number}\n" for words, number in sums.items())
            file.write("\nItems that would change, by field\n")
            file.writelines(f"  {name}: {number}\n" for name, number in fields.most_common())
            file.write("" if fields else "  none\n")
            file.write("\nOne by one\n")
            shutil.copyfileobj(body, file)
        replace_file(whole, self.path)
        self._drop_old()
        return self.path

    def _drop_old(self) -> None:
        """Keep the newest reports; of those that never ended only this one's file is in use."""
        names = sorted(name for name in os.listdir(self._folder) if name.startswith(_PREFIX))
        finished = [name for name in names if name.endswith(_SUFFIX)]
        in_use = os.path.basename(self.path) + _UNFINISHED
        unfinished = [name for name in names if _UNFINISHED in name and name != in_use]
        for name in [*finished[:-KEPT_REPORTS], *unfinished]:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self._folder, name))


def lines_of(item: PlexItem, edit: ItemEdit) -> list[str]:
    """Return what an edit would do to an item, a line per field: before -> after."""
    lines: list[str] = []
    only_locked: list[str] = []
    for name, parameters in edit.fields.items():
        after = value_set_by(parameters)
        if after is None:
            only_locked.append(name)
        else:
            lines.append(f"{name}: {_shown(getattr(item, name, ''))} -> {_shown(after)}")
    if only_locked:
        lines.append(f"locked as they are: {', '.join(only_locked)}")
    return lines


def value_set_by(parameters: Mapping[str, str]) -> str | tuple[str, ...] | None:
    """Return the value that a field's parameters set; None when they set its lock only."""
    for key, value in parameters.items():
        if key.endswith(".value"):
            return value
    names = tuple(value for key, value in parameters.items() if key.endswith(".tag.tag"))
    takes_away = any(key.endswith("[].tag.tag-") for key in parameters)
    return names if names or takes_away else None


def _shown(value: str | tuple[str, ...]) -> str:
    text = repr(value) if isinstance(value, str) else f"[{', '.join(value)}]"
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text)} long)"


def _create(path: str) -> TextIO:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace")

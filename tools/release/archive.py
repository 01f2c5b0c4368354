"""A zip whose bytes depend on its files and one moment only."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime

from tools.release.contents import ENTRY

_UNIX = 3  # "made by": where the upper half of the attributes is a file mode
_REGULAR_FILE = 0o100644
_LEVEL = 9


def pack(files: Mapping[str, bytes], moment: datetime) -> bytes:
    """Return the zip: sorted names, one time, one mode, no folders.

    Stash unpacks in this order, so that what it runs comes last: who can start the entry script
    finds everything that it needs, also in the middle of an update.

    Args:
        files: by their paths.
        moment: the time of all of them; a zip has no time zone, so it is written as UTC.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files, key=lambda name: (name in ENTRY, name)):
            entry = zipfile.ZipInfo(name, moment.astimezone(UTC).timetuple()[:6])
            entry.create_system = _UNIX
            entry.external_attr = _REGULAR_FILE << 16
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, _LEVEL)
    return buffer.getvalue()


def packed_sizes(archive: bytes) -> dict[str, int]:
    """Return the bytes that each file takes in the zip."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {entry.filename: entry.compress_size for entry in opened.infolist()}

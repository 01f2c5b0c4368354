import os
from contextlib import suppress


def installation_stamp(script: str) -> tuple[tuple[int, int] | None, ...]:
    return _stamp(script), _stamp(_manifest(script))


def installed_version(script: str) -> str:
    with suppress(OSError, UnicodeDecodeError), open(_manifest(script), encoding="utf-8") as file:
        for line in file:
            if line.startswith("version:"):
                return line.partition(":")[2].strip()
    return "unknown"


def _manifest(script: str) -> str:
    return os.path.splitext(script)[0] + ".yml"


def _stamp(path: str) -> tuple[int, int] | None:
    with suppress(OSError):
        status = os.stat(path)
        return status.st_mtime_ns, status.st_size
    return None

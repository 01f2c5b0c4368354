"""What Windows refuses and lacks, on Linux: the plugin's processes install it at their start.

A file that any process has open is neither renamed nor replaced nor removed, the own process
included; calls and modules that only POSIX has are gone.
"""

import errno
import os
import ssl  # noqa: F401 - would look for Windows' certificates if it were loaded later
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.shared import fake_msvcrt

ONLY_POSIX = (
    "fchmod", "fork", "getegid", "geteuid", "getgid", "getpgid", "getsid", "getuid", "killpg",
    "posix_spawn", "set_blocking", "setsid",
)  # fmt: skip
ONLY_POSIX_MODULES = ("fcntl", "grp", "pwd", "resource", "termios")


def _open_files() -> Iterator[str]:
    for process in os.listdir("/proc"):
        if process.isdigit():
            folder = f"/proc/{process}/fd"
            try:
                for number in os.listdir(folder):
                    yield os.readlink(f"{folder}/{number}")
            except OSError:
                continue


def _unless_open(act: Callable[..., None]) -> Callable[..., None]:
    def acts(*paths: Any, **options: Any) -> None:
        wanted = {os.path.realpath(path) for path in paths}
        if wanted & set(_open_files()):
            raise PermissionError(errno.EACCES, "another process has it open", str(paths[-1]))
        act(*paths, **options)

    return acts


def _kill(process: int, _number: int) -> None:
    message = f"on Windows this would have ended process {process}"
    raise AssertionError(message)


def install() -> None:
    """Take from this process what Windows lacks; a module that is loaded keeps what it has."""
    sysconfig.get_config_vars()  # which are found by the platform's true name
    sys.platform = "win32"
    os.kill = _kill
    for name in ("rename", "replace", "unlink", "remove"):
        setattr(os, name, _unless_open(getattr(os, name)))
    for name in ("DETACHED_PROCESS", "CREATE_NEW_PROCESS_GROUP"):
        setattr(subprocess, name, 0)
    for name in ONLY_POSIX:
        delattr(os, name)
    for name in ONLY_POSIX_MODULES:
        sys.modules[name] = None  # type: ignore[assignment] # which makes its import fail
    sys.modules["msvcrt"] = fake_msvcrt
    del time.clock_gettime

"""The detached worker's own log stays small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from app.worker_log import MAX_BYTES, OLD_FILES
from simulators.rig import REPOSITORY

_TALK = """
import os, sys
from app.worker_log import create_worker_log
from shared.redaction import Secrets
log = create_worker_log(sys.argv[1], Secrets())
for number in range(4000):
    log.info(f"{number:05} " + "x" * 1000)
"""

# A reader, such as `tail` on Windows, who lets nobody rename the file until half of it is written.
_WATCHED = """
rename = os.rename
def refuse(*_names):
    raise PermissionError(13, "it is being used by another process")
os.rename = refuse
"""


def test_the_worker_log_does_not_grow_without_end_and_keeps_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    subprocess.run([sys.executable, "-c", _TALK, path], cwd=REPOSITORY, check=True)
    files = list(tmp_path.iterdir())
    assert len(files) == 1 + OLD_FILES
    assert all(file.stat().st_size <= MAX_BYTES for file in files)
    assert "03999 x" in path.read_text()


def test_a_log_that_cannot_be_rotated_loses_no_line_and_is_rotated_later(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    prepare, loop = _TALK.split("for number")
    script = prepare + _WATCHED + "for number" + loop.replace("4000", "2000")
    script += "os.rename = rename\n" + "log.info('the reader has gone')\n"
    done = subprocess.run(
        [sys.executable, "-c", script, path], cwd=REPOSITORY, check=True, capture_output=True
    )
    (old,) = set(tmp_path.iterdir()) - {path}
    lines = old.read_text().splitlines()

    assert done.stderr == b""
    assert [line.split()[3] for line in lines] == [f"{number:05}" for number in range(2000)]
    assert path.read_text().endswith("the reader has gone\n")

"""The detached worker's own log stays small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from app.worker_log import MAX_BYTES, OLD_FILES
from tests.rig import REPOSITORY

_TALK = """
import sys
from app.worker_log import create_worker_log
from shared.redaction import Secrets
log = create_worker_log(sys.argv[1], Secrets())
for number in range(4000):
    log.info(f"{number:05} " + "x" * 1000)
"""


def test_the_worker_log_does_not_grow_without_end_and_keeps_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "worker.log"
    subprocess.run([sys.executable, "-c", _TALK, path], cwd=REPOSITORY, check=True)
    files = list(tmp_path.iterdir())
    assert len(files) == 1 + OLD_FILES
    assert all(file.stat().st_size <= MAX_BYTES for file in files)
    assert "03999 x" in path.read_text()

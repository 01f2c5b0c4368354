import json
import logging
import subprocess
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from app.processes.worker_log import MAX_BYTES, OLD_FILES, create_worker_log
from shared.events import Event
from simulators.rig import REPOSITORY


def close_logs() -> None:
    for reference in list(logging._handlerList):  # type: ignore[attr-defined]
        handler = reference()
        if isinstance(handler, RotatingFileHandler):
            handler.close()


_TALK = """
import os, sys
from app.processes.worker_log import create_worker_log
log = create_worker_log(sys.argv[1])
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
    assert [json.loads(line)["message"][:5] for line in lines] == [
        f"{number:05}" for number in range(2000)
    ]
    assert json.loads(path.read_text())["message"] == "the reader has gone"


def test_a_line_has_code_and_fields_without_secrets_and_no_title(tmp_path: Path) -> None:
    log = create_worker_log(str(tmp_path / "worker.log"))
    log.secrets.add("a-secret-token")
    label = 'Scene 12 "A night"'
    fields: dict[str, Any] = {
        "scene": 12,
        "label": label,
        "error": OSError("a-secret-token"),
        "kind": "poster",
    }
    log.event(Event.COVER_REFUSED, **fields)
    close_logs()

    record = json.loads((tmp_path / "worker.log").read_text())

    assert record.pop("time")[:2] == "20"
    assert 'scene 12 "A night": [redacted]' in record.pop("message")
    assert record == {
        "level": "warning",
        "code": "cover_refused",
        "scene": 12,
        "error": "OSError",
        "kind": "poster",
    }


def test_fields_are_short(tmp_path: Path) -> None:
    log = create_worker_log(str(tmp_path / "worker.log"))
    log.event(Event.BUG, trace="a line\n" * 9000)
    log.event(Event.LEGACY_IMPORTED, taken=["a file"] * 9000)
    close_logs()

    trace, taken = map(json.loads, (tmp_path / "worker.log").read_text().splitlines())

    assert len(trace["message"]) > 1000
    assert len(trace["trace"]) == 200
    assert len(taken["taken"]) == 20

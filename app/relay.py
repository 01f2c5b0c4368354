"""Copies new lines of the worker's log to Stash's log.

Hooks import this module and must be fast, so it imports little.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterable
from typing import Any

from shared.data_folder import DataFolder
from shared.file_lock import FileLock
from shared.files import remove_file, replace_file
from shared.log import JOB_ENDS, MAX_RECORD_BYTES, STEP, Log

Line = tuple[str, str, str, str]

FEW_SCENES = 5
MOST_LINES, MOST_STEPS = 20, 100
# The first 80 bytes identify a log file, even after the log rotation has renamed the file.
_HEAD = 80
_TIME_OF_DAY = slice(11, 19)
_BEGIN = '{"time": '
_FILE = "worker.log in the plugin's data folder"
_ROUTINE = ("worker_started", "worker_ended", "drain_progress", "drain_ended")


def relay_worker_log(folder: DataFolder, log: Log, most_bytes: int | None = None) -> None:
    lock = FileLock(folder.relay_lock)
    try:
        exists = os.path.exists(folder.worker_log)
        if (exists or os.path.exists(folder.unreported)) and lock.try_acquire():
            _report_stored_event(folder.unreported, log)
            if exists:
                _relay_log(folder, log, most_bytes)
    except (OSError, ValueError) as error:
        log.debug(f"A later task will show the worker's new log lines ({error})")
    finally:
        lock.release()


def _report_stored_event(marker: str, log: Log) -> None:
    text = ""
    with contextlib.suppress(OSError), open(marker, encoding="utf-8", errors="replace") as file:
        text = file.read(MAX_RECORD_BYTES)
    # Delete the marker file before the log is read, so that lines added meanwhile are marked again.
    with contextlib.suppress(FileNotFoundError):
        remove_file(marker)
    _report(list(_parsed(text)), log)


def _relay_log(folder: DataFolder, log: Log, most_bytes: int | None) -> None:
    position = _read_position(folder.relayed)
    lines: list[Line] = []
    for head, start, content in _unreported(folder.worker_log, position):
        part = content if most_bytes is None else content[:most_bytes]
        part = part[: part.rfind(b"\n") + 1]
        lines += _parsed(part.decode("utf-8", "replace"))
        position = {"head": head, "offset": start + len(part)}
        if most_bytes is not None:
            most_bytes -= len(part)
            if len(part) < len(content):
                os.close(os.open(folder.unreported, os.O_CREAT | os.O_WRONLY, 0o600))
                break
    _report(lines, log)
    temporary = f"{folder.relayed}.tmp-{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(position, file)
    replace_file(temporary, folder.relayed)


def _read_position(path: str) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        with open(path, encoding="utf-8") as file:
            position = json.load(file)
        return {"head": str(position["head"]), "offset": int(position["offset"])}
    return {}


def _unreported(path: str, position: dict[str, Any]) -> list[tuple[str, int, bytes]]:
    with open(path, "rb") as file:
        current = file.read()
    head = _head(current)
    if not position or head == position["head"]:
        start = position.get("offset", 0)
        start = start if 0 <= start <= len(current) else 0
        return [(head, start, current[start:])]
    older = b""
    with contextlib.suppress(FileNotFoundError), open(f"{path}.1", "rb") as file:
        older = file.read()
    start = position["offset"] if _head(older) == position["head"] else 0
    # After a log rotation between the two reads, both contain the same lines. Return them once.
    if _head(older) == head:
        return [(head, start, older[start:])]
    return [(_head(older), start, older[start:]), (head, 0, current)]


def _head(content: bytes) -> str:
    return content[:_HEAD].partition(b"\n")[0].decode("utf-8", "replace")


def _parsed(text: str) -> Iterable[Line]:
    for line in text.split("\n"):
        begin = line.rfind(_BEGIN)
        with contextlib.suppress(ValueError, KeyError, TypeError):
            record = json.loads(line[max(0, begin) :])
            yield record["time"], record["level"], record["code"], record["message"]


def _report(lines: list[Line], log: Log) -> None:
    today = time.strftime("%Y-%m-%d")
    ends = [JOB_ENDS[code] for _, _, code, _ in lines if code in JOB_ENDS]
    is_summed = len(ends) > FEW_SCENES
    reports = {"info": log.info, "warning": log.warning, "error": log.error}
    budget, left = {"lines": MOST_LINES, "steps": MOST_STEPS}, 0
    for when, level, code, text in lines:
        in_sum = is_summed and level == "info" and code in JOB_ENDS
        if level not in reports or code in _ROUTINE or in_sum:
            continue
        kind = "steps" if code == STEP else "lines"
        if budget[kind]:
            budget[kind] -= 1
            reports[level](f"{_time_of(when, today)} {text}")
        else:
            left += 1
    if is_summed:
        sums = ", ".join(f"{ends.count(end)} {end}" for end in JOB_ENDS.values() if end in ends)
        log.info(
            f"The worker processed {len(ends)} jobs since {_time_of(lines[0][0], today)}: {sums}. "
            f"Details: {_FILE}"
        )
    if left:
        log.warning(f"Not shown here: {left} more log lines. Read {_FILE}")


def _time_of(when: str, today: str) -> str:
    return f"[{when[_TIME_OF_DAY]}]" if when.startswith(today) else f"[{when[:19]}]"

"""Tells in Stash's log what the detached worker wrote into its own: once, and in bounds.

A hook loads this when there is news, and the user waits for a hook, so it imports little.
"""

import contextlib
import json
import os
import time

from shared.file_lock import FileLock
from shared.files import remove_file, replace_file
from shared.log import MAX_RECORD_BYTES, STEP

TYPE_CHECKING = False  # `typing` costs a third of a bare interpreter's start on the hook path
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from shared.data_folder import DataFolder
    from shared.log import Log

    Line = tuple[str, str, str, str]  # when, level, code, text

FEW_SCENES = 5  # so many are told one by one, more are summed up
MOST_LINES, MOST_STEPS = 20, 100  # of everything else; steps are there only on request
_HEAD = 80  # bytes of a file's first line, whose time tells it from the one it was rotated to
_TIME = slice(11, 19)  # of "2024-05-06 14:02:07.123456"
_BEGIN = '{"time": '  # of a line
_PLAIN = 24  # length of the time in a line of older versions: "2024-05-06 14:02:07,123 INFO text"
_WHERE = "worker.log in the plugin's data folder"
# Events that say nothing that those of the scenes do not say.
_ROUTINE = ("worker_started", "worker_ended", "drain_progress", "drain_ended")
_ENDS = {  # event of a job's end (worker/sync/progress_log.py) → the word of the sum
    "scene_synced": "synced",
    "scene_in_step": "already in step",
    "scene_skipped": "skipped",
    "job_done": "done",
    "job_retried": "wait",
    "job_dead_lettered": "in the dead letters",
}


def relay_worker_log(folder: "DataFolder", log: "Log", most: "int | None" = None) -> None:
    """Tell what no process has told yet; another one being at it, or a fault, is no matter.

    Args:
        folder: where the worker's log lies, and how much of it was told.
        log: Stash's.
        most: bytes to look at, for whoever lets a user wait; the rest is for the next one.
    """
    lock = FileLock(folder.relay_lock)
    try:
        if _is_news(folder) and lock.try_acquire():
            _tell_word(folder.news, log)
            if os.path.exists(folder.worker_log):
                _relay(folder, log, most)
    except (OSError, ValueError) as error:
        log.debug(f"What the worker wrote was not read: {error}")
    finally:
        lock.release()


def _is_news(folder: "DataFolder") -> bool:
    return os.path.exists(folder.worker_log) or os.path.exists(folder.news)


def _tell_word(news: str, log: "Log") -> None:
    """Report what a worker without a log has left (`worker_log.leave_record`), and remove it."""
    word = ""
    with contextlib.suppress(OSError), open(news, encoding="utf-8", errors="replace") as file:
        word = file.read(MAX_RECORD_BYTES)
    # Before all else is read: what is written from now on raises it again.
    with contextlib.suppress(FileNotFoundError):
        remove_file(news)
    _tell(list(_parsed(word)), log, time.strftime("%Y-%m-%d"))


def _relay(folder: "DataFolder", log: "Log", most: "int | None") -> None:
    place = _read_place(folder.relayed)
    lines: list[Line] = []
    for head, start, content in _unread(folder.worker_log, place):
        part = content if most is None else content[:most]
        part = part[: part.rfind(b"\n") + 1]  # its last line may be on its way
        lines += _parsed(part.decode("utf-8", "replace"))
        place = {"head": head, "offset": start + len(part)}
        if most is not None:
            most -= len(part)
            if len(part) < len(content):
                os.close(os.open(folder.news, os.O_CREAT | os.O_WRONLY, 0o600))
                break
    _tell(lines, log, time.strftime("%Y-%m-%d"))
    temporary = f"{folder.relayed}.tmp-{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(place, file)
    replace_file(temporary, folder.relayed)


def _read_place(path: str) -> "dict[str, Any]":
    """Return up to where the log was told: which file, and bytes into it."""
    try:
        with open(path, encoding="utf-8") as file:
            place = json.load(file)
    except (OSError, ValueError):
        return {}
    if not isinstance(place, dict) or not isinstance(place.get("head"), str):
        return {}
    return place if isinstance(place.get("offset"), int) else {}


def _unread(path: str, place: "dict[str, Any]") -> "list[tuple[str, int, bytes]]":
    """Return what was not told: of each file its head, where the rest begins, and the rest."""
    with open(path, "rb") as file:
        current = file.read()
    head = _head(current)
    if not place or head == place["head"]:
        start = place.get("offset", 0)
        start = start if 0 <= start <= len(current) else 0
        return [(head, start, current[start:])]
    older = b""  # the log was rotated since
    with contextlib.suppress(FileNotFoundError), open(f"{path}.1", "rb") as file:
        older = file.read()
    start = place["offset"] if _head(older) == place["head"] else 0
    if _head(older) == head:  # it was rotated while we looked
        return [(head, start, older[start:])]
    return [(_head(older), start, older[start:]), (head, 0, current)]


def _head(content: bytes) -> str:
    return content[:_HEAD].partition(b"\n")[0].decode("utf-8", "replace")


def _parsed(text: str) -> "Iterable[Line]":
    """Return the lines of a text; what is no line is left out.

    A full disk may have cut the line before: then the next one begins behind what is left of it.
    """
    for line in text.split("\n"):
        begin = line.rfind(_BEGIN)
        if begin < 0:
            level, _, told = line[_PLAIN:].partition(" ")
            if told:
                yield line[:_PLAIN], level.lower(), "", told
            continue
        try:
            record = json.loads(line[begin:])
            yield record["time"], record["level"], record["code"], record["message"]
        except (ValueError, KeyError):
            continue


def _tell(lines: "list[Line]", log: "Log", today: str) -> None:
    ends = [_ENDS[code] for _, _, code, _ in lines if code in _ENDS]
    few = len(ends) <= FEW_SCENES
    tell = {"info": log.info, "warning": log.warning, "error": log.error}
    budget, left = {"lines": MOST_LINES, "steps": MOST_STEPS}, 0
    for when, level, code, text in lines:
        summed = not few and level == "info" and code in _ENDS
        if level not in tell or code in _ROUTINE or summed:
            continue
        kind = "steps" if code == STEP else "lines"
        if budget[kind]:
            budget[kind] -= 1
            tell[level](f"{_said_at(when, today)} {text}")
        else:
            left += 1
    if not few:
        sums = ", ".join(f"{ends.count(end)} {end}" for end in _ENDS.values() if end in ends)
        log.info(
            f"Since {_said_at(lines[0][0], today)} the worker ended {len(ends)} jobs: {sums}. "
            f"Details: {_WHERE}"
        )
    if left:
        log.warning(f"The worker has told {left} lines more: read {_WHERE}")


def _said_at(when: str, today: str) -> str:
    return f"[{when[_TIME]}]" if when.startswith(today) else f"[{when[:19]}]"

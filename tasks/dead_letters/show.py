import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sync_queue.dlq import DeadLetter
from tasks.answer import Answer, Level, shortened
from tasks.error_catalogue import explain
from tasks.titles import Titles, titles_in_time
from validation.scene_extractor import scene_label
from validation.values import counted
from worker.outage_history import format_elapsed_since
from worker.state_files import StatusSource

MOST_GROUPS, MOST_SCENES = 20, 10

# This pattern finds paths, quoted texts and long numbers, which differ between scenes.
_PATH = re.compile(r"(?:\b[A-Za-z]:)?[/\\](?:[^/\\;\n]*[/\\])*[^/\\;\n]*\.\w{2,5}\b")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_NUMBER = re.compile(r"\d{4,}|(?<=scene )\d+|(?<=item )\d+", re.IGNORECASE)
_CLAUSE_ENDS = re.compile(r"; |\. |, of ")


@dataclass(slots=True)
class _Group:
    error_type: str
    reason: str
    count: int = 0
    newest: list[DeadLetter] = field(default_factory=list)

    @property
    def what_to_do(self) -> str:
        return explain(self.error_type).remedy


def show_dlq(source: StatusSource) -> Answer:
    groups = _grouped(reversed(source.queue.dead_letters.all()))
    total = sum(group.count for group in groups)
    shown = groups[:MOST_GROUPS]
    scene_ids = [line.scene_id for group in shown for line in group.newest]
    titles, problem = titles_in_time(source.names, scene_ids, patience=5.0)
    now, left_out = source.clock(), len(groups) - len(shown)
    data = {
        "now": now,
        "total": total,
        "groups": [_group_data(group, titles) for group in shown],
        "groups_left_out": left_out,
    }
    if not total:
        return Answer("No dead letters: nothing needs attention", data=data)
    details = [line for group in shown for line in _lines(group, titles, now)]
    details += [f"and {counted(left_out, 'other reason')}"] if left_out else []
    details += [f"Titles of scenes are not shown, because {problem}"] if problem else []
    newest = format_elapsed_since(shown[0].newest[0].moment, now)
    return Answer(
        f"{counted(total, 'dead letter')} for {counted(len(groups), 'reason')}, the newest "
        f"{newest}. Remove the cause, then run the task 'Retry Dead Letters'",
        details=details,
        data=data,
        level=Level.WARNING,
    )


def reason_of(message: str) -> str:
    """Return the part of an error message that is the same for all scenes with the same cause."""
    text = _QUOTED.sub("'…'", _PATH.sub("…", message[:1000]))
    return shortened(_CLAUSE_ENDS.split(_NUMBER.sub("…", text), maxsplit=1)[0].strip(" :;."))


def _grouped(lines: Iterable[DeadLetter]) -> list[_Group]:
    groups: dict[tuple[str, str], _Group] = {}
    for line in lines:
        key = (line.error_type, reason_of(line.error_message))
        group = groups.setdefault(key, _Group(*key))
        group.count += 1
        if len(group.newest) < MOST_SCENES:
            group.newest.append(line)
    return list(groups.values())


def _lines(group: _Group, titles: Titles, now: float) -> Iterator[str]:
    letters = counted(group.count, "dead letter")
    yield f"{letters} of the type {group.error_type}: {group.reason}. {group.what_to_do}"
    for line in group.newest:
        scene_id, ago = line.scene_id, format_elapsed_since(line.moment, now)
        subject = "A job without a scene"
        if scene_id is not None:
            subject = scene_label(scene_id, titles.get(scene_id, ""))
        yield f"- {subject}, {ago}: {shortened(line.error_message)}"
    if group.count > len(group.newest):
        yield f"- and {group.count - len(group.newest):,} more"


def _group_data(group: _Group, titles: Titles) -> dict[str, Any]:
    return {
        "error_type": group.error_type,
        "reason": group.reason,
        "what_to_do": group.what_to_do,
        "count": group.count,
        "scenes": [
            {
                "scene_id": line.scene_id,
                "title": titles.get(line.scene_id or 0),
                "failed_at": line.moment,
                "message": line.error_message,
            }
            for line in group.newest
        ],
    }

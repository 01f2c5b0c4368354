import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from stash.exceptions import StashError
from sync_queue.dlq import DeadLetter
from tasks.answer import Answer, Level, shortened
from tasks.error_catalogue import explain
from validation.scene_extractor import scene_label
from validation.values import counted
from worker.outage_history import format_elapsed_since
from worker.state_files import StatusSource

MOST_GROUPS, MOST_SCENES = 20, 10
MOST_ASKED = 250
Titles = Mapping[int, str]
_Group = tuple[tuple[str, str], list[DeadLetter]]

_PATH = re.compile(r"(?:\b[A-Za-z]:)?[/\\](?:[^/\\;\n]*[/\\])*[^/\\;\n]*\.\w{2,5}\b")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_NUMBER = re.compile(r"\d{4,}|(?<=scene )\d+|(?<=item )\d+", re.IGNORECASE)
_CLAUSE_ENDS = re.compile(r"; |\. |, of |, so |: scan ")


def show_dlq(source: StatusSource) -> Answer:
    groups = _grouped(reversed(source.queue.dead_letters.all()))
    total, shown = sum(len(letters) for _, letters in groups), groups[:MOST_GROUPS]
    scene_ids = [letter.scene_id for _, letters in shown for letter in letters[:MOST_SCENES]]
    titles, problem = titles_in_time(source.names, scene_ids, patience=5.0)
    now, left_out = source.clock(), len(groups) - len(shown)
    data = {
        "now": now,
        "total": total,
        "groups": [_group_data(group, titles) for group in shown],
        "groups_left_out": left_out,
    }
    if not total:
        return Answer("No job failed permanently: nothing needs attention", data=data)
    details = [line for group in shown for line in _lines(group, titles, now)]
    details += [f"and {counted(left_out, 'other reason')}"] if left_out else []
    details += [f"Titles of scenes are not shown, because {problem}"] if problem else []
    _, newest_letters = shown[0]
    newest = format_elapsed_since(newest_letters[0].moment, now)
    return Answer(
        f"{counted(total, 'job')} failed permanently for {counted(len(groups), 'reason')}, the "
        f"last {newest}. Remove the causes, then run the task 'Retry Dead Letters'",
        details=details,
        data=data,
        level=Level.WARNING,
    )


def titles_in_time(
    names: Callable[[Sequence[int]], Titles], scene_ids: Iterable[int | None], patience: float
) -> tuple[Titles, str]:
    """Return the titles of scenes. If titles are missing, the second value is the reason.

    Wait for Stash at most `patience` seconds.
    """
    wanted = [scene_id for scene_id in dict.fromkeys(scene_ids) if scene_id is not None]
    if not wanted:
        return {}, ""
    answers: list[tuple[Titles, str]] = []

    def ask() -> None:
        try:
            answers.append((names(wanted[:MOST_ASKED]), ""))
        except StashError as error:
            answers.append(({}, str(error)))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(patience)
    return answers[0] if answers else ({}, f"Stash did not answer within {patience:g} s")


def _grouped(letters: Iterable[DeadLetter]) -> list[_Group]:
    groups: dict[tuple[str, str], list[DeadLetter]] = {}
    for letter in letters:
        key = (letter.error_type, reason_of(letter.error_message))
        groups.setdefault(key, []).append(letter)
    return list(groups.items())


def reason_of(message: str) -> str:
    """Return the part of an error message that is the same for all scenes with the same cause."""
    text = _QUOTED.sub("'…'", _PATH.sub("…", message[:1000])).replace(" (…)", "")
    return shortened(_CLAUSE_ENDS.split(_NUMBER.sub("…", text), maxsplit=1)[0].strip(" :;."))


def _lines(group: _Group, titles: Titles, now: float) -> Iterator[str]:
    (error_type, reason), letters = group
    count = counted(len(letters), "job")
    yield f"{count} failed permanently ({error_type}): {reason}. {explain(error_type).remedy}"
    for letter in letters[:MOST_SCENES]:
        subject = "A job whose scene number cannot be read"
        if letter.scene_id is not None:
            subject = scene_label(letter.scene_id, titles.get(letter.scene_id, ""))
        ago = format_elapsed_since(letter.moment, now)
        yield f"- {subject}, failed {ago}: {shortened(letter.error_message)}"
    if len(letters) > MOST_SCENES:
        yield f"- and {len(letters) - MOST_SCENES:,} more"


def _group_data(group: _Group, titles: Titles) -> dict[str, Any]:
    (error_type, reason), letters = group
    return {
        "error_type": error_type,
        "reason": reason,
        "what_to_do": explain(error_type).remedy,
        "count": len(letters),
        "scenes": [
            {
                "scene_id": letter.scene_id,
                "title": titles.get(letter.scene_id or 0),
                "failed_at": letter.moment,
                "message": letter.error_message,
            }
            for letter in letters[:MOST_SCENES]
        ],
    }

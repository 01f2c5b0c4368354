"""Reads the titles of scenes from Stash within a time limit."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from stash.exceptions import StashError

if TYPE_CHECKING:  # a question of a program starts faster without it
    from worker.services import Services

PATIENCE = 1.5  # seconds
MOST_ASKED = 250  # scenes; Stash looks up each one separately


class Titles(NamedTuple):
    """Scene id → title or file name, and why titles are missing; empty if Stash answered."""

    by_scene: Mapping[int, str]
    problem: str = ""


def titles_of(context: "Services", scene_ids: Iterable[int | None]) -> Mapping[int, str]:
    """Return scene id → title or file name; log why titles are missing."""
    titles = titles_in_time(context.scenes.names, scene_ids, PATIENCE)
    if titles.problem:
        context.log.step(f"Scenes are shown by their numbers: {titles.problem}")
    return titles.by_scene


def titles_in_time(
    names: Callable[[Sequence[int]], Mapping[int, str]],
    scene_ids: Iterable[int | None],
    patience: float,
) -> Titles:
    """Return the titles of scenes, or after `patience` seconds why they are missing."""
    wanted = [scene_id for scene_id in dict.fromkeys(scene_ids) if scene_id is not None]
    del wanted[MOST_ASKED:]
    if not wanted:
        return Titles({})
    answers: list[Titles] = []

    def ask() -> None:
        try:
            answers.append(Titles(names(wanted)))
        except StashError as error:
            answers.append(Titles({}, str(error)))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(patience)
    late = Titles({}, f"Stash did not answer within {patience:g} s")
    return answers[0] if answers else late

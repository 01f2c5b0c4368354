"""What Stash calls scenes, where it says so quickly: a list with numbers beats one that is late."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from stash.exceptions import StashError

if TYPE_CHECKING:  # what a task needs is not loaded for a program's question
    from tasks.context import TaskContext

PATIENCE = 1.5  # seconds, of a page that is looked at
MOST_ASKED = 250  # scenes; each is a look-up of its own in Stash


class Titles(NamedTuple):
    """Scene id → title or file name, and why they are not all there; empty when Stash told."""

    by_scene: Mapping[int, str]
    problem: str = ""


def titles_of(context: "TaskContext", scene_ids: Iterable[int | None]) -> Mapping[int, str]:
    """Return scene id → title or file name, of those that Stash named in time."""
    titles = titles_in_time(context.scenes.names, scene_ids, PATIENCE)
    if titles.problem:
        context.log.step(f"Scenes are shown by their numbers: {titles.problem}")
    return titles.by_scene


def titles_in_time(
    names: Callable[[Sequence[int]], Mapping[int, str]],
    scene_ids: Iterable[int | None],
    patience: float,
) -> Titles:
    """Return what Stash calls these scenes, or within some seconds why that is not known.

    Args:
        names: asks Stash; raises StashError.
        scene_ids: None among them is a job of no scene.
        patience: seconds.
    """
    wanted = list(dict.fromkeys(one for one in scene_ids if one is not None))[:MOST_ASKED]
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
    late = Titles({}, f"Stash did not tell them within {patience:g} s")
    return answers[0] if answers else late

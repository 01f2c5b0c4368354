"""Reads the titles of scenes from Stash within a time limit."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from stash.exceptions import StashError

MOST_ASKED = 250  # maximum number of scenes, because Stash looks up each scene separately
Titles = Mapping[int, str]  # scene id → title or file name


def titles_in_time(
    names: Callable[[Sequence[int]], Titles], scene_ids: Iterable[int | None], patience: float
) -> tuple[Titles, str]:
    """Return the titles of scenes, and the reason for missing titles. Empty if Stash answered.

    Args:
        names: requests the titles from Stash. May raise StashError.
        patience: the maximum number of seconds to wait for Stash.
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

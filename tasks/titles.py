import threading
from collections.abc import Callable, Iterable, Mapping, Sequence

from stash.exceptions import StashError

# Stash looks up each scene separately, so the number of scenes is limited.
MOST_ASKED = 250
Titles = Mapping[int, str]


def titles_in_time(
    names: Callable[[Sequence[int]], Titles], scene_ids: Iterable[int | None], patience: float
) -> tuple[Titles, str]:
    """Return the titles of scenes, and the reason for missing titles.

    Args:
        names: the function that requests the titles from Stash. It may raise StashError.
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

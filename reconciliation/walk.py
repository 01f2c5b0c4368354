"""The walk through both libraries, page by page; it writes nothing.

Stash's scenes come by rising id, a page behind the last scene of the page before, so that rows that
move meanwhile are neither lost nor doubled. Each page is held against Plex's items of these scenes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from reconciliation.detector import Sides, detect
from reconciliation.findings import Finding, Inspected
from reconciliation.scopes import Window
from shared.frozen import frozen
from stash.exceptions import StashQueryError
from stash.scenes import ScenePage, StashScenes

PAGE = 1000  # scenes; a heavier answer for Stash, and a hundred of them for 100,000 scenes


class NoConclusionError(Exception):
    """A side gave so little that nothing may be concluded; the text says which and what to do."""


@frozen
class Page:
    """A page of the walk.

    Attributes:
        found: each of its scenes, and what that came to.
        ids: the scenes that Stash has from behind the cursor up to `cursor`.
        cursor: the last scene of the page.
        left: how many scenes are left behind it, as Stash counts them.
    """

    found: Sequence[tuple[Inspected, Finding]]
    ids: frozenset[int]
    cursor: int
    left: int


def prepare(sides: Sides) -> None:
    """Bring the index of Plex's files up to date.

    Raises:
        PlexError: Plex could not list them to their end.
        NoConclusionError: it lists none at all.
    """
    sides.refresh()
    if not sides.files_known():
        message = (
            "Plex lists no files at all, so nothing can be said about any scene. Look whether its "
            "libraries are there and have been scanned"
        )
        raise NoConclusionError(message)


def pages(scenes: StashScenes, sides: Sides, window: Window, after: int) -> Iterator[Page]:
    """Yield the pages behind a scene; both sides are asked for one page at a time.

    Raises:
        StashError, PlexError: a side could not be asked, or gave half an answer.
    """
    left = 0
    while True:
        page = scenes.page_after(after, PAGE, window.asked)
        if not page.scenes and left:
            page = _look_again(scenes, window, after, left)
        if not page.scenes:
            return
        left = page.left
        wanted = [scene for scene in page.scenes if window.has(scene)]
        config = sides.config
        # With `skip_not_found` such a job ends without effect: every run would queue it again.
        missing = config.reconcile_missing and not config.skip_not_found
        found = [(one, detect(one, look_for_missing=missing)) for one in sides.inspect(wanted)]
        after = page.scenes[-1].id
        yield Page(found, frozenset(scene.id for scene in page.scenes), after, page.left)


def _look_again(scenes: StashScenes, window: Window, after: int, left: int) -> ScenePage:
    """Return what is behind a scene, after Stash has said that it is nothing, where something was.

    Those scenes may have been deleted since. An answer that has the scene itself is to be believed.

    Raises:
        StashQueryError: Stash does not have that one either.
    """
    page = scenes.page_after(after - 1, PAGE, window.asked)
    if not page.scenes or page.scenes[0].id != after:
        message = f"Stash lists no scenes where it had {left:,} a page before"
        raise StashQueryError(message)
    return replace(page, scenes=page.scenes[1:])

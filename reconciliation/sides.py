"""The two libraries as a run sees them; the composition root fills it in."""

from collections.abc import Callable, Collection, Sequence

from reconciliation.findings import Inspected
from shared.frozen import frozen
from validation.config import Config
from validation.scene_extractor import StashScene


@frozen
class Sides:
    """What a page of a run needs, as of the settings of this moment.

    Attributes:
        config: the settings.
        refresh: brings the index of Plex's files up to date, with a complete listing where anything
            may have changed; raises `PlexError` when Plex could not list it to its end.
        files_known: how many files that index has.
        inspect: tells what a sync would do with scenes.
    """

    config: Config
    refresh: Callable[[], None]
    files_known: Callable[[], int]
    inspect: Callable[[Collection[StashScene]], Sequence[Inspected]]

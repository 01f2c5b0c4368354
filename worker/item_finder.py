"""The stage of a batch that finds the Plex items of its scenes and reads them, many at once."""

from collections.abc import Sequence

from plex.exceptions import PlexError, PlexNotFound
from plex.matcher import still_holds
from worker.scene_work import SceneWork
from worker.session import SyncSession


class ItemFinder:
    """Finds items through the path index; whom it does not know is looked for once.

    Args:
        session: settings and Plex.
    """

    def __init__(self, session: SyncSession) -> None:
        self._session = session

    def find(self, work: Sequence[SceneWork]) -> None:
        """Give each scene its items, or the error for which it has none.

        Raises:
            PlexError: Plex could not be asked, so nothing was found out about any of them.
        """
        self._match_and_read(work)
        missing = [one for one in work if not one.items]
        if not missing:
            return
        try:
            if self._session.look_for(file.path for one in missing for file in one.scene.files):
                self._match_and_read(missing)
        except PlexError as error:
            for one in missing:
                one.error = error
            return
        for one in missing:
            if not one.items:
                path = one.scene.files[0].path
                one.error = PlexNotFound(
                    f"Plex has no item for {path}; if it should, scan its library in Plex, or see "
                    "plex_unmatched_path_map when Plex names its folders differently"
                )

    def _match_and_read(self, work: Sequence[SceneWork]) -> None:
        for one in work:
            one.matches = self._session.matcher.find(one.scene.files)
        keys = {match.rating_key for one in work for match in one.matches}
        items = self._session.client.read_items(sorted(keys))
        for one in work:
            for match in one.matches:
                item = items.get(match.rating_key)
                if item is not None and still_holds(item, match):
                    one.items.append(item)
                else:
                    self._session.library.index.forget_item(match.rating_key)

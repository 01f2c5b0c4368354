from collections.abc import Callable

from simulators.plex.answers import RefusedError
from simulators.plex.library import Library
from simulators.plex.state import Item
from simulators.plex.switches import Switches

LOCK_OF = {"posters": "thumb", "arts": "art"}


class Images:
    def __init__(self, library: Library, switches: Callable[[], Switches]) -> None:
        self._library = library
        self._switches = switches
        self._uploads = 0

    def upload(self, item: Item, shelf: str, data: bytes) -> None:
        switches = self._switches()
        if not data:
            raise RefusedError(400)
        if len(data) > switches.max_upload_bytes:
            raise RefusedError(switches.oversized_upload_status)
        self._uploads += 1
        held = len(getattr(item, shelf))
        image = self._library.add_image(item, shelf, data, select=False)
        selects = {
            "always": True,
            "new": len(getattr(item, shelf)) > held,
            "usually": self._uploads % 3 != 0,
            "never": False,
        }
        if selects[switches.upload_selects]:
            self.choose(item, shelf, image.key)
        else:
            self._library.touch(item)

    def choose(self, item: Item, shelf: str, key: str) -> None:
        try:
            self._library.choose_image(item, shelf, key)
        except KeyError:
            raise RefusedError(404) from None
        if self._switches().upload_locks_thumb:
            item.locks |= {LOCK_OF[shelf]}
        self._library.touch(item)

    def forget(self, item: Item, shelf: str) -> None:
        self._library.choose_image(item, shelf, None)
        self._library.touch(item)

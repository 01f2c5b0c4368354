"""Makes Plex show an image that was uploaded, and learns whether the server needs to be told."""

from contextlib import suppress

from plex.client import PlexClient
from plex.exceptions import PlexNotFound, PlexPermanentError
from plex.items import PlexItem
from plex.server_facts import ImageSelection as Trait
from plex.server_facts import ServerFacts


class ImageSelection:
    """Selects uploaded images on servers that do not do so themselves.

    Args:
        client: Plex.
        facts: what is known about the server.

    Raises (all methods):
        PlexTemporaryError: Plex could not be asked; the upload may be repeated.
    """

    def __init__(self, client: PlexClient, facts: ServerFacts) -> None:
        self._client = client
        self._facts = facts
        self._trait = facts.behaviour().image_selection

    def after_upload(self, item: PlexItem, kind: str, sha1: str, *, had: bool) -> None:
        """Make sure that an upload is shown.

        The first upload to a server finds out whether it selects uploads. Bytes that an item had
        before are not always selected, so these are looked at each time.

        Args:
            item: that got the image.
            kind: `poster` or `art`.
            sha1: of the bytes.
            had: the item had these bytes before.
        """
        if self._trait is Trait.AUTOMATIC and not had:
            return
        if self._trait is Trait.EXPLICIT and self._select(item.rating_key, kind, sha1):
            return
        self.check(item.rating_key, kind, sha1, had=had)

    def check(self, rating_key: int, kind: str, sha1: str, *, had: bool = False) -> None:
        """Look which image is shown, and select ours if it is another one."""
        with suppress(PlexNotFound, PlexPermanentError):  # then the item keeps what it shows
            images = self._client.list_images(rating_key, kind)
            ours = [image for image in images if image.key.endswith(sha1)]
            shown = any(image.selected for image in ours)
            if ours and not shown:
                self._client.select_image(rating_key, kind, ours[0].key)
            if ours and not had and (not shown or self._trait is None):
                self._trait = Trait.AUTOMATIC if shown else Trait.EXPLICIT
                self._facts.learn(self._trait)

    def _select(self, rating_key: int, kind: str, sha1: str) -> bool:
        try:
            self._client.select_image(rating_key, kind, f"upload://{kind}s/{sha1}")
        except (PlexNotFound, PlexPermanentError):
            return False
        return True

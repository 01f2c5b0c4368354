"""Values for random edits: odd but clean text, so that what Stash has is what Plex shall show.

(What has to be cleaned first has a suite of its own.)
"""

import random
from collections.abc import Callable, Sequence
from typing import Any

from simulators.plex import ItemFields
from simulators.rig import png

TEXTS = (
    "",
    "Plain",
    "Comma, bracket [x] & <tag> \"quote\" 'apostrophe'",
    "Ünï © 東京 עברית العربية",
    "👩‍👩‍👧 family; semi=colon?&#%2C+plus",
    "é composed",
    "First paragraph.\n\nSecond “one” …",
)
TITLES = TEXTS[:-1]
STUDIOS = (None, "Northlight", "Papaya & Sons", "Studio, [Fünf]", "The Old Mill")
PEOPLE = ("Ada Berg", "Jo, Lindqvist", "René Dubois", "Zoë O'Hara", "X [alias]", "Kim & Park")
TAGS = ("Outdoor", "Night, rain", "Slow [motion]", "東京", "a=b&c", "50% off", "Archive")
CROWD = tuple(f"Extra {n:02}" for n in range(60))  # more than Plex is given
DATES = (None, "2024-02-29", "2019-07", "2001")
OWN_COLLECTIONS = ("Favourites", "Seen, twice", "To keep")
OWN_LABELS = ("Mine", "Theirs")


class Values:
    """Draws values for the fields of scenes and items.

    Attributes:
        covers: how many different covers were made.
    """

    def __init__(self, rng: random.Random) -> None:
        self.covers = 0
        self._rng = rng

    def cover(self) -> bytes:
        self.covers += 1
        return png(self.covers)

    def some(self, pool: Sequence[str]) -> list[str]:
        return self._rng.sample(pool, self._rng.randint(0, min(4, len(pool))))

    def scene_fields(self, count: int) -> dict[str, Any]:
        rng = self._rng
        makers: dict[str, Callable[[], Any]] = {
            "title": lambda: rng.choice(TITLES),
            "details": lambda: rng.choice(TEXTS),
            "date": lambda: rng.choice(DATES),
            "studio": lambda: rng.choice(STUDIOS),
            "performers": lambda: CROWD if rng.random() < 0.1 else self.some(PEOPLE),
            "tags": lambda: self.some(TAGS),
        }
        return {name: makers[name]() for name in rng.sample(list(makers), count)}

    def plex_fields(self, source: str) -> ItemFields:
        """Fields of an item, as somebody else than we would fill them.

        Args:
            source: who; never empty, as a title in Plex never is.
        """
        rng = self._rng
        fields: ItemFields = {
            "title": source,
            "summary": rng.choice(TEXTS),
            "studio": rng.choice(("", "Hand Studio")),
            "originally_available_at": rng.choice(("", "1999-12-31")),
            "genres": self.some((*TAGS, "Hand")),
            "actors": self.some((*PEOPLE, "Hand Person")),
        }
        for name in rng.sample(list(fields), rng.randint(0, 5)):
            del fields[name]  # type: ignore[misc]  # one of its keys
        return fields

"""What is in the libraries, and what is edited during the outage."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

from simulators.rig import Rig, png
from simulators.stash import SceneFields

FEWEST_SCENES = 12
BURST = 50  # scenes in the bulk edit, if there are as many

_ADJECTIVES = (
    "Silent", "Crooked", "Amber", "Distant", "Hollow", "Restless", "Paper", "Northern",
    "Borrowed", "Velvet", "Seventh", "Forgotten", "Little", "Burning", "Frozen", "Second",
)  # fmt: skip
_NOUNS = (
    "Harbour", "Lighthouse", "Orchard", "Café", "Winter", "Passenger", "Garden", "Mirror",
    "Letter", "Station", "Tide", "Carousel", "Island", "Bridge", "Über-Tram", "東京 Night",
)  # fmt: skip
_STUDIOS = ("Northlight", "Harbour Lane", "Studio Fünf", "Papaya & Sons", "The Old Mill")
_PEOPLE = (
    "Ada Berg", "Jo Lindqvist", "Mia Okafor", "René Dubois", "Kim Park", "Zoë O'Hara",
    "Tomás Ruiz", "Lena Vogt", "Sam Adeyemi", "Yuki Tanaka",
)  # fmt: skip
_TAGS = (
    "Outdoor", "Night, rain", "Interview", "Slow [motion]", "Archive", "Made in 東京",
    "Black & white", "Handheld", "One take", "4K",
)  # fmt: skip

ONE_EDIT: SceneFields = {
    "title": "The Lighthouse at 50% Speed",
    "studio": "Blue Hour Films",
    "details": "A keeper, a storm & a radio.\n\nNobody answers.",
    "date": "2024-02-29",
    "performers": ["Ada Berg", "Zoë O'Hara"],
    "tags": ["Archive", "Night, rain", "One take"],
}
BURST_EDIT: SceneFields = {
    "studio": "Lantern House",
    "tags": ["Festival 2026", "Night, rain", "Restored"],
}


@dataclass(frozen=True, slots=True)
class OutageEdit:
    """One save while Plex is away.

    Attributes:
        scene: which of the outage's scenes, from 0.
        changes: the fields that are saved.
        what: the same in words.
    """

    scene: int
    changes: SceneFields
    what: str


OUTAGE_SCENES = 8
OUTAGE_EDITS = (
    OutageEdit(0, {"title": "First Draft of a Title"}, "title"),
    OutageEdit(1, {"performers": ["Nora Vale", "Kim Park"]}, "a new performer"),
    OutageEdit(2, {"tags": ["Aurora", "Handheld"]}, "a new tag"),
    OutageEdit(3, {"studio": "Salt & Copper"}, "a new studio"),
    OutageEdit(4, {"date": "1999-12-31"}, "date"),
    OutageEdit(0, {"details": "Written while Plex was away."}, "summary"),
    OutageEdit(5, {"cover": png(0xC0FFEE)}, "cover"),
    OutageEdit(6, {"tags": []}, "all tags removed"),
    OutageEdit(0, {"title": "Second Draft of a Title"}, "title again"),
    OutageEdit(7, {"studio": None}, "studio removed"),
    OutageEdit(1, {"title": "Nora, in Passing"}, "title"),
    OutageEdit(0, {"title": "Final Title, Really"}, "title once more"),
)
EDITS_BEFORE_KILL = 6  # the worker is killed after these


def make_library(rig: Rig, count: int) -> list[int]:
    """Add that many scenes with covers to Stash, and their files to Plex; return the scenes' ids.

    The story needs `FEWEST_SCENES` or more.
    """
    rng = random.Random(2026)
    return [
        rig.add_pair(_file_name(title), **_fields(rng, title, number + 1))[0]
        for number, title in enumerate(itertools.islice(_titles(rng), count))
    ]


def outage_ids(ids: list[int]) -> list[int]:
    """Return the scenes that are edited during the outage, spread over the library."""
    return [ids[1 + place * (len(ids) - 1) // OUTAGE_SCENES] for place in range(OUTAGE_SCENES)]


def _titles(rng: random.Random) -> Iterator[str]:
    pairs = list(itertools.product(_ADJECTIVES, _NOUNS))
    rng.shuffle(pairs)
    yield from (f"The {adjective} {noun}" for adjective, noun in pairs)
    for part in itertools.count(2):
        yield from (f"The {adjective} {noun}, Part {part}" for adjective, noun in pairs)


def _file_name(title: str) -> str:
    return title.lower().replace(" ", "-").replace(",", "")


def _fields(rng: random.Random, title: str, picture: int) -> SceneFields:
    return {
        "title": title,
        "details": f"{title}, as it was told to <us>.\n\nIt ends “well” & late.",
        "date": f"20{rng.randint(10, 25)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
        "studio": rng.choice(_STUDIOS),
        "performers": rng.sample(_PEOPLE, rng.randint(1, 4)),
        "tags": rng.sample(_TAGS, rng.randint(1, 5)),
        "cover": png(picture),
    }

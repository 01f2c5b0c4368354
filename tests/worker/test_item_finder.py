"""What people are told when a scene has no item, or several that it may be."""

from plex.items import LibraryPart
from tests.golden import assert_golden, figures
from validation.scene_extractor import SceneFile
from worker.sync.item_finder import MOST_NAMED, ambiguous, not_found

TITLES = {1: "Scenes", 2: "More"}
FILE = SceneFile("/data/a/x.mp4", 5)


def part(path: str, size: int = 5, section: int = 1) -> LibraryPart:
    return LibraryPart(path, 9, size, section)


def test_what_people_are_told_when_a_scene_has_no_item_or_several() -> None:
    namesakes: list[list[LibraryPart]] = [
        [],
        [part("/p/a/x.mp4", 6)],  # of another size
        [part("/p/a/x.mp4", 0)],  # its folder gives a mapping
        [part("/p/a/x.mp4"), part("/q/a/x.mp4")],  # their folders give different mappings
    ]
    texts = [not_found(FILE, "", parts, TITLES) for parts in namesakes]
    texts.append(not_found(FILE, "because", [part("/p/a/x.mp4", 0)], TITLES))
    texts.append(not_found(SceneFile("/data/MFKEWH~X.MP4"), "", [], TITLES))
    texts.append(ambiguous(FILE, [part("/p/q/x.mp4"), part("/p/r/x.mp4", section=2)], TITLES))
    assert_golden("matching", "A scene without an item or with several", texts)


def test_a_long_list_of_candidates_is_cut_and_says_how_many_more() -> None:
    text = ambiguous(FILE, [part(f"/p/{n}/x.mp4") for n in range(40)], TITLES)
    assert text.count("/x.mp4") == 1 + MOST_NAMED
    assert 40 - MOST_NAMED in figures(text)

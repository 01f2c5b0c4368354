"""What people are told when a scene has no item, or several that it may be."""

from plex.items import LibraryPart
from validation.scene_extractor import SceneFile
from worker.match_messages import MOST_NAMED, ambiguous, not_found

TITLES = {1: "Scenes", 2: "More"}
FILE = SceneFile("/data/a/x.mp4", 5)


def part(path: str, size: int = 5, section: int = 1) -> LibraryPart:
    return LibraryPart(path, 9, size, section)


def test_an_ambiguity_names_every_candidate_with_its_library_and_what_to_do() -> None:
    text = ambiguous(FILE, [part("/p/q/x.mp4"), part("/p/r/x.mp4", section=2)], TITLES)
    assert (
        "may be /data/a/x.mp4: /p/q/x.mp4 (library 'Scenes'), /p/r/x.mp4 (library 'More')" in text
    )
    assert "plex_unmatched_path_map" in text
    assert "Check Path Mapping" in text


def test_a_long_list_of_candidates_is_cut_and_says_how_many_more() -> None:
    text = ambiguous(FILE, [part(f"/p/{n}/x.mp4") for n in range(40)], TITLES)
    assert text.count("/x.mp4 (library") == MOST_NAMED
    assert f" and {40 - MOST_NAMED} more" in text


def test_a_file_whose_name_plex_does_not_have_has_to_be_scanned_or_mapped() -> None:
    text = not_found(FILE, "", [], TITLES)
    assert text.startswith("Plex has no item for /data/a/x.mp4; if it should, scan its library")
    assert "Check Path Mapping" in text


def test_a_namesake_of_another_size_is_told_with_both_remedies_left_out_that_do_not_help() -> None:
    text = not_found(FILE, "", [part("/p/a/x.mp4", 6)], TITLES)
    assert "/p/a/x.mp4 (library 'Scenes'), of another size than these 5 bytes" in text
    assert "plex_unmatched_path_map" not in text


def test_a_namesake_elsewhere_gives_the_mapping_to_paste() -> None:
    text = not_found(FILE, "", [part("/p/a/x.mp4", 0)], TITLES)
    assert text.endswith("if that is the file, set plex_unmatched_path_map to /p=>/data")


def test_namesakes_that_imply_different_mappings_lead_to_the_task() -> None:
    text = not_found(FILE, "", [part("/p/a/x.mp4"), part("/q/a/x.mp4")], TITLES)
    assert "Check Path Mapping" in text
    assert "=>" not in text


def test_a_reason_takes_the_place_of_all_guesses_and_a_short_name_is_named() -> None:
    assert not_found(FILE, "because", [part("/p/a/x.mp4", 0)], TITLES).endswith("x.mp4: because")
    text = not_found(SceneFile("/data/MFKEWH~X.MP4"), "", [], TITLES)
    assert "'MFKEWH~X.MP4' is a short name" in text

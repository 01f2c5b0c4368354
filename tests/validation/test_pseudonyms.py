"""`obfuscate_paths`: no path and no title is left in a text, and the same becomes the same."""

import re
import subprocess
import sys

import pytest
from hypothesis import given, strategies as st

from simulators.rig import REPOSITORY
from tests.validation.strategies import ANY_TEXT
from validation.pseudonyms import Obfuscator, pseudonym, pseudonym_of_path
from validation.scene_extractor import SceneFile, StashScene

POSIX = "/media/Secret Films, Inc/Mr. Hidden (2020)/Private title; part 1.mp4"
WINDOWS = "D:\\Secret Films\\Mr. Hidden\\Private title.mkv"
UNC = "\\\\nas-hidden\\Secret share\\Private title.mkv"
PATHS = (POSIX, WINDOWS, UNC)
SECRET = re.compile(r"secret|hidden|private|films|title|part 1|2020", re.IGNORECASE)
# As this plugin and Python say them.
SENTENCES = (
    'Synced scene 12 "{title}": title, 3 tags (0.2 s)',
    'Sync failed for scene 12 "{title}": Plex has no item for {path}. Next try in 9 s',
    "Scene 12 ({title}): several files in Plex may match {path}: {path} (library 'A'), {path} "
    "(library 'B'). Tell which folder is which",
    "set plex_unmatched_path_map to {folder}=>{folder}",
    "Plex scans {folder} in 'Scenes' for new scenes",
    "no library of Plex has the folder {folder}; they have {folder}, {folder}. If Plex",
    "[Errno 2] No such file or directory: {path!r}",
    "Traceback: File {path!r}, line 3, in run | ValueError: {title}",
    "{path}",
    "Removed a learned path map, because it no longer fits: {folder}=>{folder}: 3 scenes agree",
)


def sentences(path: str) -> list[str]:
    separator = "/" if "/" in path else "\\"
    folder, name = path.rsplit(separator, 1)
    title = name.rsplit(".", 1)[0]
    return [one.format(path=path, folder=folder, title=title) for one in SENTENCES]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("number", range(len(SENTENCES)))
def test_what_was_noted_is_found_whatever_is_in_it(path: str, number: int) -> None:
    obfuscator = Obfuscator()
    obfuscator.on = True
    title = re.split(r"[/\\]", path)[-1].rsplit(".", 1)[0]
    obfuscator.note_scene(StashScene(12, title, files=(SceneFile(path),)))

    shown = obfuscator.apply(sentences(path)[number].replace("\\\\\\\\", "\\\\"))

    assert SECRET.search(shown.replace(": title,", "")) is None, shown


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"Plex has no item for {POSIX}", ""),
        (f"Plex has no item for {WINDOWS}; scan its library", "; scan its library"),
        (f"it may be {UNC} (library 'A'). Tell it", " (library 'A'). Tell it"),
        (f"[Errno 13] Permission denied: '{POSIX}'", "[Errno 13] Permission denied: '"),
        ("Scene 3 (Private title): synced: tags; 0.1 s", ": synced: tags; 0.1 s"),
        ('Synced scene 3 "Private title": tags (0.1 s)', '": tags (0.1 s)'),
        ("set it to /secret/films=>/hidden/films. Then", "=>/"),
    ],
)
def test_what_was_never_noted_is_recognised_by_its_form(text: str, kept: str) -> None:
    shown = Obfuscator().apply(text)
    assert SECRET.search(shown) is None, shown
    assert kept in shown


@pytest.mark.parametrize(
    "text",
    [
        "PUT /library/metadata/12/posters: Plex failed (status 500)",
        "12/40, 3.1 per second, 9 s remaining",
        "plex_url is http://192.168.1.2:32400/plex; and/or",
        "Queued scene 12",
        "Skipped scene 12: no metadata yet (add a studio)",
        "Plex cannot be used: nothing answers at Plex's address. Queued jobs are kept",
        "After an edit of tag 1: 1 scene queued, 0 already up to date",
    ],
)
def test_everything_else_stays_readable(text: str) -> None:
    assert Obfuscator().apply(text) == text


def test_the_same_path_is_the_same_words_in_every_process_and_folders_stay_folders() -> None:
    script = f"from validation.pseudonyms import Obfuscator; print(Obfuscator().apply({POSIX!r}))"
    there = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert there == pseudonym_of_path(POSIX)
    assert there.count("/") == POSIX.count("/")
    assert there.endswith(".mp4")
    assert pseudonym_of_path("/media/a").rsplit("/", 1)[0] == pseudonym_of_path("/media")


def test_a_title_that_names_its_file_has_the_file_s_words() -> None:
    assert pseudonym_of_path("/m/Private title.mp4").endswith(f"/{pseudonym('Private title')}.mp4")


def test_a_folder_of_our_own_can_still_be_found() -> None:
    obfuscator = Obfuscator()
    obfuscator.name_folder("/config/plugins/Stash2Plex", "{plugin}")
    shown = obfuscator.apply("The report is /config/plugins/Stash2Plex/data/reports/preview.html")
    assert shown == "The report is {plugin}/data/reports/preview.html"


def test_an_obfuscator_that_is_off_learns_nothing() -> None:
    obfuscator = Obfuscator()
    obfuscator.note_scene(StashScene(1, "Private title"))
    assert obfuscator.apply("about Private title") == "about Private title"


@given(ANY_TEXT | st.sampled_from([one for path in PATHS for one in sentences(path)]))
def test_twice_is_as_once(text: str) -> None:
    obfuscator = Obfuscator()
    obfuscator.on = True
    obfuscator.note_scene(StashScene(12, "Private title", files=(SceneFile(WINDOWS),)))
    once = obfuscator.apply(text)
    assert obfuscator.apply(once) == once
    assert Obfuscator().apply(once) == once


@given(st.text("ab c.,;:()'/\\_-é😀", min_size=4, max_size=30))
def test_any_title_that_was_noted_is_hidden(title: str) -> None:
    title = " ".join(title.split())
    obfuscator = Obfuscator()
    obfuscator.on = True
    obfuscator.note_scene(StashScene(12, title))
    if len(title) >= 4 and re.search(r"\w", title):
        shown = obfuscator.apply(f'Synced scene 12 "{title}": tags (0.1 s)')
        assert shown == f'Synced scene 12 "{pseudonym(title)}": tags (0.1 s)'

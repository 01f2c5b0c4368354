"""The documentation is true: links, names, messages, examples, commands."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from shared.events import Event
from shared.log import ERROR, INFO, WARNING
from simulators.rig import REPOSITORY, Rig
from simulators.stash.plugin_manifest import load
from tests.shell import Shell
from tests.test_architecture import sources
from tools.style import findings
from validation.config import parse_config
from validation.metadata import FIELDS
from validation.path_map import parse_path_map

DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", *sorted(DOCS.glob("*.md"))]
MANIFEST = load(REPOSITORY / "Stash2Plex.yml")
LARGEST_PICTURE = 150_000  # bytes
MOST_LINES, MOST_LINES_OF_README = 240, 100
LARGEST_IMAGE = 15_000  # bytes
# Names in code style that belong to Stash.
OTHERS_NAMES = {"plugin_id", "args_map", "task_name"}

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_SNAKE_CASE = re.compile(r"[a-z]+(?:_[a-z0-9]+)+")


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def fenced(page: Path) -> list[str]:
    return [block for _, _, block in _FENCE.findall(page.read_text(encoding="utf-8"))]


def codes(page: Path) -> Iterator[str]:
    """Return the texts in code style of a page's prose, each on one line."""
    return (" ".join(text.split()) for text in _CODE.findall(prose(page)))


def anchors(page: Path) -> set[str]:
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+)$", prose(page), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        again = (f"{slug}-{number}" for number in range(1, 100))
        found.add(slug if slug not in found else next(name for name in again if name not in found))
    return found


@cache
def texts() -> tuple[str, ...]:
    """Return all constant texts of the plugin; of a text with values, the parts between them."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in sources())
    nodes = (node for tree in trees for node in ast.walk(tree))
    found = (node.value for node in nodes if isinstance(node, ast.Constant))
    return tuple(re.sub(r"\s+", " ", text) for text in found if isinstance(text, str))


@cache
def words() -> frozenset[str]:
    files = [REPOSITORY / "Stash2Plex.yml", *sources()]
    found = re.findall(r"\w+", " ".join(path.read_text("utf-8") for path in files))
    return frozenset((*found, *map(str.lower, found)))


def names(page: Path) -> set[str]:
    """Return the names in code style that may be the plugin's, such as settings and modes."""
    return {text for text in codes(page) if _SNAKE_CASE.fullmatch(text)} - OTHERS_NAMES


def task_names(page: Path) -> set[str]:
    """Return the bold phrases of a page in title case, as the names of tasks."""
    settings = {setting.display_name for setting in MANIFEST.settings}
    phrases = {" ".join(text.split()) for text in _BOLD.findall(prose(page))}
    return {name for name in phrases - settings if re.match(r"[A-Z]\w+ \(?[A-Z]", name)}


def tasks() -> list[tuple[str, str]]:
    """Return the name and the mode of each task of the yml."""
    return [(task.name, task.default_args["mode"]) for task in MANIFEST.tasks]


# links


@pytest.mark.parametrize("page", [*PAGES, *DOCS.glob("*/*.md")], ids=lambda page: page.name)
def test_no_link_is_dead(page: Path) -> None:
    targets = [link for link in _LINK.findall(prose(page)) if not link.startswith("http")]
    dead = []
    for target in targets:
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(target)

    assert dead == []


def test_the_index_lists_every_page() -> None:
    listed = set(_LINK.findall(prose(DOCS / "README.md")))

    assert {page.name for page in DOCS.glob("*.md")} - {"README.md"} <= listed


def test_the_readme_has_the_command_that_ci_runs() -> None:
    command = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8").strip().splitlines()[-1]
    blocks = fenced(REPOSITORY / "README.md")

    assert command.removeprefix("exec ") in [
        line.split("#")[0].strip() for block in blocks for line in block.splitlines()
    ]


# names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_name_in_code_style_is_one_of_the_plugin(page: Path) -> None:
    assert names(page) - words() == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_setting_has_the_name_that_stash_shows_for_it(page: Path) -> None:
    """In the form **Name** (`key`)."""
    text = " ".join(prose(page).split())
    shown = {setting.name: setting.display_name for setting in MANIFEST.settings}

    pairs = re.findall(r"\*\*([^*]+)\*\* \(`(\w+)`\)", text)

    assert [(name, key) for name, key in pairs if shown.get(key, name) != name] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_task_that_is_named_exists(page: Path) -> None:
    assert task_names(page) - {name for name, _ in tasks()} == set()


def test_the_list_of_tasks_is_the_ymls_with_their_modes_in_its_order() -> None:
    rows = re.findall(r"^\| \*\*(.+?)\*\* \| `(\w+)` \|", prose(DOCS / "tasks.md"), re.MULTILINE)

    assert rows == tasks()


def test_the_table_of_fields_has_the_lock_and_the_switch_of_each_field() -> None:
    text = prose(DOCS / "what-is-synced.md").split("## The fields")[1].split("\n\n- ")[0]
    rows = re.findall(r"\| `(\w+)` \| `([\w`, ]+)` \|$", text, re.MULTILINE)

    of_images = [("thumb", "sync_poster"), ("art", "sync_background")]
    declared = [(field.plex, "`, `".join(field.switches)) for field in FIELDS.values()]
    assert sorted(rows) == sorted(declared + of_images)


# content


def test_the_line_for_cron_starts_a_worker_if_jobs_wait_and_none_runs(rig: Rig) -> None:
    [line] = [block for block in fenced(DOCS / "guarantees.md") if block.startswith("* * * * *")]
    words = line.removesuffix(">/dev/null\n").split("python3 /path/to/plugins/Stash2Plex/")[1]
    scene_id, item = rig.add_pair("a", tags=["T"])
    rig.plex.stop()
    rig.stash.edit_scene(scene_id, title="Saved before the kill")
    assert rig.wait_until(lambda: rig.worker_pids() != [])
    rig.stop_worker()
    rig.plex.start()

    done = Shell(rig).run(*words.split()[1:])

    assert (words.split()[0], done.code) == ("Stash2Plex.py", 0)
    assert rig.wait_until(lambda: item.title == "Saved before the kill")


def test_the_style_check_finds_each_kind_of_fault() -> None:
    assert [
        fault for _, fault in findings("The worker tells the result. `nobody` is a name.")
    ] == []
    for text, fault in [
        ("Nobody runs.", "'Nobody': write a noun"),
        ("Wait,\nas above.", "'as above': write the reason itself"),
        (" ".join(["word"] * 31) + ".", "a sentence of 31 words"),
    ]:
        assert next(found for _, found in findings(text)).startswith(fault)


def test_the_messages_of_troubleshooting_are_the_plugins() -> None:
    """A text of several words in code style is a message; `…` marks a variable part."""
    long = {text for text in codes(DOCS / "troubleshooting.md") if text.count(" ") > 1}
    quoted = {text for text in long if not text.startswith("[Plugin")}  # added by Stash
    parts = {part.strip(" .,;:") for text in quoted for part in text.split("…")} - {""}

    assert len(quoted) > 20
    assert sorted(part for part in parts if not any(part in text for text in texts())) == []


MAPPED = [
    ("/media/videos=>/data", "/data/summer/a.mp4", "/media/videos/summer/a.mp4"),
    ("/volume1/video=>V:", "V:\\summer\\a.mp4", "/volume1/video/summer/a.mp4"),
    ("/volume1/video=>\\\\nas\\video", "\\\\nas\\video\\summer\\a.mp4",
     "/volume1/video/summer/a.mp4"),
    ("D:\\Videos=>/data", "/data/summer/a.mp4", "D:\\Videos\\summer\\a.mp4"),
    ("/volume1/video=>/data", "/data/a.mp4", "/volume1/video/a.mp4"),
    ("/share/Multimedia/video=>/data", "/data/a.mp4", "/share/Multimedia/video/a.mp4"),
    ("/mnt/user/video=>/data", "/data/a.mp4", "/mnt/user/video/a.mp4"),
    ("/media/incoming=>/data/new; /mnt/nas/old/videos=>/data/archive", "/data/archive/a.mp4",
     "/mnt/nas/old/videos/a.mp4"),
    ("/media/videos=>/data; /mnt/fast/4k=>/data/4k", "/data/4k/a.mp4", "/mnt/fast/4k/a.mp4"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "stash", "plex"), MAPPED, ids=str)
def test_each_line_of_the_cookbook_maps_as_shown(line: str, stash: str, plex: str) -> None:
    settings = {"plex_url": "http://plex:32400", "plex_token": "0123456789"}
    parsed = parse_config({**settings, "plex_unmatched_path_map": line}, {})

    assert parsed.warnings == ()
    assert parsed.config.plex_unmatched_path_map.find_plex(stash) == plex


def test_the_cookbook_has_those_lines_and_each_of_its_lines_can_be_read() -> None:
    blocks = fenced(DOCS / "path-mapping.md")
    lines = [line for block in blocks for line in block.splitlines() if "=>" in line]
    lines = [line for line in lines if not line.startswith("Learned")]

    assert {line for line, _, _ in MAPPED} <= set(lines)
    assert all(parse_path_map(line).pairs for line in lines)


def test_the_scoreboard_has_its_families() -> None:
    rows = re.findall(r"^\| (R\d+) \|", prose(DOCS / "guarantees.md"), re.MULTILINE)

    assert rows == [f"R{number}" for number in range(1, 18)]


# form


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_short(page: Path) -> None:
    most = MOST_LINES_OF_README if page.parent == REPOSITORY else MOST_LINES

    assert page.read_text(encoding="utf-8").count("\n") <= most


def test_every_image_is_shown_by_a_page() -> None:
    shown = {Path(link).name for page in PAGES for link in _LINK.findall(prose(page))}

    assert {path.name for path in (DOCS / "images").iterdir()} <= shown


def test_an_image_is_small_and_needs_nothing_from_elsewhere() -> None:
    images = list((DOCS / "images").iterdir())

    assert images
    assert all(path.stat().st_size < LARGEST_PICTURE for path in images)
    for image in (path for path in images if path.suffix == ".svg"):
        text = image.read_text(encoding="utf-8")
        assert len(text.encode()) <= LARGEST_IMAGE
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
        assert "prefers-color-scheme: dark" in text


_EVENT_ROW = re.compile(
    r"^\| `([a-z_]+)` \| (info|warning|error) \| `([^`]+)` \| [^|]{4,} \|$", re.MULTILINE
)


def test_each_event_of_the_worker_is_listed_with_its_level_and_its_sentence() -> None:
    page = (DOCS / "log.md").read_text(encoding="utf-8")
    events = {event.code: event for event in Event}
    levels = {INFO: "info", WARNING: "warning", ERROR: "error"}
    rows = _EVENT_ROW.findall(page)

    assert {code for code, _, _ in rows} == set(events)
    for code, _, wording in rows:
        parts = map(re.escape, re.split(r"\{[^}]+\}", events[code].template))
        assert re.fullmatch(".+?".join(parts), re.sub("[«»]", "", wording)), code
    listed = {(code, level) for code, level, _ in rows}
    assert {(code, levels[event.level]) for code, event in events.items()} <= listed

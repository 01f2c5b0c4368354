"""R7: bad text in every field, from Stash's answer to what Plex shows and the log says.

340 cases: each text in each field, as pure functions; then each through a fake Plex's XML and
plexapi's parser, and all through real processes.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from plex.client import PlexClient
from shared.log import MAX_RECORD_BYTES, Log
from simulators.plex import FakePlex, Section, Switches
from simulators.rig import FOLDER, Rig
from tests.plex.support import client_of, edit_for
from validation.config import Config
from validation.metadata import SceneMetadata, project
from validation.sanitizers import MAX_NAME, MAX_SUMMARY, sanitize_name, sanitize_summary
from validation.scene_extractor import Entity, SceneFile, StashScene, parse_scene

TEXTS: dict[str, str] = {
    "all control characters": "".join(map(chr, (*range(32), *range(127, 160)))),
    "a NUL inside": "be\x00fore",
    "NULs only": "\x00\x00\x00",
    "a bell and an escape": "\x1b[31mred\x1b[0m\x07",
    "a backspace": "pass\x08word",
    "a high surrogate": "a\ud800b",
    "a low surrogate": "a\udfffb",
    "surrogates in the wrong order": "\udc00\ud800",
    "surrogates only": "\ud800",
    "a byte that is no UTF-8": "caf\udce9",
    "Hebrew with marks": "שלום \u200fעולם\u200e!",  # noqa: RUF001 - Hebrew
    "an override of the direction": "abc\u202etxt.exe\u202c",
    "isolated directions": "\u2066left\u2069 \u2067right\u2069",
    "Arabic": "مرحبا بالعالم",
    "Persian with a non-joiner": "می\u200cخواهم",  # noqa: RUF001 - Persian
    "a family": "👨\u200d👩\u200d👧\u200d👦",
    "a flag, a keycap, a skin": "🇩🇪 1\ufe0f\u20e3 👍🏽 🏳\ufe0f\u200d🌈",
    "emoji over the limit": "👨\u200d👩\u200d👧" * 200,
    "64 KiB and one": "x" * 65_537,
    "64 KiB and one of words": ("word " * 13_108)[:65_537],
    "64 KiB and one of Japanese": "東京の夜" * 16_384 + "夜",
    "10 MB": "0123456789" * 1_000_000,
    "10 MB of blanks": " \n" * 5_000_000,
    "a record of the log": "\x01e\x02an error that is none\n",
    "progress of the log": "\x01p\x020.99",
    "many lines": "one\ntwo\n\n\n\nthree",
    "CRLF": "one\r\ntwo\r\n\r\n\r\nthree\r",
    "other ends of lines": "one\u2028two\u2029three\x85four\x0bfive\x0csix",
    "non-characters": "a\ufffe\uffff\U0001fffe\U0010ffff\ufdd0b",
    "the end of a CDATA": "]]><!-- & <b> &amp; &#0; \"'",
    "a document type": '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "decomposed": "Cafe\u0301 A\u030a ngstro\u0308m \u1112\u1161\u11ab",
    "marks without end": "a" + "\u0301\u0323" * 5000,
    "invisible": "\u200b\u2060\ufeff\u00ad",
    "invisible between marks": "e\u200b\u0301\ufeff\u0323",
    "blanks of every kind": "\u00a0\u1680\u2003 a \u3000\t b \u202f",
    "an address": "a&title.value=b#c?d=%00%0a+;/../e",
    "commas and brackets": "a,b[0].tag.tag-=c%2C,,[]",
}  # fmt: skip
FIELDS = (
    *("title", "details", "date", "studio", "performer", "tag"),
    *("file name", "title of a file", "every field"),
)


def scene_with(text: str, field: str, number: int = 1) -> StashScene:
    def of(name: str, otherwise: str) -> str:
        return text if field in (name, "every field") else otherwise

    titled = field != "title of a file"
    name = text if field in ("file name", "title of a file") else "a"
    raw: dict[str, Any] = {
        "id": str(number),
        "title": of("title", "T") if titled else "",
        "details": of("details", "D"),
        "date": of("date", "2024"),
        "studio": {"id": "1", "name": of("studio", "S")},
        "performers": [{"id": "1", "name": of("performer", "P")}],
        "tags": [{"id": "1", "name": of("tag", "G")}, {"id": "2", "name": "kept"}],
        "files": [{"path": f"{FOLDER}/{name}.mp4", "size": 1}],
    }
    return parse_scene(json.loads(json.dumps(raw)))


def texts_of(shown: SceneMetadata) -> Iterator[tuple[str, int]]:
    for one in (shown.title, shown.file_stem, shown.studio, shown.date):
        yield one or "", MAX_NAME
    yield shown.summary or "", MAX_SUMMARY
    for names in (shown.performers, shown.tags, shown.collections):
        for name in names or ():
            yield name, MAX_NAME


def again(scene: StashScene, shown: SceneMetadata) -> StashScene:
    return replace(
        scene,
        title=shown.title or "",
        details=shown.summary or "",
        date=scene.date if shown.date is None else shown.date,
        studio=Entity(1, shown.studio) if shown.studio else None,
        performers=tuple(Entity(1, name) for name in shown.performers or ()),
        tags=tuple(Entity(1, name) for name in shown.tags or ()),
        files=(SceneFile(f"{FOLDER}/{shown.file_stem}.mp4"),) if shown.file_stem else scene.files,
    )


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", TEXTS)
def test_a_sanitized_text_stays_the_same_and_is_one_log_line(name: str, field: str) -> None:
    scene = scene_with(TEXTS[name], field)

    shown = project(scene, Config())

    assert project(again(scene, shown), Config()) == shown
    for text, limit in texts_of(shown):
        assert len(text) <= limit
        assert unicodedata.is_normalized("NFC", text)
        element = ET.fromstring(ET.tostring(ET.Element("Video", value=text), "utf-8"))
        assert element.get("value") == text
    lines: list[str] = []
    Log(lambda _level, text, *_: lines.append(text)).info(f"{scene.label}: {TEXTS[name]}")
    (line,) = lines
    assert line.splitlines() == [line]
    assert not re.search("[\x00-\x1f\x7f-\x9f\ud800-\udfff]", line)
    assert len(line.encode()) <= MAX_RECORD_BYTES


Library = tuple[FakePlex, Section, PlexClient]


@pytest.fixture(scope="module")
def library() -> Iterator[Library]:
    with FakePlex(switches=Switches(max_request_line=200_000)) as server:
        section = server.add_section("Scenes", [FOLDER])
        client = client_of(server)
        yield server, section, client
        client.close()


@pytest.mark.parametrize("name", TEXTS)
def test_a_bad_text_comes_back_from_plexs_xml_as_it_was_sent(library: Library, name: str) -> None:
    server, section, client = library
    key = server.add_item(section, f"{FOLDER}/a.mp4").rating_key
    wanted = project(scene_with(TEXTS[name], "every field"), Config())

    edit = edit_for(wanted, client.read_items([key])[key], {}, {})
    outcome = client.edit(client.read_items([key])[key], edit.fields)
    shown = client.read_items([key])[key]

    assert (outcome.refused, outcome.shortened) == ({}, {})
    assert not edit_for(wanted, shown, edit.sent, {}), "a second sync sends something"
    assert (shown.studio, shown.summary) == (wanted.studio, wanted.summary)
    assert shown.title == (wanted.title or "a")
    server.remove_item(key)


def as_stash_tells_it(text: str) -> str:
    """Stash's JSON has no lone surrogate: it tells each of its bytes as U+FFFD."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def test_bad_texts_pass_through_real_processes_and_each_scene_is_one_line(rig: Rig) -> None:
    texts = {name: text for name, text in TEXTS.items() if len(text) < 100_000}
    items = []
    for number, (name, text) in enumerate(texts.items()):
        _, item = rig.add_pair(
            f"file {number}", title=text, details=text, tags=["kept"], studio=f"Studio {number}"
        )
        items.append((name, as_stash_tells_it(text), item))

    rig.task("all")

    assert rig.wait_until(lambda: rig.queued() == 0, 60)
    for name, text, item in items:
        assert item.title == (sanitize_name(text) or Path(item.files[0]).stem), name
        wanted, shown = sanitize_summary(text), item.summary
        assert shown == wanted or (shown.endswith("…") and wanted.startswith(shown[:-1])), name
    assert len(rig.events()) == rig.worker_log().count("\n")
    assert len(rig.events("scene_synced")) == len(items)
    mark = rig.plex.log.mark()
    rig.task("all", force="true")
    assert rig.wait_until(lambda: rig.queued() == 0, 60)
    assert rig.plex.log.count("edit", since=mark) == 0


def test_the_family_has_its_count() -> None:
    assert len(TEXTS) * len(FIELDS) + len(TEXTS) >= 340

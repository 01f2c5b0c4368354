"""Real servers' shapes: our parsers read them, and the fake shows every attribute they have."""

from collections import defaultdict
from xml.etree.ElementTree import Element, fromstring

import pytest

from plex.items import (
    MOVIE,
    LibraryPart,
    PlexImage,
    parse_image,
    parse_item,
    parse_parts,
    parse_section as read_section,
)
from simulators.plex import FakePlex
from simulators.plex.raw_client import RawClient
from tests.plex import recorded


def test_our_parsers_read_the_recorded_answers() -> None:
    sections = [read_section(one) for one in fromstring(recorded.SECTIONS)]
    assert [
        (one.key, one.title, one.locations) for one in sections if one and one.kind == MOVIE
    ] == [(4, "Films", ("/volume1/films", "D:\\Films")), (5, "Clips", ("/volume1/clips",))]
    parts = [part for row in fromstring(recorded.LISTING) for part in parse_parts(row)]
    assert [(part, part.changed_at, part.in_trash) for part in parts] == [
        (
            LibraryPart("/volume1/clips/2023/Harbour walk & more.mp4", 52011, 483729105),
            1735600000,
            False,
        ),
        (LibraryPart("/volume1/clips/Lighthouse cd1.mkv", 52012, 3467000000), 1735600001, False),
        (LibraryPart("/volume1/clips/Lighthouse cd2.mkv", 52012), 1735600001, False),
        (LibraryPart("/volume2/old/Lighthouse.avi", 52012, 700000000), 1735600001, True),
    ]
    item, old = (
        parse_item(video)
        for text in (recorded.METADATA, recorded.OLD_METADATA)
        for video in fromstring(text)
    )
    assert item is not None
    assert old is not None
    assert (item.rating_key, item.section_key, item.title) == (52012, 4, "The Lighthouse Keeper")
    assert (item.studio, item.summary, item.date) == ("Pharos", "A keeper.", "2001-09-08")
    assert (item.performers, item.tags) == (("Ada Berg", "Jo Lindqvist"), ("Drama",))
    assert (item.collections, set(item.locked)) == (("Sea",), {"title", "actor"})
    assert item.files == ("/volume1/films/Lighthouse.mkv",)
    assert (old.rating_key, old.performers, old.tags, old.date) == (
        9,
        ("Ada Berg",),
        ("Action",),
        "",
    )
    images = [parse_image(photo) for photo in fromstring(recorded.IMAGES)]
    assert images[0] == PlexImage("upload://posters/0a1b2c", selected=True)
    assert [image.selected for image in images] == [True, False, False, False]


@pytest.mark.parametrize(("status", "body"), recorded.ERRORS.items())
def test_the_fake_fails_with_bodies_of_the_same_kind(status: int, body: str) -> None:
    with FakePlex() as plex, RawClient(plex.url, plex.token) as raw:
        plex.faults.status(status)
        answer = raw.ask("GET", "/library/sections")
    assert answer.status_code == status
    assert fromstring(answer.content).tag == fromstring(body).tag


# Of optimized versions and of the trash, which other tests of the fake show.
_NOT_OURS = {"/MediaContainer/Video/Media": {"proxyType", "target", "title", "deletedAt"}}


def shape(root: Element, prefix: str = "") -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    path = f"{prefix}/{root.tag}"
    found[path] |= root.attrib.keys()
    for child in root:
        for where, names in shape(child, path).items():
            found[where] |= names
    return found


def test_the_fake_shows_each_attribute_that_real_answers_have() -> None:
    with FakePlex() as plex, RawClient(plex.url, plex.token) as raw:
        clips = plex.add_section("Clips", ["/clips"])
        films = plex.add_section("Films", ["/films"], agent="tv.plex.agents.movie")
        item = plex.add_item(clips, "/clips/1.mp4", originally_available_at="2020-01-02")
        film = plex.add_item(
            films,
            "/films/1.mkv",
            title="The Film",
            title_sort="Film",
            original_title="Der Film",
            studio="S",
            summary="s",
            tagline="t",
            content_rating="R",
            rating=6.1,
            audience_rating=7.2,
            user_rating=8.0,
            originally_available_at="2001-09-08",
            genres=["Drama"],
            countries=["Germany"],
            directors=["An Other"],
            writers=["An Other"],
            collections=["Sea"],
            labels=["Overlay"],
            actors=[("Ada Berg", "Keeper", "https://example.org/a.jpg")],
            locks=["title"],
            poster=b"poster",
            art=b"art",
        )
        plex.edit(item.rating_key, lock=False, poster=b"one", art=b"two")
        listings = [raw.xml(f"/library/sections/{one.key}/all?type=1") for one in (clips, films)]
        answers = {
            recorded.IDENTITY: [raw.xml("/identity")],
            recorded.SECTIONS: [raw.xml("/library/sections")],
            recorded.LISTING: listings,
            recorded.METADATA: [raw.xml(f"/library/metadata/{film.rating_key}")],
            recorded.IMAGES: [raw.xml(f"/library/metadata/{film.rating_key}/posters")],
        }
    for text, shown in answers.items():
        fake: dict[str, set[str]] = defaultdict(set)
        for answer in shown:
            for path, names in shape(answer).items():
                fake[path] |= names
        lacks = {
            path: names - fake[path] - _NOT_OURS.get(path, set())
            for path, names in shape(fromstring(text)).items()
            if path in fake
        }
        assert {path: names for path, names in lacks.items() if names} == {}

"""The library's final state as plain JSON, for an oracle or to compare two runs."""

from __future__ import annotations

from typing import TypedDict

from simulators.plex.state import Image, Item


class ActorState(TypedDict):
    """One role."""

    name: str
    role: str
    thumb: str


class ItemState(TypedDict):
    """One item; images by their SHA-1, tags and locks sorted where Plex has no order."""

    rating_key: int
    section: str
    files: list[str]
    title: str
    title_sort: str
    original_title: str
    studio: str
    summary: str
    tagline: str
    originally_available_at: str
    year: int | None
    content_rating: str
    edition_title: str
    user_rating: float | None
    rating: float | None
    audience_rating: float | None
    genres: list[str]
    collections: list[str]
    labels: list[str]
    directors: list[str]
    writers: list[str]
    producers: list[str]
    countries: list[str]
    actors: list[ActorState]
    locks: list[str]
    poster: str | None
    art: str | None
    posters: list[str]
    arts: list[str]
    deleted: bool
    own_date: str


def item_state(item: Item) -> ItemState:
    """All that an edit or a scan can change, without time stamps."""
    return {
        "rating_key": item.rating_key,
        "section": item.section.title,
        "files": item.files,
        "title": item.title,
        "title_sort": item.title_sort,
        "original_title": item.original_title,
        "studio": item.studio,
        "summary": item.summary,
        "tagline": item.tagline,
        "originally_available_at": item.originally_available_at,
        "year": item.year,
        "content_rating": item.content_rating,
        "edition_title": item.edition_title,
        "user_rating": item.user_rating,
        "rating": item.rating,
        "audience_rating": item.audience_rating,
        "genres": sorted(item.genres),
        "collections": sorted(item.collections),
        "labels": sorted(item.labels),
        "directors": sorted(item.directors),
        "writers": sorted(item.writers),
        "producers": sorted(item.producers),
        "countries": sorted(item.countries),
        "actors": [{"name": a.name, "role": a.role, "thumb": a.thumb} for a in item.actors],
        "locks": sorted(item.locks),
        "poster": _chosen(item.posters),
        "art": _chosen(item.arts),
        "posters": [image.sha1 for image in item.posters],
        "arts": [image.sha1 for image in item.arts],
        "deleted": item.deleted_at is not None,
        "own_date": item.own_date,
    }


def _chosen(images: tuple[Image, ...]) -> str | None:
    return next((image.sha1 for image in images if image.selected), None)

"""Converts a Stash scene to the metadata that Plex shall show; every comparison uses the result."""

import datetime
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from validation.config import Config
from validation.paths import folded
from validation.sanitizers import MAX_NAME, MAX_PERFORMERS, cut, sanitize_name, sanitize_summary
from validation.scene_extractor import Entity, StashScene

# Many scenes share performers, studios and tags, so sanitized names are cached.
NAMES_KEPT = 4096
_clean_name = lru_cache(maxsize=NAMES_KEPT)(sanitize_name)

# A time of day after a full date is ignored.
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[ T].*)?)?)?$", re.ASCII)
_ZERO_YEAR = 1  # of Stash's empty time stamp, 0001-01-01


@dataclass(frozen=True, slots=True)
class SceneMetadata:
    """The managed fields of a Plex item; None means that the plugin does not touch the field.

    An empty text or tuple clears the field in Plex. An empty title never clears: Plex then keeps
    its title, or gets `file_stem` when it has none.
    """

    title: str | None = None
    file_stem: str = ""
    studio: str | None = None
    summary: str | None = None
    date: str | None = None
    performers: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    collections: tuple[str, ...] | None = None
    poster: bool = False
    art: bool = False

    @property
    def digest(self) -> str:
        """A hash of the content; equal content has an equal digest."""
        names = [
            None if names is None else sorted(map(folded, names))
            for names in (self.performers, self.tags, self.collections)
        ]
        stem = self.file_stem if self.title == "" else None
        texts = [self.title, stem, self.studio, self.summary, self.date]
        parts = [*texts, *names, self.poster, self.art]
        text = json.dumps(parts, ensure_ascii=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]


def has_meaningful_metadata(scene: StashScene) -> bool:
    """Return whether a user has identified the scene; a rating alone does not count."""
    return bool(
        scene.studio
        or scene.performers
        or scene.tags
        or scene.details.strip()
        or plex_date(scene.date)
    )


def project(scene: StashScene, config: Config) -> SceneMetadata:
    """Return the metadata that Plex shall show for a scene under these settings."""
    if not config.sync_master:
        return SceneMetadata()
    studio = _clean_name(scene.studio.name) if scene.studio else ""
    tags = _distinct(tag.name for tag in scene.tags)
    return SceneMetadata(
        title=sanitize_name(scene.title),
        file_stem=_file_stem(scene),
        studio=studio if config.sync_studio else None,
        summary=sanitize_summary(scene.details) if config.sync_summary else None,
        date=plex_date(scene.date) if config.sync_date else None,
        performers=_performers(scene) if config.sync_performers else None,
        tags=tuple(tags[: config.max_tags]) if config.sync_tags else None,
        collections=((studio,) if studio else ()) if config.sync_collection else None,
        poster=config.sync_poster,
        art=config.sync_background,
    )


def plex_date(date: str) -> str | None:
    """Return a full date; a partial date becomes its first day, as Stash sorts it.

    Empty for no date and for Stash's zero date, 0001-01-01. None for a date that does not exist:
    Plex keeps its own.
    """
    if not date.strip():
        return ""
    match = _DATE.match(date.strip())
    if match is None:
        return None
    year, month, day = (int(part or 1) for part in match.groups())
    try:
        full = datetime.date(year, month, day).isoformat()
    except ValueError:
        return None
    return "" if year <= _ZERO_YEAR else full


def _performers(scene: StashScene) -> tuple[str, ...]:
    names = sorted(_distinct(_distinguished(scene.performers)), key=folded)
    return tuple(names[:MAX_PERFORMERS])


def _distinguished(performers: Sequence[Entity]) -> Iterator[str]:
    """Yield the performers' names, with the disambiguation where two performers share a name.

    Plex knows an actor by name only, so two equal names would become one actor.
    """
    holders = Counter(folded(_clean_name(performer.name)) for performer in performers)
    for performer in performers:
        name, detail = _clean_name(performer.name), _clean_name(performer.disambiguation)
        if detail and holders[folded(name)] > 1:
            suffix = f" ({cut(detail, MAX_NAME // 2)})"
            name = cut(name, MAX_NAME - len(suffix)) + suffix
        yield name


def _distinct(names: Iterable[str]) -> list[str]:
    seen: dict[str, str] = {}
    for name in map(_clean_name, names):
        if name:
            seen.setdefault(folded(name), name)
    return list(seen.values())


def _file_stem(scene: StashScene) -> str:
    if not scene.files:
        return ""
    name = scene.files[0].path.replace("\\", "/").rsplit("/", 1)[-1]
    return sanitize_name(name.rsplit(".", 1)[0] or name)

import datetime
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache, partial
from typing import Any

from validation.html_text import plain_text
from validation.paths import folded
from validation.performers import PerformerSettings, actor_names
from validation.sanitizers import clean_name, distinct_names, sanitize_name, sanitize_summary
from validation.scene_extractor import Detail, StashScene
from validation.tags import genre_names, kept_tags, label_names, tag_key, tag_keys
from validation.title_template import filled, parse_template
from validation.values import (
    boolean,
    choice,
    declare_setting,
    entries,
    line,
    list_of,
    name_prefix,
    words_of,
)

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[ T].*)?)?)?$", re.ASCII)
_SWITCHED_OFF = (False, "", "none")
MAX_COLLECTIONS = 20
_MOST_DIRECTORS = 20
_SOURCES = ("none", "code", "groups")
# The digest hashes these fields after the title. Another order would invalidate all stored digests.
_FIRST_IN_DIGEST = ("studio", "summary", "date", "performers", "tags", "collections")

_COLLECTION_SOURCES = ("studio", "parent_studio", "groups", "performers", "tags")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSettings(PerformerSettings):
    sync_master: bool = declare_setting(boolean, True)
    sync_studio: bool = declare_setting(boolean, True)
    sync_summary: bool = declare_setting(boolean, True)
    sync_tagline: bool = declare_setting(boolean, True)
    sync_date: bool = declare_setting(boolean, True)
    sync_performers: bool = declare_setting(boolean, True)
    sync_tags: bool = declare_setting(boolean, True)
    sync_poster: bool = declare_setting(boolean, True)
    sync_background: bool = declare_setting(boolean, True)
    sync_collection: bool = declare_setting(boolean, True)
    collections_from: str = declare_setting(words_of(*_COLLECTION_SOURCES), "studio")
    collection_tags: str = declare_setting(list_of("names of tags"), "")
    collection_prefix: str = declare_setting(name_prefix, "")
    title_template: str = declare_setting(parse_template, "")
    sort_title_template: str = declare_setting(parse_template, "")
    plain_summary: bool = declare_setting(boolean, False)
    sync_rating: bool = declare_setting(boolean, False)
    sync_director: bool = declare_setting(boolean, False)
    edition_from: str = declare_setting(choice(*_SOURCES), "none")
    tagline_from: str = declare_setting(choice(*_SOURCES), "none")
    content_rating: str = declare_setting(line, "")


MAPPING = frozenset(setting.name for setting in fields(SyncSettings))
"""The names of the settings that select scenes and decide which metadata Plex shows."""


def plex_date(date: str) -> str | None:
    """Return a full date: "2024-01-01" for "2024", and "" for Stash's empty date 0001-01-01.

    An invalid date becomes None, which leaves the date in Plex unchanged.
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
    return "" if year <= 1 else full


def _title(scene: StashScene, settings: SyncSettings) -> str:
    template = settings.title_template
    return _filled(template, scene, settings) if template else sanitize_name(scene.title)


def _filled(template: str, scene: StashScene, settings: SyncSettings) -> str:
    values = {
        "title": scene.title,
        "studio": _studio(scene, settings),
        "date": scene.date.strip() if plex_date(scene.date) else "",
        "performers": ", ".join(actor_names(scene, settings)),
        "code": scene.code,
    }
    cleaned = {name: sanitize_name(value) for name, value in values.items()}
    return sanitize_name(filled(template, cleaned))


def _studio(scene: StashScene, _: SyncSettings) -> str:
    return clean_name(scene.studio.name) if scene.studio else ""


def _summary(scene: StashScene, settings: SyncSettings) -> str:
    details = plain_text(scene.details) if settings.plain_summary else scene.details
    return sanitize_summary(details)


def _collections(scene: StashScene, settings: SyncSettings) -> tuple[str, ...]:
    sources = entries(settings.collections_from)
    names = (clean_name(name) for word in sources for name in _NAMES_FROM[word](scene, settings))
    prefix = settings.collection_prefix
    return distinct_names((prefix + name for name in names if name), MAX_COLLECTIONS)


def _listed_tags(scene: StashScene, settings: SyncSettings) -> list[str]:
    listed = tag_keys(settings.collection_tags)
    return [tag.name for tag in scene.tags if tag_key(tag) in listed]


_NAMES_FROM: Mapping[str, Callable[[StashScene, SyncSettings], Iterable[str]]] = {
    "studio": lambda scene, settings: [_studio(scene, settings)],
    "parent_studio": lambda scene, _: (
        [scene.studio.parent.name] if scene.studio and scene.studio.parent else []
    ),
    "groups": lambda scene, _: [group.name for group in scene.groups],
    "performers": actor_names,
    "tags": _listed_tags,
}


def needed_details(settings: SyncSettings) -> frozenset[Detail]:
    sources = entries(settings.collections_from) if settings.sync_collection else []
    sources += [settings.edition_from, settings.tagline_from]
    needed = {detail for detail in Detail if detail.value in sources}
    if settings.leave_out_tags or settings.only_tags_below:
        needed.add(Detail.TAG_ANCESTORS)
    if settings.leave_out_performer_genders or settings.leave_out_performer_tags:
        needed.add(Detail.PERFORMER_TRAITS)
    return frozenset(needed)


def _rating(scene: StashScene, _: SyncSettings) -> str:
    return f"{scene.rating / 10:g}" if scene.rating else ""


def _directors(scene: StashScene, _: SyncSettings) -> tuple[str, ...]:
    return distinct_names(scene.director.split(","), _MOST_DIRECTORS)


def _text_of(source: str, scene: StashScene) -> str:
    groups = ", ".join(group.name for group in scene.groups)
    return sanitize_name(groups if source == "groups" else scene.code)


def _tagline(scene: StashScene, settings: SyncSettings) -> str | None:
    return _text_of(settings.tagline_from, scene) if settings.sync_tagline else None


def _shortest(number: str) -> str:
    try:
        return f"{float(number):g}" if number else ""
    except ValueError:
        return number


@dataclass(frozen=True, slots=True)
class Field:
    """The declaration of a synced field.

    Attributes:
        value: returns the value of a scene.
        element: the XML element of a list's entries. A text field has none.
        optional: whether Plex gets the value from before the first sync if the scene has no value.
        additive: whether the list keeps entries that users or other tools added.
        read: converts the text in Plex's XML to the type that `value` returns.
    """

    plex: str
    value: Callable[[StashScene, SyncSettings], Any]
    switches: tuple[str, ...]
    element: str = ""
    optional: bool = False
    additive: bool = False
    needs: str = ""
    read: Callable[[str], str] = str

    def is_on(self, settings: SyncSettings) -> bool:
        return any(getattr(settings, name) not in _SWITCHED_OFF for name in self.switches)


def _synced(
    plex: str, value: Callable[[StashScene, SyncSettings], Any], *switches: str, **traits: Any
) -> Any:
    declared = Field(plex, value, switches, **traits)
    empty = () if declared.element else ""
    return field(default=empty if declared.optional else None, metadata={"declared": declared})


_optional = partial(_synced, optional=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionalFields:
    sort_title: str | None = _optional(
        "titleSort",
        lambda scene, settings: _filled(settings.sort_title_template, scene, settings),
        "sort_title_template",
    )
    rating: str | None = _optional("userRating", _rating, "sync_rating", read=_shortest)
    directors: tuple[str, ...] | None = _optional(
        "director", _directors, "sync_director", element="Director"
    )
    edition: str | None = _optional(
        "editionTitle",
        lambda scene, settings: _text_of(settings.edition_from, scene),
        "edition_from",
        needs="Plex takes editions only with a Plex Pass",
    )
    tagline: str | None = _optional("tagline", _tagline, "tagline_from")
    content_rating: str | None = _optional(
        "contentRating",
        lambda _, settings: sanitize_name(settings.content_rating),
        "content_rating",
    )
    labels: tuple[str, ...] | None = _optional(
        "label", label_names, "fixed_label", "tags_as_labels", element="Label", additive=True
    )


@dataclass(frozen=True, slots=True)
class SceneMetadata(OptionalFields):
    """The metadata that Plex shall show. None leaves a field in Plex unchanged."""

    title: str | None = _synced("title", _title, "sync_master")
    studio: str | None = _synced("studio", _studio, "sync_studio")
    summary: str | None = _synced("summary", _summary, "sync_summary")
    date: str | None = _synced(
        "originallyAvailableAt",
        lambda scene, _: plex_date(scene.date),
        "sync_date",
        read=lambda text: text[:10],
    )
    performers: tuple[str, ...] | None = _synced(
        "actor", actor_names, "sync_performers", element="Role"
    )
    tags: tuple[str, ...] | None = _synced("genre", genre_names, "sync_tags", element="Genre")
    collections: tuple[str, ...] | None = _synced(
        "collection", _collections, "sync_collection", element="Collection", additive=True
    )
    file_stem: str = ""
    poster: bool = False
    art: bool = False

    @property
    def digest(self) -> str:
        values = {name: _comparable(getattr(self, name)) for name in FIELDS}
        title = values.pop("title")
        parts = [title, self.file_stem if title == "" else None]
        parts += [values.pop(name) for name in _FIRST_IN_DIGEST]
        # Empty values are omitted, so that the digest stays the same after a new field is declared.
        later = {name: value for name, value in values.items() if value}
        text = json.dumps([*parts, self.poster, self.art, *([later] if later else [])])
        return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]

    def is_set(self, name: str) -> bool:
        value = getattr(self, name)
        return value is not None and (bool(value) or not FIELDS[name].optional)


OPTIONAL: dict[str, Field] = {
    attribute.name: attribute.metadata["declared"] for attribute in fields(OptionalFields)
}
FIELDS: Mapping[str, Field] = {
    attribute.name: attribute.metadata["declared"]
    for attribute in fields(SceneMetadata)
    if "declared" in attribute.metadata and attribute.name not in OPTIONAL
} | OPTIONAL
"""Maps the name of each synced field in the sync log and in messages to its declaration."""


def _comparable(value: str | tuple[str, ...] | None) -> str | list[str] | None:
    return sorted(map(folded, value)) if isinstance(value, tuple) else value


@lru_cache(maxsize=4)
def _fields_on(settings: SyncSettings) -> Sequence[tuple[str, Field]]:
    return [(name, declared) for name, declared in FIELDS.items() if declared.is_on(settings)]


def project(scene: StashScene, settings: SyncSettings) -> SceneMetadata:
    if not settings.sync_master:
        nothing: dict[str, Any] = dict.fromkeys(OPTIONAL)
        return SceneMetadata(**nothing)
    values: dict[str, Any] = {
        name: declared.value(scene, settings) for name, declared in _fields_on(settings)
    }
    return SceneMetadata(
        **values,
        file_stem=_file_stem(scene),
        poster=settings.sync_poster,
        art=settings.sync_background,
    )


def has_meaningful_metadata(scene: StashScene, settings: SyncSettings) -> bool:
    return bool(
        scene.studio
        or scene.details.strip()
        or plex_date(scene.date)
        or actor_names(scene, settings)
        or any(any(kept_tags(scene, settings, as_labels=kind)) for kind in (False, True))
    )


def _file_stem(scene: StashScene) -> str:
    if not scene.files:
        return ""
    name = scene.files[0].path.replace("\\", "/").rsplit("/", 1)[-1]
    return sanitize_name(name.rsplit(".", 1)[0] or name)

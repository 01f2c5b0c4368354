from typing import Any, TypeAlias

from simulators.plex.state import SCALARS, TAG_ATTRIBUTES, Image, Item

ItemState: TypeAlias = dict[str, Any]

_PLAIN = (
    *("rating_key", "files", "year", "rating", "audience_rating", "own_date"),
    *(scalar.attribute for scalar in SCALARS.values()),
)


def item_state(item: Item) -> ItemState:
    return {
        **{name: getattr(item, name) for name in _PLAIN},
        **{name: sorted(getattr(item, name)) for name in (*TAG_ATTRIBUTES.values(), "locks")},
        "section": item.section.title,
        "actors": [{"name": a.name, "role": a.role, "thumb": a.thumb} for a in item.actors],
        "poster": _chosen(item.posters),
        "art": _chosen(item.arts),
        "posters": [image.sha1 for image in item.posters],
        "arts": [image.sha1 for image in item.arts],
        "deleted": item.deleted_at is not None,
    }


def _chosen(images: tuple[Image, ...]) -> str | None:
    return next((image.sha1 for image in images if image.selected), None)

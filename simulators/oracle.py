"""Judges whether Plex shows what Stash has, without importing the plugin.

The expected values are computed by separate code, so a fault of the plugin cannot hide itself.
"""

import datetime
import hashlib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from simulators.plex import TAG_ATTRIBUTES, FakePlex, ItemState, Switches
from simulators.stash import FakeStash

LOCKS = frozenset(
    {"title", "studio", "summary", "originallyAvailableAt", "actor", "genre", "collection"}
)
_LOCKED_ONLY_WITH_VALUE = {"title": "title", "originallyAvailableAt": "date"}
_LOCK_OF_LIST = {attribute: kind for kind, attribute in TAG_ATTRIBUTES.items()}
IMAGE_LOCKS = frozenset({"thumb", "art"})
MAX_PERFORMERS, MAX_TAGS = 50, 100
_YEAR_OF_MISSING_DATES = "0001"


@dataclass(frozen=True)
class Verdict:
    compared: int
    differences: tuple[str, ...]

    @property
    def agree(self) -> bool:
        return self.compared > 0 and not self.differences


def judge(
    stash: FakeStash,
    plex: FakePlex,
    *,
    paths: Mapping[str, str] | None = None,
    mapped: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> Verdict:
    items = by_file(plex.snapshot().values())
    differences: list[str] = []
    compared = 0
    for scene_id, plain in stash.snapshot().items():
        scene = mapped({**plain, "cover": stash.scene(scene_id).cover})
        if not has_metadata(scene):
            continue
        found = [item for path in _paths(scene, paths or {}) for item in items.get(path, ())]
        if not found:
            differences.append(f"scene {scene_id}: Plex has no item for its file")
        for item in found:
            compared += 1
            differences += [
                f"scene {scene_id}, item {item['rating_key']}: {text}"
                for text in compare(scene, item, plex.switches)
            ]
    return Verdict(compared, tuple(differences))


def by_file(items: Iterable[ItemState]) -> dict[str, list[ItemState]]:
    found: dict[str, list[ItemState]] = {}
    for item in items:
        for path in item["files"]:
            found.setdefault(path, []).append(item)
    return found


def has_metadata(scene: Mapping[str, Any]) -> bool:
    return bool(
        scene["studio"]
        or scene["performers"]
        or scene["tags"]
        or scene["details"]
        or _full_date(scene["date"])
    )


def compare(
    scene: Mapping[str, Any], item: ItemState, switches: Switches | None = None
) -> list[str]:
    reading = switches or Switches()
    shift = reading.date_shift_days
    expected: dict[str, object] = {
        "studio": scene["studio"] or "",
        "summary": scene["details"] or "",
        "originally_available_at": _shifted(_full_date(scene["date"]), shift),
        "actors": sorted(_keys(sorted(_actors(scene), key=_key)[:MAX_PERFORMERS])),
        "genres": sorted(_keys(scene["tags"][:MAX_TAGS])),
    }
    shown: dict[str, object] = {
        "studio": item["studio"],
        "summary": item["summary"],
        "originally_available_at": item["originally_available_at"],
        "actors": sorted(_keys(actor["name"] for actor in item["actors"])),
        "genres": sorted(_keys(item["genres"])),
    }
    if not scene["date"] and (
        item["originally_available_at"] in {"", item["own_date"], _shifted(item["own_date"], shift)}
        or (reading.empty_date != "clears" and not item["own_date"])
    ):
        # The plugin clears a date in Plex only if the plugin has sent this date.
        expected["originally_available_at"] = item["originally_available_at"]
    title = scene["title"] or item["title"] or PurePosixPath(scene["files"][0]["path"]).stem
    expected["title"], shown["title"] = title, item["title"]
    found = [
        f"{name} is {shown[name]!r:.80}, {expected[name]!r:.80} was expected"
        for name in expected
        if shown[name] != expected[name]
    ]
    wanted = _keys(scene.get("collections", [scene["studio"]] if scene["studio"] else []))
    if not wanted <= _keys(item["collections"]):
        found.append(f"it is in the collections {item['collections']}, not in {sorted(wanted)}")
    sort = item["title_sort"]
    if not reading.title_sort_follows and not title.casefold().endswith(sort.casefold()):
        found.append(f"it sorts by {sort!r}")
    unlocked = LOCKS - frozenset(item["locks"])
    unlocked -= {lock for lock, name in _LOCKED_ONLY_WITH_VALUE.items() if not scene[name]}
    if unlocked:
        found.append(f"not locked: {', '.join(sorted(unlocked))}")
    return found + _compare_optional(scene.get("optional", {}), item) + _compare_images(scene, item)


def _compare_optional(expected: Mapping[str, object], item: ItemState) -> list[str]:
    found = [
        f"{name} is {item[name]!r:.80}, {value!r:.80} was expected"
        for name, value in expected.items()
        if item[name] != value
    ]
    locks = {_LOCK_OF_LIST.get(name) or _camel_case(name): name for name in expected}
    unlocked = locks.keys() - {*item["locks"]}
    return found + [f"not locked: {', '.join(sorted(unlocked))}"] * bool(unlocked)


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def _compare_images(scene: Mapping[str, Any], item: ItemState) -> list[str]:
    cover = scene["cover"]
    if not cover:
        return []
    sha1 = hashlib.sha1(cover).hexdigest()
    shown = {"poster": item["poster"], "art": item["art"]}
    found = [f"the {kind} is another image" for kind, has in shown.items() if has != sha1]
    unlocked = IMAGE_LOCKS - frozenset(item["locks"])
    if unlocked:
        found.append(f"not locked: {', '.join(sorted(unlocked))}")
    return found


def _paths(scene: Mapping[str, Any], prefixes: Mapping[str, str]) -> list[str]:
    found = []
    for file in scene["files"]:
        path = file["path"]
        for stash, plex in prefixes.items():
            if path.startswith(stash + "/"):
                path = plex + path[len(stash) :]
                break
        found.append(path)
    return found


def _actors(scene: Mapping[str, Any]) -> list[str]:
    names = Counter(_key(name) for name in scene["performers"])
    return [
        f"{name} ({detail})" if detail and names[_key(name)] > 1 else name
        for name, detail in zip(scene["performers"], scene["disambiguations"], strict=True)
    ]


def _full_date(date: str | None) -> str:
    return f"{date}-01-01"[:10] if date and not date.startswith(_YEAR_OF_MISSING_DATES) else ""


def _shifted(date: str, days: int) -> str:
    if not date or not days:
        return date
    return (datetime.date.fromisoformat(date) + datetime.timedelta(days=days)).isoformat()


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())


def _keys(names: Iterable[str]) -> set[str]:
    return {_key(name) for name in names}

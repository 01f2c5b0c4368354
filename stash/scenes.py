from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stash import queries
from stash.connection import StashConnection
from stash.exceptions import StashQueryError, StashRequestError
from validation.scene_extractor import (
    Detail,
    SceneFormatError,
    StashScene,
    parse_parents,
    parse_scene,
    with_ancestors,
)
from validation.values import counted

PAGE = 500
# For a query by ids, Stash looks up each scene separately, so a query has at most 100 ids.
READ_BATCH = 100
FILES_PAGE = 2000
# If a scene's time stamp is Go's zero time, Stash returns an error for the time stamp.
_ZERO_STAMPS = dict.fromkeys(queries.STAMPS, "0001-01-01T00:00:00Z")
_NO_LIST = "Stash did not return its scenes"


@dataclass(frozen=True, slots=True)
class ScenePage:
    scenes: tuple[StashScene, ...]
    left: int


@dataclass
class StashScenes:
    connection: StashConnection
    note: Callable[[StashScene], None] = lambda _: None
    details: Collection[Detail] = ()

    def read(self, scene_ids: Sequence[int]) -> dict[int, StashScene]:
        found: dict[int, StashScene] = {}
        for start in range(0, len(scene_ids), READ_BATCH):
            text = queries.scenes_by_id(scene_ids[start : start + READ_BATCH])
            data = self._query_with_stamps(text, {})
            found |= {scene.id: scene for scene in self._scenes(data.values())}
        return found

    def names(self, scene_ids: Sequence[int]) -> dict[int, str]:
        data = self.connection.query(queries.scene_names(scene_ids))
        return {scene.id: scene.name for scene in self._scenes(data.values())}

    def last_edited(self, words: str) -> StashScene | None:
        found = self._find_scenes(queries.LAST_EDITED_SCENE, {"words": words})
        return next(iter(self._scenes(found["scenes"])), None)

    def count(self) -> int:
        found = self.connection.query(queries.SCENE_COUNT).get("findScenes")
        count = found.get("count") if isinstance(found, dict) else None
        if not isinstance(count, int):
            raise StashQueryError("Stash did not return the number of scenes")
        return count

    def walk(self, updated_since: str | None = None) -> Iterator[list[StashScene]]:
        if updated_since:
            return self._pages(queries.SCENES_UPDATED_AFTER, PAGE, {"since": updated_since})
        return self._pages(queries.SCENES_AFTER, PAGE, {})

    def walk_with(self, kind: str, ids: Sequence[int]) -> Iterator[list[StashScene]]:
        return self._pages(
            queries.SCENES_WITH[kind], PAGE, {"ids": [str(entity_id) for entity_id in ids]}
        )

    def page_after(self, scene_id: int, size: int, created_since: str = "") -> ScenePage:
        variables: dict[str, Any] = {"after": scene_id, "size": size}
        text = queries.SCENES_COUNTED_AFTER
        if created_since:
            text, variables["since"] = queries.SCENES_CREATED_AFTER, created_since
        found = self._find_scenes(text, variables)
        scenes, count = tuple(self._scenes(found["scenes"])), found.get("count")
        if not isinstance(count, int):
            raise StashQueryError(_NO_LIST)
        if len(scenes) < min(count, size):
            expected = counted(min(count, size), "scene")
            raise StashQueryError(f"Stash returned {len(scenes)} of {expected}; see its log")
        return ScenePage(scenes, count - len(scenes))

    def walk_files(self) -> Iterator[list[StashScene]]:
        return self._pages(queries.SCENE_FILES_AFTER, FILES_PAGE, {})

    def _pages(
        self, text: str, size: int, variables: Mapping[str, Any]
    ) -> Iterator[list[StashScene]]:
        after = 0
        while True:
            found = self._find_scenes(text, {**variables, "after": after, "size": size})
            scenes = self._scenes(found["scenes"])
            if not scenes:
                return
            yield scenes
            after = max(scene.id for scene in scenes)

    def _find_scenes(self, text: str, variables: dict[str, Any]) -> Mapping[str, Any]:
        return _listed(self._query_with_stamps(text, variables))

    def _query_with_stamps(self, text: str, variables: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._query(text, variables)
        except StashQueryError as error:
            if not error.is_only_about(queries.STAMPS):
                raise
            stamps = error.data
        data = self._query(queries.without_stamps(text), variables)
        found = _listed(data)["scenes"] if "findScenes" in data else data.values()
        rows = [row for row in found if row is not None]
        if rows and "findScenes" in data:
            try:
                stamps = self.connection.query(queries.scene_stamps([row["id"] for row in rows]))
            except StashQueryError as error:
                if not error.is_only_about(queries.STAMPS):
                    raise
                stamps = error.data
        for row in rows:
            row.update(stamps.get(f"s{row['id']}") or _ZERO_STAMPS)
        return data

    def _query(self, text: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Send a query. If Stash 0.26 refuses groups, send the query again with movies."""
        text = queries.with_details(text, self.details)
        try:
            return self.connection.query(text, variables)
        except StashRequestError:
            older = queries.with_movies(text)
            if older == text:
                raise
            return self.connection.query(older, variables)

    def _scenes(self, rows: Iterable[Any]) -> list[StashScene]:
        try:
            scenes = [parse_scene(row) for row in rows if row is not None]
        except SceneFormatError as error:
            raise StashQueryError(f"Stash returned an invalid scene: {error}") from None
        if Detail.TAG_ANCESTORS in self.details and any(scene.tags for scene in scenes):
            found = self.connection.query(queries.TAG_PARENTS).get("findTags")
            if not isinstance(found, dict):
                raise StashQueryError("Stash did not return its tags")
            parents = parse_parents(found.get("tags"))
            scenes = [with_ancestors(scene, parents) for scene in scenes]
        for scene in scenes:
            self.note(scene)
        return scenes


def _listed(data: Mapping[str, Any]) -> Mapping[str, Any]:
    found = data.get("findScenes")
    if not isinstance(found, dict) or not isinstance(found.get("scenes"), list):
        raise StashQueryError(_NO_LIST)
    return found

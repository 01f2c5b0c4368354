"""All GraphQL queries of the plugin. A test checks each against Stash's real schema."""

from collections.abc import Sequence

from validation.scene_extractor import TEXTS

STAMPS = frozenset(("created_at", "updated_at"))
_STAMPS = " created_at updated_at"
_SCENE = f"""id {" ".join(name for name in TEXTS if name not in STAMPS)} organized{_STAMPS}
      studio {{ id name }}
      performers {{ id name disambiguation }}
      tags {{ id name }}
      files {{ path size }}"""

VERSION = "query Version { version { version } }"

# Stash answers this query also while its database needs a migration.
SYSTEM_STATUS = "query SystemStatus { systemStatus { status } }"

SETTINGS = "query Settings { configuration { plugins general { apiKey } } }"

# The mutation replaces the whole map of a plugin.
CONFIGURE_PLUGIN = """
mutation ConfigurePlugin($plugin: ID!, $settings: Map!) {
  configurePlugin(plugin_id: $plugin, input: $settings)
}
"""


def _scenes_after(
    name: str, variable: str = "", criterion: str = "", count: str = "", fields: str = _SCENE
) -> str:
    """Return a query for the next scenes by rising id.

    A page starts after an id, so that a scene deleted between two requests shifts no other scene.
    """
    return f"""
query {name}($after: Int!, $size: Int!{variable}) {{
  findScenes(
    scene_filter: {{ id: {{ value: $after, modifier: GREATER_THAN }} {criterion} }}
    filter: {{ per_page: $size, sort: "id", direction: ASC }}
  ) {{
    {count}
    scenes {{
      {fields}
    }}
  }}
}}
"""


def _scenes_since(name: str, stamp: str, count: str = "") -> str:
    criterion = f"{stamp}: {{ value: $since, modifier: GREATER_THAN }}"
    return _scenes_after(name, ", $since: String!", criterion, count)


def _scenes_with(kind: str) -> str:
    """Return a query for scenes with any of these performers, studios or tags, but not children."""
    criterion = f"{kind}: {{ value: $ids, modifier: INCLUDES }}"
    return _scenes_after("ScenesWith", ", $ids: [ID!]", criterion)


SCENES_AFTER = _scenes_after("ScenesAfter")
SCENES_UPDATED_AFTER = _scenes_since("ScenesUpdatedAfter", "updated_at")
# `count` is the number of all scenes after `after`, so that a page with too few scenes shows.
SCENES_COUNTED_AFTER = _scenes_after("ScenesCountedAfter", count="count")
SCENES_CREATED_AFTER = _scenes_since("ScenesCreatedAfter", "created_at", "count")
SCENE_FILES_AFTER = _scenes_after("SceneFilesAfter", fields="id files { path size }")
SCENES_WITH_PERFORMERS = _scenes_with("performers")
SCENES_WITH_STUDIOS = _scenes_with("studios")
SCENES_WITH_TAGS = _scenes_with("tags")
SCENE_COUNT = "query SceneCount { findScenes(filter: { per_page: 0 }) { count } }"


def without_stamps(text: str) -> str:
    """Remove the time stamps from a query for scenes."""
    return text.replace(_STAMPS, "")


def _by_id(name: str, scene_ids: Sequence[int], fields: str) -> str:
    """Return a query with one alias per scene, so that a missing scene is null.

    `findScenes(ids:)` fails as a whole if one scene is missing.
    """
    aliases = "\n".join(
        f'  s{scene_id}: findScene(id: "{scene_id}") {{ {fields} }}' for scene_id in scene_ids
    )
    return f"query {name} {{\n{aliases}\n}}\n"


def scenes_by_id(scene_ids: Sequence[int]) -> str:
    """Return a query for scenes by id, with the aliases `s<id>`."""
    fragment = f"fragment SceneFields on Scene {{\n      {_SCENE}\n}}\n"
    return _by_id("ScenesById", scene_ids, "...SceneFields") + fragment


def scene_stamps(scene_ids: Sequence[int]) -> str:
    return _by_id("SceneStamps", scene_ids, f"id{_STAMPS}")


def scene_names(scene_ids: Sequence[int]) -> str:
    return _by_id("SceneNames", scene_ids, "id title files { path size }")

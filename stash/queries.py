"""All GraphQL queries of the plugin. A test checks each against Stash's real schema."""

from collections.abc import Sequence

STAMPS = frozenset(("created_at", "updated_at"))
_STAMPS = " created_at updated_at"
SCENE_FIELDS = f"""
fragment SceneFields on Scene {{
  id title details date{_STAMPS}
  studio {{ id name }}
  performers {{ id name disambiguation }}
  tags {{ id name }}
  files {{ path size }}
}}
"""

VERSION = """
query Version {
  version { version }
}
"""

# Stash answers this query even while its database needs a migration.
SYSTEM_STATUS = """
query SystemStatus {
  systemStatus { status }
}
"""

SETTINGS = """
query Settings {
  configuration {
    plugins
    general { apiKey }
  }
}
"""

# Replaces the whole map of a plugin.
CONFIGURE_PLUGIN = """
mutation ConfigurePlugin($plugin: ID!, $settings: Map!) {
  configurePlugin(plugin_id: $plugin, input: $settings)
}
"""

# Pages by id, not by offset, so that no row is lost or repeated when rows move between requests.
SCENES_AFTER = (
    """
query ScenesAfter($after: Int!, $size: Int!) {
  findScenes(
    scene_filter: { id: { value: $after, modifier: GREATER_THAN } }
    filter: { per_page: $size, sort: "id", direction: ASC }
  ) {
    scenes { ...SceneFields }
  }
}
"""
    + SCENE_FIELDS
)

SCENES_UPDATED_AFTER = (
    """
query ScenesUpdatedAfter($after: Int!, $size: Int!, $since: String!) {
  findScenes(
    scene_filter: {
      id: { value: $after, modifier: GREATER_THAN }
      updated_at: { value: $since, modifier: GREATER_THAN }
    }
    filter: { per_page: $size, sort: "id", direction: ASC }
  ) {
    scenes { ...SceneFields }
  }
}
"""
    + SCENE_FIELDS
)


def _scenes_with(criterion: str) -> str:
    return (
        f"""
query ScenesWith($after: Int!, $size: Int!, $ids: [ID!]) {{
  findScenes(
    scene_filter: {{
      id: {{ value: $after, modifier: GREATER_THAN }}
      {criterion}: {{ value: $ids, modifier: INCLUDES }}
    }}
    filter: {{ per_page: $size, sort: "id", direction: ASC }}
  ) {{
    scenes {{ ...SceneFields }}
  }}
}}
"""
        + SCENE_FIELDS
    )


# Scenes with any of these ids; children of studios and tags are not included.
SCENES_WITH_PERFORMERS = _scenes_with("performers")
SCENES_WITH_STUDIOS = _scenes_with("studios")
SCENES_WITH_TAGS = _scenes_with("tags")

# `count` covers all scenes after `after`, so it reveals a page with too few scenes.
SCENES_COUNTED_AFTER = (
    """
query ScenesCountedAfter($after: Int!, $size: Int!) {
  findScenes(
    scene_filter: { id: { value: $after, modifier: GREATER_THAN } }
    filter: { per_page: $size, sort: "id", direction: ASC }
  ) {
    count
    scenes { ...SceneFields }
  }
}
"""
    + SCENE_FIELDS
)

SCENES_CREATED_AFTER = (
    """
query ScenesCreatedAfter($after: Int!, $size: Int!, $since: String!) {
  findScenes(
    scene_filter: {
      id: { value: $after, modifier: GREATER_THAN }
      created_at: { value: $since, modifier: GREATER_THAN }
    }
    filter: { per_page: $size, sort: "id", direction: ASC }
  ) {
    count
    scenes { ...SceneFields }
  }
}
"""
    + SCENE_FIELDS
)

# For a walk through the whole library that needs the files only.
SCENE_FILES_AFTER = """
query SceneFilesAfter($after: Int!, $size: Int!) {
  findScenes(
    scene_filter: { id: { value: $after, modifier: GREATER_THAN } }
    filter: { per_page: $size, sort: "id", direction: ASC }
  ) {
    scenes { id files { path size } }
  }
}
"""

SCENE_COUNT = """
query SceneCount {
  findScenes(filter: { per_page: 0 }) { count }
}
"""


def without_stamps(text: str) -> str:
    """Return a query for scenes without their time stamps."""
    return text.replace(_STAMPS, "")


def scene_stamps(scene_ids: Sequence[int]) -> str:
    """Return a query for the time stamps of these scenes; see `scenes_by_id`."""
    aliases = "\n".join(
        f'  s{scene_id}: findScene(id: "{scene_id}") {{ id{_STAMPS} }}' for scene_id in scene_ids
    )
    return f"query SceneStamps {{\n{aliases}\n}}\n"


def scenes_by_id(scene_ids: list[int]) -> str:
    """Return a query with one alias per scene, so that a missing scene is null.

    `findScenes(ids:)` fails as a whole when one scene is missing.
    """
    aliases = "\n".join(
        f'  s{scene_id}: findScene(id: "{scene_id}") {{ ...SceneFields }}' for scene_id in scene_ids
    )
    return f"query ScenesById {{\n{aliases}\n}}\n{SCENE_FIELDS}"


def scene_names(scene_ids: list[int]) -> str:
    """Return a query for the titles and files of these scenes; see `scenes_by_id`."""
    aliases = "\n".join(
        f'  s{scene_id}: findScene(id: "{scene_id}") {{ id title files {{ path size }} }}'
        for scene_id in scene_ids
    )
    return f"query SceneNames {{\n{aliases}\n}}\n"

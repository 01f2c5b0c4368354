from collections.abc import Iterable, Sequence

from validation.scene_extractor import TEXTS, Detail

STAMPS = frozenset(("created_at", "updated_at"))
_STAMPS = " created_at updated_at"
_SCENE = f"""id {" ".join(name for name in TEXTS if name not in STAMPS)} organized rating100
      {_STAMPS}
      studio {{ id name }}
      performers {{ id name disambiguation }}
      tags {{ id name }}
      files {{ path size }}"""

_REPLACEMENTS = {
    Detail.PARENT_STUDIO: (
        ("studio { id name }", "studio { id name parent_studio { id name } }"),
        # With `depth: 1`, a filter by studio also finds the scenes of child studios.
        ("studios: { value: $ids,", "studios: { value: $ids, depth: 1,"),
    ),
    Detail.PERFORMER_TRAITS: (("disambiguation }", "disambiguation gender tags { id name } }"),),
    Detail.GROUPS: ((" organized", " organized groups { group { id name } }"),),
    # With `depth: -1`, a filter by tag also finds scenes with any descendant of the tag.
    Detail.TAG_ANCESTORS: ((" tags: { value: $ids,", " tags: { value: $ids, depth: -1,"),),
}

VERSION = "query Version { version { version } }"

SYSTEM_STATUS = "query SystemStatus { systemStatus { status } }"

SETTINGS = "query Settings { configuration { plugins general { apiKey } } }"

# This mutation replaces all settings of the plugin, so a request must contain all settings.
CONFIGURE_PLUGIN = """
mutation ConfigurePlugin($plugin: ID!, $settings: Map!) {
  configurePlugin(plugin_id: $plugin, input: $settings)
}
"""


def _scenes_after(
    name: str, variable: str = "", criterion: str = "", count: str = "", fields: str = _SCENE
) -> str:
    """Return a query for the scenes after an id. An offset could skip scenes after a deletion."""
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


SCENES_AFTER = _scenes_after("ScenesAfter")
SCENES_UPDATED_AFTER = _scenes_since("ScenesUpdatedAfter", "updated_at")
SCENES_COUNTED_AFTER = _scenes_after("ScenesCountedAfter", count="count")
SCENES_CREATED_AFTER = _scenes_since("ScenesCreatedAfter", "created_at", "count")
SCENE_FILES_AFTER = _scenes_after("SceneFilesAfter", fields="id files { path size }")
SCENES_WITH = {
    kind: _scenes_after(
        "ScenesWith", ", $ids: [ID!]", f"{kind}: {{ value: $ids, modifier: INCLUDES }}"
    )
    for kind in ("performers", "studios", "tags", "groups", "performer_tags")
}
LAST_EDITED_SCENE = f"""
query LastEditedScene($words: String!) {{
  findScenes(filter: {{ q: $words, per_page: 1, sort: "updated_at", direction: DESC }}) {{
    scenes {{
      {_SCENE}
    }}
  }}
}}
"""
TAG_PARENTS = """
query TagParents {
  findTags(
    tag_filter: { child_count: { value: 0, modifier: GREATER_THAN } }
    filter: { per_page: -1 }
  ) {
    tags { id name children { id name } }
  }
}
"""
SCENE_COUNT = "query SceneCount { findScenes(filter: { per_page: 0 }) { count } }"


def with_details(text: str, details: Iterable[Detail]) -> str:
    for detail in details:
        for part, replacement in _REPLACEMENTS[detail]:
            text = text.replace(part, replacement)
    return text


def with_movies(text: str) -> str:
    return text.replace("groups { group {", "movies { movie {").replace("groups: {", "movies: {")


def without_stamps(text: str) -> str:
    return text.replace(_STAMPS, "")


def _by_id(name: str, scene_ids: Sequence[int], fields: str) -> str:
    """Return a query with an alias per scene, because `findScenes(ids:)` fails for a missing id."""
    aliases = "\n".join(
        f'  s{scene_id}: findScene(id: "{scene_id}") {{ {fields} }}' for scene_id in scene_ids
    )
    return f"query {name} {{\n{aliases}\n}}\n"


def scenes_by_id(scene_ids: Sequence[int]) -> str:
    fragment = f"fragment SceneFields on Scene {{\n      {_SCENE}\n}}\n"
    return _by_id("ScenesById", scene_ids, "...SceneFields") + fragment


def scene_stamps(scene_ids: Sequence[int]) -> str:
    return _by_id("SceneStamps", scene_ids, f"id{_STAMPS}")


def scene_names(scene_ids: Sequence[int]) -> str:
    return _by_id("SceneNames", scene_ids, "id title files { path size }")

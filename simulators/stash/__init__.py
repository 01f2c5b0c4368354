"""A Stash to test against: its GraphQL API over HTTP, its pictures, its plugin runner.

with FakeStash(tmp_path) as stash:
    scene = stash.add_scene(title="Old", files=["/media/a.mp4"], tags=["x"], cover=JPEG)
    stash.install_plugin(repository)
    [run] = stash.edit_scene(scene.id, title="New")  # as the web page does: save, then hooks
    assert run.result.error is None
"""

from .entities import Scene, StashError, VideoFile
from .fake import FakeStash
from .faults import Reset, Status, Truncated, empty, graphql_errors, html_page, null_data
from .library import SceneFields
from .plugin_host import PluginRun
from .plugin_manifest import Manifest, ManifestError
from .plugin_output import LogEntry
from .request_log import LoggedRequest
from .runner import PluginResult

__all__ = [
    "FakeStash",
    "LogEntry",
    "LoggedRequest",
    "Manifest",
    "ManifestError",
    "PluginResult",
    "PluginRun",
    "Reset",
    "Scene",
    "SceneFields",
    "StashError",
    "Status",
    "Truncated",
    "VideoFile",
    "empty",
    "graphql_errors",
    "html_page",
    "null_data",
]

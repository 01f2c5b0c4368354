"""A Stash to test against: its GraphQL API over HTTP, its pictures, its plugin runner.

`FakeStash` is the door; what it hands out and takes is named here too.

    with FakeStash(tmp_path) as stash:
        scene = stash.add_scene(title="Old", files=["/media/a.mp4"], tags=["x"], cover=JPEG)
        stash.install_plugin(repository)
        [run] = stash.edit_scene(scene.id, title="New")  # as the web page does: save, then hooks
        assert run.result.error is None
"""

from .calls import Call, Cancel
from .clock import StashClock
from .entities import (
    Fingerprint,
    Group,
    Performer,
    Scene,
    SceneGroup,
    StashID,
    Studio,
    Tag,
    VideoFile,
)
from .errors import StashError
from .fake import FakeStash
from .faults import (
    Hang,
    Reset,
    Status,
    Truncated,
    empty,
    graphql_errors,
    html_page,
    null_data,
)
from .jobs import Job, JobError, Progress
from .library import SceneFields
from .plugin_host import PluginRun
from .plugin_log import LogEntry
from .plugin_manifest import Manifest, ManifestError
from .plugin_process import PluginTimeoutError
from .request_log import LoggedRequest
from .runner import PluginResult, PluginRunner

__all__ = [
    "Call",
    "Cancel",
    "FakeStash",
    "Fingerprint",
    "Group",
    "Hang",
    "Job",
    "JobError",
    "LogEntry",
    "LoggedRequest",
    "Manifest",
    "ManifestError",
    "Performer",
    "PluginResult",
    "PluginRun",
    "PluginRunner",
    "PluginTimeoutError",
    "Progress",
    "Reset",
    "Scene",
    "SceneFields",
    "SceneGroup",
    "StashClock",
    "StashError",
    "StashID",
    "Status",
    "Studio",
    "Tag",
    "Truncated",
    "VideoFile",
    "empty",
    "graphql_errors",
    "html_page",
    "null_data",
]

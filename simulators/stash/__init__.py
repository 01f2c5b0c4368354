from .entities import Scene as Scene, StashError as StashError, VideoFile as VideoFile
from .fake import FakeStash as FakeStash
from .faults import (
    Reset as Reset,
    Status as Status,
    Truncated as Truncated,
    empty as empty,
    graphql_errors as graphql_errors,
    html_page as html_page,
    null_data as null_data,
)
from .library import SceneFields as SceneFields
from .plugin_host import PluginRun as PluginRun
from .plugin_manifest import ManifestError as ManifestError
from .plugin_output import LogEntry as LogEntry
from .runner import PluginResult as PluginResult

import sys
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from simulators.http_server import HttpServer
from simulators.traffic import Action, Fault, Faults

from .app import App
from .auth import Gate
from .calls import Call
from .clock import Seconds, StashClock
from .editing import Edits
from .engine import Engine
from .entities import Scene
from .jobs import JobQueue
from .library import Library
from .plugin_host import PluginHost, PluginRun
from .plugin_manifest import Manifest
from .request_log import RequestLog, Which, matcher
from .resolvers import Resolvers, StashSettings
from .runner import PluginResult, PluginRunner


class FakeStash(Edits):
    """A Stash for tests on the loopback interface, with GraphQL, images and plugins.

    Args:
        root: the folder of Stash's configuration and plugins, and the working folder of plugins.
        utc_offset: the difference between local time and UTC in time stamps.
    """

    def __init__(
        self,
        root: Path,
        *,
        username: str = "",
        api_key: str = "",
        now: Seconds = time.time,
        utc_offset: timedelta = timedelta(),
    ) -> None:
        self.root = root
        (root / "plugins").mkdir(parents=True, exist_ok=True)
        self.clock = StashClock(now, utc_offset)
        self.library = Library(self.clock)
        self.scene = self.library.scene
        self.add_scene = self.library.add_scene
        self.update_scene = self.library.update_scene
        self.remove_scene = self.library.remove_scene
        self.snapshot = self.library.snapshot
        self.settings = StashSettings(directory=root.absolute())
        self.gate = Gate(now, username, api_key)
        self.jobs = JobQueue()
        changed = threading.Condition()
        self.requests = RequestLog(changed)
        self.faults = Faults(changed)
        self.runner = PluginRunner(cwd=root, python=sys.executable)
        self.host = PluginHost(root / "plugins", self.runner, self.jobs, self.server_connection)
        self.page = Call()
        resolvers = Resolvers(self.library, self.settings, self.gate, self.host)
        self.engine = Engine(resolvers.readers(), self.library)
        self._app = App(
            self.engine,
            self.library,
            self.gate,
            self.requests,
            self.faults,
            now,
            lambda: bool(self.host.plugins),
        )
        self._server = HttpServer(self._app.serve)
        self._left: list[HttpServer] = []

    def start(self) -> Self:
        self._server.start()
        return self

    def stop(self) -> None:
        self._server.stop()

    def close(self) -> None:
        for server in (*self._left, self._server):
            server.close()

    def move(self) -> None:
        self.stop()
        self._left.append(self._server)
        self._server = HttpServer(self._app.serve)
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        self.close()
        self.jobs.close()
        broken = [*self.engine.internal_errors, *self.jobs.panics]
        if broken and error is None:
            raise AssertionError("\n".join(broken))

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def inject(self, action: Action, which: Which, *, times: int | None = 1) -> Fault:
        return self.faults.add(repr(action), action, matcher(which), times=times)

    def server_connection(self) -> dict[str, Any]:
        return {
            "Scheme": "http",
            "Host": "0.0.0.0",
            "Port": self.port,
            "SessionCookie": _go_cookie(self.gate.cookie_value()),
            "Dir": str(self.settings.directory),
        }

    def scenes(self) -> list[Scene]:
        with self.library.lock:
            return list(self.library.scenes.values())

    def set_plugin_settings(self, plugin_id: str, settings: Mapping[str, Any]) -> None:
        with self.library.lock:
            self.settings.plugins[plugin_id] = dict(settings)

    def plugin_settings(self, plugin_id: str) -> dict[str, Any]:
        with self.library.lock:
            return dict(self.settings.plugins.get(plugin_id, {}))

    def install_plugin(
        self, source: Path, *, name: str = "Stash2Plex", files: Iterable[str] | None = None
    ) -> Manifest:
        return self.host.install(source, name, files)

    def run_task(
        self, plugin_id: str, task_name: str | None = None, args: Mapping[str, Any] | None = None
    ) -> int:
        return self.host.queue_task(plugin_id, task_name, args or {})

    def run_task_to_end(
        self,
        plugin_id: str,
        task_name: str | None = None,
        args: Mapping[str, Any] | None = None,
        timeout: float = 120.0,
    ) -> PluginResult:
        job = self.jobs.wait(self.run_task(plugin_id, task_name, args), timeout)
        assert isinstance(job.result, PluginRun), f"the task did not run: {job}"
        return job.result.result

    def run_operation(self, plugin_id: str, args: Mapping[str, Any] | None = None) -> PluginResult:
        return self.host.operation(plugin_id, args or {}, self.page)


def _go_cookie(value: str) -> dict[str, Any]:
    return {
        "Name": "session",
        "Value": value,
        "Quoted": False,
        "Path": "",
        "Domain": "",
        "Expires": "0001-01-01T00:00:00Z",
        "RawExpires": "",
        "MaxAge": 0,
        "Secure": False,
        "HttpOnly": False,
        "SameSite": 0,
        "Partitioned": False,
        "Raw": "",
        "Unparsed": None,
    }

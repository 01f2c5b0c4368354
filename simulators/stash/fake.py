"""The fake Stash that tests hold in their hands."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

from .app import App
from .auth import Gate, Session
from .calls import Call
from .clock import Seconds, StashClock
from .editing import Edited, Editor
from .engine import Engine
from .entities import Scene
from .faults import Fault, Faults
from .http_server import HttpServer
from .jobs import JobQueue, Progress, Work
from .library import Library, SceneFields
from .mutations import Mutations
from .page_form import as_input
from .plugin_host import PluginHost, PluginRun
from .plugin_manifest import Manifest
from .plugin_registry import PluginRegistry, Selection
from .readers import library_readers
from .request_log import RequestLog, Which
from .resolvers import CONFIGURATION_READERS, Queries
from .runner import PluginResult, PluginRunner
from .settings import StashSettings
from .shelf import Ref, Shelf

ScanStep = Callable[[], object]


class FakeStash:
    """A Stash on loopback, in this process.

    Use it as a context manager, or call `start()` and `stop()`. State lives in the object, not in
    the listener: after a `stop()`, `start()` serves the same library on the same port.

    Args:
        root: a folder of the test's for Stash's configuration, plugins and working directory.
        username: turns credentials on.
        api_key: empty for none.
        max_session_age: seconds a session cookie is good for.
        now: seconds since 1970, for time stamps and session ages.
        utc_offset: the server's local offset in time stamps.
        port: 0 for a free one.
    """

    def __init__(
        self,
        root: Path,
        *,
        username: str = "",
        api_key: str = "",
        max_session_age: int = 3600,
        now: Seconds = time.time,
        utc_offset: timedelta = timedelta(),
        port: int = 0,
    ) -> None:
        self.root = root
        (root / "plugins").mkdir(parents=True, exist_ok=True)
        self.clock = StashClock(now, utc_offset)
        self.library = Library(self.clock)
        self.settings = StashSettings(directory=root.absolute())
        self.gate = Gate(now, username, api_key, max_session_age)
        self.jobs = JobQueue(self.clock)
        self.requests = RequestLog()
        self.faults = Faults()
        self.registry = PluginRegistry(root / "plugins")
        self.runner = PluginRunner(cwd=root, python=sys.executable)
        self.host = PluginHost(self.registry, self.runner, self.server_connection)
        self.editor = Editor(self.library, self.host)
        self._scan_steps: list[ScanStep] = []
        self.engine = self._engine()
        self._app = App(
            self.engine,
            self.library,
            self.gate,
            self.settings,
            self.requests,
            self.faults,
            now,
            lambda: bool(self.registry.plugins),
        )
        self._server = HttpServer(self._app.handle, port)
        self._left: list[HttpServer] = []

    def _engine(self) -> Engine:
        queries = Queries(self.library, self.settings, self.gate, self.registry, self.runner)
        mutations = Mutations(self.library, self.host, self.jobs, self.settings)
        resolvers = {**queries.resolvers(), **mutations.resolvers()}
        readers = {**library_readers(self.library), **CONFIGURATION_READERS}
        return Engine(resolvers, readers, self.library)

    # ---- the server ----

    def start(self) -> Self:
        """Listens, on the same port as before."""
        self._server.start()
        self._app.stopping = self._server.stopping
        return self

    def stop(self) -> None:
        """Refuses clients from now on and hangs up on those that are there."""
        self._server.stop()

    def close(self) -> None:
        """Stops and gives its ports back."""
        for server in (*self._left, self._server):
            server.close()

    def move(self) -> None:
        """Stops, and listens on another port."""
        self.stop()
        self._left.append(self._server)
        self._server = HttpServer(self._app.handle, 0)
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Stops; fails when something broke in here or a plugin passed its time limit."""
        self.close()
        self.jobs.close()
        broken = [*self.engine.internal_errors, *self.jobs.panics]
        if broken and error is None:
            raise AssertionError("\n".join(broken))

    @property
    def port(self) -> int:
        """Port, once started."""
        return self._server.port

    @property
    def url(self) -> str:
        """`http://127.0.0.1:<port>`."""
        return f"http://{self._server.host}:{self.port}"

    @property
    def latency(self) -> float:
        """Seconds before each answer."""
        return self._app.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._app.latency = seconds

    def connections(self) -> int:
        """How many clients are connected."""
        return self._server.connections()

    def drop_connections(self) -> None:
        """Hangs up on all clients; new ones are served."""
        self._server.drop_connections()

    def inject(self, fault: Fault, which: Which, *, times: int | None = 1) -> Fault:
        """Makes the next matching requests go wrong; see `Faults.inject`."""
        return self.faults.inject(fault, which, times=times)

    # ---- connecting ----

    def session_cookie(self) -> str:
        """Value of a fresh `session` cookie, as the web page would have it."""
        return self.gate.cookie_value(Session(self.gate.username))

    def server_connection(self, session: Session | None = None) -> dict[str, Any]:
        """The `server_connection` that plugins find on stdin (without `PluginDir`)."""
        who = session or Session(self.gate.username)
        sends = self.settings.sends_cookie
        return {
            "Scheme": "http",
            "Host": self.settings.bind_host,
            "Port": self.port,
            "SessionCookie": _go_cookie(self.gate.cookie_value(who)) if sends else None,
            "Dir": str(self.settings.directory),
        }

    # ---- the library, without hooks ----

    def scene(self, scene_id: int) -> Scene:
        """The scene as it is now."""
        return self.library.scene(scene_id)

    def scenes(self) -> list[Scene]:
        """All scenes, by id."""
        with self.library.lock:
            return list(self.library.scenes.values())

    def snapshot(self) -> dict[int, dict[str, Any]]:
        """Every scene as plain data with names for ids; see `Library.snapshot`."""
        return self.library.snapshot()

    def add_scene(self, **fields: Unpack[SceneFields]) -> Scene:
        """Adds a scene; no hook runs."""
        return self.library.add_scene(**fields)

    def update_scene(
        self, scene_id: int, *, touch: bool = True, **changes: Unpack[SceneFields]
    ) -> Scene:
        """Changes a scene; no hook runs. `touch` moves `updated_at`."""
        return self.library.update_scene(scene_id, touch=touch, **changes)

    def remove_scene(self, scene_id: int) -> Scene:
        """Removes a scene as a merge does: no hook runs."""
        return self.library.remove_scene(scene_id)

    def add_studio(self, name: str, parent: Ref | None = None) -> int:
        """Adds a studio, perhaps under a parent, and returns its id."""
        with self.library.lock:
            parent_id = None if parent is None else self.library.studios.ensure(parent)
            return self.library.studios.add(name, parent_id=parent_id).id

    def set_plugin_settings(self, plugin_id: str, settings: Mapping[str, Any]) -> None:
        """Replaces a plugin's settings."""
        with self.library.lock:
            self.settings.plugins[plugin_id] = dict(settings)

    def plugin_settings(self, plugin_id: str) -> dict[str, Any]:
        """A plugin's settings as stored."""
        with self.library.lock:
            return dict(self.settings.plugins.get(plugin_id, {}))

    # ---- like the web page: change, then hooks ----

    def edit_scene(
        self, scene_id: int, *, call: Call | None = None, **changes: Unpack[SceneFields]
    ) -> list[PluginRun]:
        """Saves changed fields of a scene (sceneUpdate) and returns the hooks' runs."""
        input_ = {"id": str(scene_id), **as_input(self.library, changes)}
        return self.editor.scene_update(input_, call or self.call()).runs

    def edit_scenes(
        self, scene_ids: Iterable[int], *, call: Call | None = None, **changes: Unpack[SceneFields]
    ) -> list[PluginRun]:
        """Edits many scenes at once (bulkSceneUpdate): one hook run each, one by one."""
        input_: dict[str, Any] = {"ids": [str(each) for each in scene_ids]}
        for name, value in as_input(self.library, changes).items():
            listed = {"urls": "values", "performer_ids": "ids", "tag_ids": "ids"}.get(name)
            input_[name] = {listed: value, "mode": "SET"} if listed else value
        return self.editor.bulk_scene_update(input_, call or self.call()).runs

    def destroy_scene(self, scene_id: int) -> list[PluginRun]:
        """Deletes a scene (sceneDestroy)."""
        input_ = {"id": str(scene_id)}
        return self.editor.scenes_destroy([input_["id"]], input_, self.call()).runs

    def rename_performer(self, performer: Ref, name: str) -> list[PluginRun]:
        """Renames a performer (performerUpdate); no scene hook runs."""
        input_ = self._rename(self.library.performers, performer, name)
        return self.editor.performer_update(input_, self.call()).runs

    def rename_studio(self, studio: Ref, name: str) -> list[PluginRun]:
        """Renames a studio (studioUpdate); no scene hook runs."""
        input_ = self._rename(self.library.studios, studio, name)
        return self.editor.studio_update(input_, self.call()).runs

    def rename_tag(self, tag: Ref, name: str) -> list[PluginRun]:
        """Renames a tag (tagUpdate); no scene hook runs."""
        input_ = self._rename(self.library.tags, tag, name)
        return self.editor.tag_update(input_, self.call()).runs

    def destroy_performer(self, performer: Ref) -> list[PluginRun]:
        """Deletes a performer (performerDestroy); no scene hook runs."""
        input_ = self._named(self.library.performers, performer)
        return self.editor.performers_destroy([input_["id"]], input_, self.call()).runs

    def destroy_studio(self, studio: Ref) -> list[PluginRun]:
        """Deletes a studio (studioDestroy); no scene hook runs."""
        input_ = self._named(self.library.studios, studio)
        return self.editor.studios_destroy([input_["id"]], input_, self.call()).runs

    def destroy_tags(self, *tags: Ref) -> list[PluginRun]:
        """Deletes tags (tagDestroy, tagsDestroy); no scene hook runs."""
        inputs = [self._named(self.library.tags, tag) for tag in tags]
        ids = [input_["id"] for input_ in inputs]
        told = inputs[0] if len(inputs) == 1 else ids
        return self.editor.tags_destroy(ids, told, self.call()).runs

    def merge_tags(self, sources: Iterable[Ref], into: Ref) -> list[PluginRun]:
        """Merges tags (tagsMerge): one hook, of the tag that is left."""
        gone = [self._named(self.library.tags, source)["id"] for source in sources]
        destination = self._named(self.library.tags, into)["id"]
        return self.editor.tags_merge(
            {"source": gone, "destination": destination}, self.call()
        ).runs

    def merge_scenes(self, sources: Iterable[int], into: int) -> None:
        """Merges scenes (sceneMerge): no hook runs."""
        input_ = {"source": [str(one) for one in sources], "destination": str(into)}
        self.editor.scene_merge(input_, self.call())

    def scan_new(self, **fields: Unpack[SceneFields]) -> Edited:
        """A scan finds a new file: Scene.Create.Post without input."""
        return self.editor.scan_new(self.call(), **fields)

    def scan_moved(self, scene_id: int, new_path: str) -> list[PluginRun]:
        """A scan finds a renamed file: Scene.Update.Post without input, `updated_at` stays."""
        return self.editor.scan_moved(scene_id, new_path, self.call()).runs

    def call(self) -> Call:
        """A request like the web page's, for acting without HTTP."""
        return Call(self.url, self.gate.username)

    # ---- plugins and jobs ----

    def install_plugin(
        self,
        source: Path,
        *,
        name: str = "Stash2Plex",
        files: Selection | None = None,
    ) -> Manifest:
        """Installs a plugin from a folder; see `PluginRegistry.install`.

        Args:
            source: the folder, for instance the repository.
            name: the plugin's id.
            files: what to copy.
        """
        return self.registry.install(source, name, files)

    def run_task(
        self, plugin_id: str, task_name: str | None = None, args: Mapping[str, Any] | None = None
    ) -> int:
        """Queues a plugin task (runPluginTask) and returns its job id."""
        call = self.call()

        def work(progress: Progress) -> None:
            self.host.task(plugin_id, task_name, args or {}, call, progress)

        return self.jobs.add(f"Running plugin task: {task_name or plugin_id}", work)

    def run_task_to_end(
        self,
        plugin_id: str,
        task_name: str | None = None,
        args: Mapping[str, Any] | None = None,
        timeout: float = 120.0,
    ) -> PluginResult:
        """Queues a plugin task, waits for its job and returns what the plugin answered."""
        results: list[PluginResult] = []
        call = self.call()

        def work(progress: Progress) -> None:
            results.append(self.host.task(plugin_id, task_name, args or {}, call, progress).result)

        job_id = self.jobs.add(f"Running plugin task: {task_name or plugin_id}", work)
        job = self.jobs.wait(job_id, timeout)
        assert results, f"the task did not run: {job}"
        return results[0]

    def run_operation(self, plugin_id: str, args: Mapping[str, Any] | None = None) -> PluginResult:
        """Runs a plugin operation (runPluginOperation) at once."""
        return self.host.operation(plugin_id, args or {}, self.call()).result

    def start_job(self, description: str, work: Work) -> int:
        """Queues a job of Stash's own, `Scanning...` or `Generating...` for instance."""
        return self.jobs.add(description, work)

    # ---- parts ----

    def _rename(self, shelf: Shelf[Any], ref: Ref, name: str) -> dict[str, Any]:
        return {**self._named(shelf, ref), "name": name}

    def _named(self, shelf: Shelf[Any], ref: Ref) -> dict[str, Any]:
        with self.library.lock:
            return {"id": str(shelf.get(ref).id)}


def _go_cookie(value: str) -> dict[str, Any]:
    """A http.Cookie of Go's as JSON."""
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

"""The web server of the harness: a page that loads the plugin's files as Stash does.

Its GraphQL is the fake Stash's, so that a click in the browser really runs the plugin.
"""

import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import requests

from simulators.rig import REPOSITORY, Rig
from simulators.stash.plugin_manifest import parse

PATIENCE = 120.0  # seconds for an answer of the plugin
HARNESS = Path(__file__).parent / "harness"
MIME = {"js": "text/javascript", "css": "text/css", "html": "text/html"}
VENDOR = {
    "react.js": "react/umd/react.development.js",
    "react-dom.js": "react-dom/umd/react-dom.development.js",
    "react-router-dom.js": "react-router-dom/umd/react-router-dom.js",
    "react-bootstrap.js": "react-bootstrap/dist/react-bootstrap.js",
    "bootstrap.css": "bootstrap/dist/css/bootstrap.min.css",
}


class VendorError(Exception):
    """The libraries that Stash gives its plugins cannot be had; the text says why."""


def vendor(scratch: Path) -> Path:
    """Return the folder with Stash's libraries, from the npm registry at the first time."""
    lock = (HARNESS / "package-lock.json").read_bytes()
    target = REPOSITORY / "build" / f"ui-vendor-{hashlib.sha256(lock).hexdigest()[:12]}"
    if target.is_dir():
        return target
    if shutil.which("npm") is None:
        raise VendorError("no npm, which brings the React of Stash's version")
    for name in ("package.json", "package-lock.json"):
        shutil.copy2(HARNESS / name, scratch / name)
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=scratch, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    if done.returncode:
        raise VendorError(f"npm could not bring React: {done.stderr[-300:]}")
    partial = target.with_suffix(f".partial-{os.getpid()}")  # several test processes at once
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, source in VENDOR.items():
        shutil.copy2(scratch / "node_modules" / source, partial / name)
    try:
        partial.rename(target)
    except OSError:
        if not target.is_dir():  # else another process was first
            raise
        shutil.rmtree(partial)
    return target


def ui_files(folder: Path, kind: str) -> list[Path]:
    """The files of the yml's `ui` key, in their order; `kind` is `javascript` or `css`."""
    top = parse((folder / "Stash2Plex.yml").read_text(encoding="utf-8"))
    assert isinstance(top, dict)
    ui = top["ui"]
    assert isinstance(ui, dict)
    names = ui[kind]
    assert isinstance(names, list)
    return [folder / str(name) for name in names]


class Web:
    """Serves the harness.

    Args:
        libraries: Stash's libraries for its plugins.
        rig: runs the plugin where `answers` has nothing; without it the answer is empty.

    Attributes:
        asked: the modes that the page's requests named, in their order; other requests by `""`.
        answers: for a mode, what is answered instead of running the plugin.
    """

    def __init__(self, libraries: Path, rig: Rig | None = None) -> None:
        self.rig = rig
        self.asked: list[str] = []
        self.arguments: list[dict[str, Any]] = []
        self.answers: dict[str, Mapping[str, Any]] = {}
        self._libraries = libraries
        self._lock = threading.Lock()
        self._answered = threading.Condition()
        self._answering = 0
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with web._under_way():
                    self._send(*web.file(self.path.split("?")[0]))

            def do_POST(self) -> None:
                with web._under_way():
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                    self._send(200, "application/json", web.graphql(json.loads(body)))

            def _send(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                # Stash's own policy, as far as it concerns a plugin that asks for nothing more.
                self.send_header(
                    "Content-Security-Policy",
                    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
                    "connect-src 'self'; img-src 'self' data:",
                )
                with suppress(ConnectionError):  # the page was left
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        # A browser opens connections ahead and keeps them for a minute: no end waits for those.
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        with self._answered:
            assert self._answered.wait_for(lambda: self._answering == 0, PATIENCE)

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        with self._answered:
            self._answering += 1
        try:
            yield
        finally:
            with self._answered:
                self._answering -= 1
                self._answered.notify_all()

    def file(self, path: str) -> tuple[int, str, bytes]:
        folder = self.rig.manifest.directory if self.rig else REPOSITORY
        if path == "/plugin/Stash2Plex/javascript":
            return 200, MIME["js"], _joined(ui_files(folder, "javascript"))
        if path == "/plugin/Stash2Plex/css":
            return 200, MIME["css"], _joined(ui_files(folder, "css"))
        for prefix, place in (("/vendor/", self._libraries), ("/harness/", HARNESS)):
            if path.startswith(prefix):
                found = place / Path(path).name
                if not found.is_file():
                    return 404, "text/plain", b"not found"
                return 200, MIME[found.suffix[1:]], found.read_bytes()
        return 200, MIME["html"], (HARNESS / "index.html").read_bytes()

    def gets(self, *modes: str) -> bool:
        """Wait until the page has asked for exactly these modes, apart from `wake`."""
        with self._answered:
            return self._answered.wait_for(
                lambda: [mode for mode in self.asked if mode != "wake"] == [*modes], PATIENCE
            )

    def answer(self, mode: str, output: Mapping[str, Any]) -> None:
        """Give this as the plugin's answer to a mode from now on."""
        self.answers[mode] = {"data": {"runPluginOperation": output}}

    def graphql(self, request: dict[str, Any]) -> bytes:
        """What a GraphQL request is answered: by the fake Stash, unless the test knows better."""
        arguments = (request.get("variables") or {}).get("args") or {}
        mode = str(arguments.get("mode", ""))
        with self._lock:
            self.asked.append(mode)
            self.arguments.append(dict(arguments))
        if mode in self.answers:
            return json.dumps(self.answers[mode]).encode()
        if self.rig is None:
            return b'{"data": {"plugins": []}}'
        headers = {"ApiKey": self.rig.stash.gate.api_key} if self.rig.stash.gate.api_key else {}
        with requests.Session() as session:
            session.trust_env = False
            reply = session.post(
                f"{self.rig.stash.url}/graphql", json=request, headers=headers, timeout=PATIENCE
            )
            return reply.content


def _joined(files: list[Path]) -> bytes:
    return b"\n".join(path.read_bytes() for path in files)

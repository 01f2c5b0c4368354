import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .calls import Cancel
from .entities import StashError
from .plugin_manifest import Manifest, Operation
from .plugin_output import LogEntry, LogReader, decode
from .plugin_process import PluginProcess, Start, start_process
from .portable_process import PortableProcess

_PYTHONS = ("python", "python3")
_Run = PluginProcess if sys.platform == "linux" else PortableProcess
_GO_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


@dataclass(frozen=True, slots=True)
class PluginResult:
    """The result of a run of a plugin.

    Attributes:
        output: the member `output` of the plugin's JSON answer, or the whole answer if it is not
            JSON.
        error: the member `error` of the plugin's answer, or a text about the exit status.
        exit_code: the exit status, or the negative number of the signal that ended the process.
        cancelled: whether a cancelled request or job ended the run.
    """

    output: Any
    error: str | None
    logs: list[LogEntry]
    progress: list[float]
    exit_code: int
    seconds: float
    stdout: bytes
    stderr: bytes
    cancelled: bool
    stdin: bytes = field(repr=False)

    def messages(self, level: str | None = None) -> list[str]:
        return [entry.text for entry in self.logs if level in (None, entry.level)]


@dataclass(slots=True)
class PluginRunner:
    cwd: Path
    python: str
    env: dict[str, str | None] = field(default_factory=dict)
    timeout: float | None = 120.0
    start: Start = start_process

    def run(
        self,
        manifest: Manifest,
        operation: Operation | None,
        args: Mapping[str, Any],
        connection: Mapping[str, Any],
        cancel: Cancel,
        on_progress: Callable[[float], None] | None = None,
    ) -> PluginResult:
        progress: list[float] = []

        def listen(fraction: float) -> None:
            progress.append(fraction)
            if on_progress:
                on_progress(fraction)

        log = LogReader(manifest.raw_name, manifest.err_log, on_progress and listen)
        stdin = plugin_input(manifest, operation, args, connection)
        started = time.perf_counter()
        try:
            process = self.start(
                self._command(manifest, operation), self._environment(manifest), self.cwd
            )
        except OSError as refused:
            msg = f"error running plugin: {refused}"
            raise StashError(msg) from refused
        run = _Run(process, stdin, log)
        exit_code = run.run(cancel, self.timeout)
        seconds = time.perf_counter() - started
        stdout = bytes(run.stdout)
        output, error = decode(stdout, exit_code)
        return PluginResult(
            output=None if run.cancelled else output,
            error="operation cancelled" if run.cancelled else error,
            logs=log.entries,
            progress=progress,
            exit_code=exit_code,
            seconds=seconds,
            stdout=stdout,
            stderr=bytes(log.raw),
            cancelled=run.cancelled,
            stdin=stdin,
        )

    def _command(self, manifest: Manifest, operation: Operation | None) -> list[str]:
        program, *arguments = *manifest.exec, *(operation.exec_args if operation else ())
        if program in _PYTHONS:
            program = self.python
        else:
            program = shutil.which(program) or str(manifest.directory / program)
        return [
            program,
            *(one.replace("{pluginDir}", str(manifest.directory)) for one in arguments),
        ]

    def _environment(self, manifest: Manifest) -> dict[str, str]:
        given = {**os.environ, **self.env}
        environment = {name: value for name, value in given.items() if value is not None}
        if manifest.exec[0] in _PYTHONS:
            known = [environment["PYTHONPATH"]] if "PYTHONPATH" in environment else []
            siblings = str(manifest.directory.absolute().parent)
            environment["PYTHONPATH"] = os.pathsep.join([*known, siblings])
        return environment


def plugin_input(
    manifest: Manifest,
    operation: Operation | None,
    args: Mapping[str, Any],
    connection: Mapping[str, Any],
) -> bytes:
    """Return the input of a plugin as JSON, with the same bytes as Go's JSON encoder."""
    filled = {**(operation.default_args if operation else {}), **args}
    document = {
        "server_connection": {**connection, "PluginDir": str(manifest.directory)},
        "args": {name: filled[name] for name in sorted(filled)},
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_GO_ESCAPES).encode("utf-8", "replace")

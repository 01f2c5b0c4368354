"""Runs a plugin's operation as Stash does: command line, environment, input, answer."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .calls import Cancel
from .plugin_log import LogEntry, LogReader
from .plugin_manifest import Manifest, Operation
from .plugin_output import decode
from .plugin_process import PluginProcess, Start, start_process

_PYTHONS = ("python", "python3")


class StartError(Exception):
    """A plugin that could not be started: no such program, or no program named."""


@dataclass(frozen=True, slots=True)
class PluginResult:
    """What a run came to.

    Attributes:
        output: `output` of its answer; the whole text when that was no JSON answer.
        error: `error` of its answer, or what its exit status says.
        logs: its log lines as Stash shows them.
        progress: what it reported and Stash listened to (tasks only).
        exit_code: negative for a signal.
        seconds: wall-clock time.
        stdout: all it wrote there.
        stderr: all that was read there.
        cancelled: killed because the request or job was given up.
        log_broken: a line of 64 KiB ended the reading of its log.
        stdin: what it was given; it holds the session cookie.
    """

    output: Any
    error: str | None
    logs: list[LogEntry]
    progress: list[float]
    exit_code: int
    seconds: float
    stdout: bytes
    stderr: bytes
    cancelled: bool = False
    log_broken: bool = False
    stdin: bytes = field(default=b"", repr=False)

    def messages(self, level: str | None = None) -> list[str]:
        """Texts of the log lines, of that level or of all."""
        return [entry.text for entry in self.logs if level in (None, entry.level)]


@dataclass(slots=True)
class PluginRunner:
    """Starts plugins.

    Attributes:
        cwd: Stash's working directory, which plugins inherit.
        python: Stash's `python_path` setting; used while it names a file.
        env: set for plugins on top of this process's environment; None removes a variable.
        timeout: seconds after which a run fails the test; Stash itself has no limit.
        start: starts the plugin's process.
    """

    cwd: Path
    python: str = ""
    env: dict[str, str | None] = field(default_factory=dict)
    timeout: float | None = 120.0
    start: Start = start_process

    def run(
        self,
        manifest: Manifest,
        operation: Operation | None,
        args: Mapping[str, Any],
        connection: Mapping[str, Any],
        *,
        cancel: Cancel | None = None,
        on_progress: Callable[[float], None] | None = None,
    ) -> PluginResult:
        """Runs an operation to its end.

        Args:
            manifest: the plugin.
            operation: a task or hook; None for a bare operation, which has no default arguments.
            args: arguments, the hook context included.
            connection: the `server_connection` that the plugin is told.
            cancel: kills the run.
            on_progress: takes progress; None where Stash ignores it.

        Raises:
            StartError: there is no such program.
            PluginTimeoutError: it took longer than `timeout`.
        """
        progress: list[float] = []
        log = LogReader(manifest.raw_name, manifest.err_log, _listener(progress, on_progress))
        stdin = plugin_input(manifest, operation, args, connection)
        argv = self._argv(manifest, operation)
        started = time.perf_counter()
        try:
            started_process = self.start(argv, self._environment(manifest), self.cwd)
        except OSError as error:
            msg = f"error running plugin: {error}"
            raise StartError(msg) from error
        process = PluginProcess(started_process, stdin, log)
        exit_code = process.run(cancel or Cancel(), self.timeout)
        seconds = time.perf_counter() - started
        return _result(process, exit_code, log, progress, seconds, stdin)

    def _argv(self, manifest: Manifest, operation: Operation | None) -> list[str]:
        command = [*manifest.exec, *(operation.exec_args if operation else ())]
        if not command:
            msg = f"empty exec value in {manifest.id}"
            raise StartError(msg)
        directory = str(manifest.directory)
        program, *arguments = command
        return [
            self._program(program, manifest),
            *(each.replace("{pluginDir}", directory) for each in arguments),
        ]

    def _program(self, program: str, manifest: Manifest) -> str:
        if program in _PYTHONS:
            if self.python and Path(self.python).is_file():
                return self.python
            return shutil.which("python3") or shutil.which("python") or program
        return shutil.which(program) or str(manifest.directory / program)

    def _environment(self, manifest: Manifest) -> dict[str, str]:
        environment = dict(os.environ)
        for name, value in self.env.items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = value
        if manifest.exec and manifest.exec[0] in _PYTHONS:
            siblings = str(manifest.directory.absolute().parent)
            known = environment.get("PYTHONPATH")
            environment["PYTHONPATH"] = (
                siblings if known is None else f"{known}{os.pathsep}{siblings}"
            )
        return environment


def _result(
    process: PluginProcess,
    exit_code: int,
    log: LogReader,
    progress: list[float],
    seconds: float,
    stdin: bytes,
) -> PluginResult:
    output, error = decode(bytes(process.stdout), exit_code)
    if process.cancelled:
        output, error = None, "operation cancelled"
    return PluginResult(
        output=output,
        error=error,
        logs=log.entries,
        progress=progress,
        exit_code=exit_code,
        seconds=seconds,
        stdout=bytes(process.stdout),
        stderr=bytes(log.raw),
        cancelled=process.cancelled,
        log_broken=process.log_broken,
        stdin=stdin,
    )


def plugin_input(
    manifest: Manifest,
    operation: Operation | None,
    args: Mapping[str, Any],
    connection: Mapping[str, Any],
) -> bytes:
    """The JSON document on a plugin's stdin, byte for byte as Go writes it."""
    filled = {**(operation.default_args if operation else {}), **args}
    document = {
        "server_connection": {**connection, "PluginDir": str(manifest.directory)},
        "args": {name: filled[name] for name in sorted(filled)},
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_GO_ESCAPES).encode("utf-8", "replace")


_GO_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def _listener(
    progress: list[float], on_progress: Callable[[float], None] | None
) -> Callable[[float], None] | None:
    if on_progress is None:
        return None

    def listen(fraction: float) -> None:
        progress.append(fraction)
        on_progress(fraction)

    return listen

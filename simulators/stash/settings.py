"""The fake Stash's own configuration and state."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

SystemState = Literal["SETUP", "NEEDS_MIGRATION", "OK"]


@dataclass(slots=True)
class StashSettings:
    """What the settings pages hold; tests may assign to it under the library's lock.

    Attributes:
        directory: Stash's configuration folder, told to plugins as `Dir`.
        bind_host: address Stash listens on as configured, told to plugins as `Host`.
        libraries: library folders.
        plugins: plugin id to its map of settings.
        sends_cookie: whether plugins get a session cookie; False gives them null.
        external_host: base of the picture addresses in answers instead of the Host header.
    """

    directory: Path
    bind_host: str = "0.0.0.0"
    libraries: list[str] = field(default_factory=lambda: ["/media"])
    plugins: dict[str, dict[str, Any]] = field(default_factory=dict)
    sends_cookie: bool = True
    external_host: str = ""
    log_level: str = "Info"
    parallel_tasks: int = 1
    status: SystemState = "OK"
    version: str = "v0.30.1"
    build_hash: str = "cf3489efd"
    build_time: str = "2026-01-10 00:00:00"

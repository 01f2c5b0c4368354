"""Intervals and limits of the plugin that tests shorten; `Rig.tune` sets them in its processes.

The plugin has constants: nothing that a user or another program can write changes them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

from app import main
from plex import client, library
from reconciliation import engine
from sync_queue import schema, spool_import
from tasks.settings import save_settings
from worker import backoff, pauses, processor, rate_limiter, recovery
from worker.jobs import folder_scans
from worker.process import idle, takeover
from worker.sync import upload_gate

Seconds = float | None


@dataclass(frozen=True)
class Tuning:
    """What to set, in seconds where nothing else is said; None leaves the plugin's own value.

    Attributes:
        back_off: the longest wait before another try after an error that may pass.
        not_found_back_off: the same for a file that Plex does not have.
        identity_timeout: to connect, and to read.
        first_rate: jobs per second right after an outage.
        last_rate: jobs per second some time after an outage.
        page: scenes that a reconciliation reads at a time.
    """

    linger: Seconds = None
    settings_look: Seconds = None
    first_pause: Seconds = None
    longest_pause: Seconds = None
    shortest_probe: Seconds = None
    longest_probe: Seconds = None
    identity_timeout: tuple[float, float] | None = None
    first_rate: float | None = None
    last_rate: float | None = None
    back_off: Seconds = None
    not_found_back_off: Seconds = None
    shortest_delay: Seconds = None
    refresh_interval: Seconds = None
    scan_delay: Seconds = None
    scan_interval: Seconds = None
    busy_timeout: Seconds = None
    news_age: Seconds = None
    burst_gap: Seconds = None
    takeover_patience: Seconds = None
    plugin_look: Seconds = None
    seen_after: Seconds = None
    uploads_wait: Seconds = None
    page: int | None = None

    def values(self) -> Iterator[tuple[ModuleType, str, Any]]:
        """Yield module, constant and value of what is set."""
        for name, value in asdict(self).items():
            if value is not None:
                yield (*CONSTANTS[name], value)


CONSTANTS: dict[str, tuple[ModuleType, str]] = {
    "linger": (processor, "LINGER"),
    "settings_look": (pauses, "SETTINGS_LOOK"),
    "first_pause": (pauses, "FIRST_PAUSE"),
    "longest_pause": (pauses, "LONGEST_PAUSE"),
    "shortest_probe": (recovery, "SHORTEST_INTERVAL"),
    "longest_probe": (recovery, "LONGEST_INTERVAL"),
    "identity_timeout": (client, "IDENTITY_TIMEOUT"),
    "first_rate": (rate_limiter, "FIRST_RATE"),
    "last_rate": (rate_limiter, "LAST_RATE"),
    "back_off": (backoff, "_TEMPORARY"),
    "not_found_back_off": (backoff, "_NOT_FOUND"),
    "shortest_delay": (backoff, "SHORTEST_DELAY"),
    "refresh_interval": (library, "REFRESH_INTERVAL"),
    "scan_delay": (spool_import, "SCAN_DELAY"),
    "scan_interval": (folder_scans, "SCAN_INTERVAL"),
    "busy_timeout": (schema, "BUSY_TIMEOUT"),
    "news_age": (main, "NEWS_AGE"),
    "burst_gap": (main, "BURST_GAP"),
    "takeover_patience": (takeover, "PATIENCE"),
    "plugin_look": (idle, "PLUGIN_LOOK"),
    "seen_after": (save_settings, "SEEN_AFTER"),
    "uploads_wait": (upload_gate, "WAIT"),
    "page": (engine, "PAGE"),
}


def set_constant(target: str, name: str, value: Any) -> None:
    """Set a module's constant; runs in the plugin's process (see `simulators.alterations`)."""
    module = sys.modules[target]
    old = getattr(module, name)
    is_back_off = isinstance(value, float) and not isinstance(old, float)
    setattr(module, name, type(old)(base=value, cap=value) if is_back_off else value)

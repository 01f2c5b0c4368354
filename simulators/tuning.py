import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any, get_type_hints

from app import main
from plex import connection, library
from reconciliation import engine
from sync_queue import database, spool_import
from tasks.settings import save_settings
from worker import backoff, batch_runner, pauses, processor, rate_limiter, recovery
from worker.jobs import folder_scans
from worker.process import lock_handover
from worker.sync import session

Seconds = float | None


@dataclass(frozen=True)
class Tuning:
    """Intervals and limits that `Rig.tune` sets in the plugin. The value None changes nothing.

    Attributes:
        back_off: the longest wait before a retry after a temporary error.
        not_found_back_off: the longest wait before a retry for a file that Plex does not have.
        first_rate: the number of jobs per second directly after an outage.
        last_rate: the number of jobs per second to which the rate then rises.
    """

    linger: Annotated[Seconds, processor, "IDLE_SECONDS"] = None
    settings_age: Annotated[Seconds, processor, "SETTINGS_SECONDS"] = None
    batch: Annotated[int | None, batch_runner, "BATCH"] = None
    settings_look: Annotated[Seconds, pauses, "SETTINGS_LOOK"] = None
    first_pause: Annotated[Seconds, pauses, "FIRST_PAUSE"] = None
    longest_pause: Annotated[Seconds, pauses, "LONGEST_PAUSE"] = None
    shortest_probe: Annotated[Seconds, recovery, "SHORTEST_INTERVAL"] = None
    longest_probe: Annotated[Seconds, recovery, "LONGEST_INTERVAL"] = None
    identity_timeout: Annotated[tuple[float, float] | None, connection, "IDENTITY_TIMEOUT"] = None
    first_rate: Annotated[float | None, rate_limiter, "FIRST_RATE"] = None
    last_rate: Annotated[float | None, rate_limiter, "LAST_RATE"] = None
    back_off: Annotated[Seconds, backoff, "_TEMPORARY"] = None
    not_found_back_off: Annotated[Seconds, backoff, "_NOT_FOUND"] = None
    shortest_delay: Annotated[Seconds, backoff, "SHORTEST_DELAY"] = None
    refresh_interval: Annotated[Seconds, library, "REFRESH_INTERVAL"] = None
    scan_delay: Annotated[Seconds, spool_import, "SCAN_DELAY"] = None
    scan_interval: Annotated[Seconds, folder_scans, "SCAN_INTERVAL"] = None
    busy_timeout: Annotated[Seconds, database, "BUSY_TIMEOUT"] = None
    news_age: Annotated[Seconds, main, "RELAY_EVERY"] = None
    burst_gap: Annotated[Seconds, main, "BURST_GAP"] = None
    takeover_patience: Annotated[Seconds, lock_handover, "TASK_TIMEOUT"] = None
    plugin_look: Annotated[Seconds, lock_handover, "INSTALLATION_INTERVAL"] = None
    seen_after: Annotated[Seconds, save_settings, "SEEN_AFTER"] = None
    stored_after: Annotated[Seconds, save_settings, "STORED_AFTER"] = None
    uploads_wait: Annotated[Seconds, session, "UPLOADS_WAIT"] = None
    page: Annotated[int | None, engine, "PAGE"] = None

    def values(self) -> Iterator[tuple[ModuleType, str, Any]]:
        for name, annotation in get_type_hints(Tuning, include_extras=True).items():
            module, constant = annotation.__metadata__
            assert hasattr(module, constant), f"{module.__name__} has no {constant}"
            value = getattr(self, name)
            if value is not None:
                yield module, constant, value


def set_constant(target: str, name: str, value: Any) -> None:
    module = sys.modules[target]
    old = getattr(module, name)
    is_back_off = isinstance(value, float) and not isinstance(old, float)
    setattr(module, name, type(old)(base=value, cap=value) if is_back_off else value)

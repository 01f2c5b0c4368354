"""Changes of the plugin that several end-to-end tests make (see `simulators.alterations`)."""

import dataclasses
import os
import sys
import time

from app import dependencies
from plex import diff
from shared import file_lock


def wait_before_release(marker: str, reached: str) -> None:
    """Let a worker hold the worker lock while the marker is there; it leaves a mark before."""
    release = file_lock.FileLock.release

    def releases(self: file_lock.FileLock) -> None:
        if "--worker" in sys.argv and self.path.endswith("worker.lock"):
            with open(reached, "w"):
                pass
            while os.path.exists(marker):
                time.sleep(0.005)
        release(self)

    file_lock.FileLock.release = releases  # type: ignore[method-assign]


def lack_a_module() -> None:
    needed = dependencies.DEPENDENCIES
    dependencies.DEPENDENCIES = (
        dataclasses.replace(needed[0], probe="no_such_module"),
        *needed[1:],
    )


def leave_out(fields: tuple[str, ...], ending: str) -> None:
    """Let edits carry no parameter of these fields whose name ends so."""
    compare = diff.Comparison.edit

    def skips(comparison: diff.Comparison) -> diff.ItemEdit:
        edit = compare(comparison)
        sent = {
            name: {key: value for key, value in parameters.items() if not key.endswith(ending)}
            for name, parameters in edit.fields.items()
            if name in fields
        }
        return edit._replace(fields={**edit.fields, **sent})

    diff.Comparison.edit = skips  # type: ignore[assignment, method-assign]

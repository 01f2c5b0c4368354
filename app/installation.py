"""Tells a living worker that the plugin was updated or removed under it."""

import os


class Installation:
    """The plugin's files as they were when this process started.

    Args:
        script: the entry script; the yml with the version lies beside it.
    """

    def __init__(self, script: str) -> None:
        manifest = os.path.splitext(script)[0] + ".yml"
        self._files = (script, manifest)
        self._seen = self._look()

    def unchanged(self) -> bool:
        """Tell whether the files are still those of the start."""
        return self._look() == self._seen

    def exists(self) -> bool:
        """Tell whether there is a plugin at all, be it another version."""
        return os.path.exists(self._files[0])

    def _look(self) -> tuple[tuple[int, int] | None, ...]:
        return tuple(_stamp(path) for path in self._files)


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size

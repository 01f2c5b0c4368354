"""The process that builds the path index once: it holds nothing else, so that its memory tells."""

from __future__ import annotations

import json
import os
import sys
import time

from benchmarks.processes import peak_megabytes
from plex.client import PlexClient
from plex.library import Library
from plex.path_index import PathIndex

TOKEN_VARIABLE = "PLEX_TOKEN"
_TIMEOUT = (5.0, 60.0)


def main(url: str, database: str) -> None:
    """Build the index of the server at `url` and print what that took."""
    client = PlexClient(url, os.environ[TOKEN_VARIABLE], _TIMEOUT, True, {})
    before = peak_megabytes(os.getpid())
    begun, cpu = time.perf_counter(), time.process_time()
    Library(client, PathIndex(database), (), time.time).prepare()
    figures = {
        "seconds": time.perf_counter() - begun,
        "cpu": time.process_time() - cpu,
        "before": before,
        "peak": peak_megabytes(os.getpid()),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])

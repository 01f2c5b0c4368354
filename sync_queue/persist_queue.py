"""persist-queue without its asynchronous half.

The package imports asyncio for queues that nobody uses here: half of its own start and 2.4 MB of
the worker's memory.
"""

import sys

# `None` is Python's word for a module that must not be imported; the package takes it for an
# optional part that is not installed.
sys.modules.setdefault("persistqueue.async_queue", None)  # type: ignore[arg-type]

from persistqueue import SQLiteAckQueue  # noqa: E402
from persistqueue.serializers import json as json_serializer  # noqa: E402

__all__ = ["SQLiteAckQueue", "json_serializer"]

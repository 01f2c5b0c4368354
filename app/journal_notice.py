"""Says once to each who reads a log of ours that the file system refuses write-ahead logging."""

import os
from typing import Literal

from app.container import Container

Reader = Literal["worker", "task"]


def tell_of_refused_wal(container: Container, reader: Reader) -> None:
    """Say it, unless it was said before in the log that this process writes.

    Args:
        container: its queue is open.
        reader: the worker's log is a file, a task's is Stash's.
    """
    if container.queue.uses_wal():
        return
    told = os.path.join(container.folder.queue_folder, f"no-wal.{reader}-told")
    try:
        os.close(os.open(told, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:
        return  # said before, or this file system refuses more than that, which others will tell
    container.log.warning(
        f"The file system of {container.folder.queue_folder} refuses SQLite's write-ahead log, as "
        "network shares do. The queue works with a rollback journal, as safe but slower: if saving "
        "in Stash gets slow, put the plugin's folder on a local disk"
    )

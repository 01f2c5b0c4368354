"""Says once that the file system refuses write-ahead logging."""

import os

from app.container import Container


def tell_of_refused_wal(container: Container) -> None:
    """Say it, unless it was said before; what the worker says is told in Stash's log, too."""
    if container.queue.uses_wal():
        return
    told = os.path.join(container.folder.queue_folder, "no-wal.told")
    try:
        os.close(os.open(told, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:
        return  # said before, or this file system refuses more than that, which others will tell
    container.log.warning(
        f"The file system of {container.folder.queue_folder} refuses SQLite's write-ahead log, as "
        "network shares do. The queue works with a rollback journal, as safe but slower: if saving "
        "in Stash gets slow, put the plugin's folder on a local disk"
    )

"""The index.yml of a Stash plugin source: what Stash lists, fetches and checks."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

from tools.release.manifest import Manifest


def index_of(manifest: Manifest, archive: bytes, path: str, moment: datetime) -> str:
    """Return the index with its one entry.

    Args:
        manifest: the plugin's.
        archive: the zip.
        path: the zip's, relative to the index.
        moment: Stash takes another moment than the installed one for an update, whatever the
            version says; one date that it cannot read costs it the whole index.
    """
    date = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    quoted = {
        "id": manifest.id,
        "name": manifest.name,
        "version": manifest.version,
        "date": date,
        "path": path,
        "sha256": hashlib.sha256(archive).hexdigest(),
    }
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in quoted.items()]
    description = json.dumps(manifest.description, ensure_ascii=False)
    text = "\n  ".join([*lines, "metadata:", f"  description: {description}"])
    return f"- {text}\n"

"""Who we are to Plex: one lasting device, so that it never reports a new one."""

import uuid

from shared.events import Report
from shared.state_file import KeptState


def device_headers(path: str, report: Report, now: float) -> dict[str, str]:
    """Return the headers that name this installation, from its file, made if there is none.

    While the file cannot be read, they name a device that is not kept.

    Raises:
        OSError: the file cannot be written.
    """
    file = KeptState(path, report)
    device_id = file.read(now).get("device_id")
    if not isinstance(device_id, str) or not device_id:
        device_id = str(uuid.uuid4())
        file.write({"device_id": device_id})
    return {
        "X-Plex-Client-Identifier": device_id,
        "X-Plex-Product": "Stash2Plex",
        "X-Plex-Device-Name": "Stash2Plex",
    }

import json
import os
import traceback

from app.relay import relay_worker_log
from hooks.handlers import HookContextError
from shared.data_folder import DataFolder, data_folder_of
from shared.log import Log, create_logger
from sync_queue.spool import store
from validation.pseudonyms import obfuscator_for

# The largest part of the worker's log that a hook copies, in bytes. Copying 200 kB takes 5 ms.
MOST_RELAYED_BYTES = 200_000


def store_elsewhere(script: str, connection: str, jobs: list[str]) -> str:
    folder = data_folder_of(script, json.loads(connection))
    store(folder.spool, jobs)
    return folder.root


def relay_new_lines(root: str) -> None:
    relay_worker_log(DataFolder(root), _log(root, "null"), MOST_RELAYED_BYTES)


def answer_fault(
    script: str, connection: str, jobs: list[str], error: Exception, *, is_stored: bool
) -> str:
    root = os.environ.get("STASH_PLUGIN_DATA") or os.path.join(os.path.dirname(script), "data")
    log = _log(root, connection)
    subjects = ", ".join(job.split(".")[1].replace("_", " ") for job in jobs)
    if isinstance(error, HookContextError):
        log.error(
            f"Cannot read the hook that Stash sent: {error}. Nothing was queued. Update Stash2Plex"
        )
        return json.dumps({"error": log.redact(str(error))})
    if not isinstance(error, OSError):
        bug = "Bug in Stash2Plex, please report it: "
        log.error(bug + "".join(traceback.format_exception(error)))
        if not is_stored:
            return json.dumps({"error": bug + type(error).__name__})
    elif is_stored and jobs:
        log.warning(f"The edit is queued, but may wait ({error}). Run the task 'Process Queue'")
    elif jobs:
        # An edit of a performer, studio, tag or group does not change the time stamps of its
        # scenes. Only the task Sync All Scenes finds these scenes.
        scope = "All" if jobs[0].startswith("entity.") else "Recent"
        text = log.redact(
            f"Cannot queue the edit of {subjects}: {error}. Remove the cause, such as a full disk "
            f"or a missing permission, then run the task 'Sync {scope} Scenes to Plex'"
        )
        log.error(text)
        return json.dumps({"error": text})
    return json.dumps({"output": "queued" if jobs else "nothing to sync"})


def _log(root: str, connection: str) -> Log:
    log = create_logger()
    known = json.loads(connection)
    cookie = known.get("SessionCookie") if isinstance(known, dict) else None
    log.secrets.add(cookie.get("Value") if isinstance(cookie, dict) else None)
    obfuscator = obfuscator_for(DataFolder(root))
    log.obfuscate = obfuscator.apply if obfuscator.on else None
    return log

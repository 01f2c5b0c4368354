import os
import sys
import time

from hooks.handlers import jobs_for_hook
from shared.file_lock import FileLock
from sync_queue.spool import elect, has_work, store

# A hook within two seconds of another hook logs at level debug, so bulk edits do not fill the log.
BURST_GAP = 2.0
# At most once in ten seconds, a hook copies new lines of the worker's log to Stash's log.
RELAY_EVERY = 10.0


def run(script: str, arguments: list[str]) -> str:
    if arguments or sys.stdin is None or sys.stdin.isatty():
        from app.arguments import run_arguments  # noqa: PLC0415

        sys.exit(run_arguments(script, arguments))
    data = sys.stdin.buffer.read()
    if hook := _read_hook(data):
        return answer_hook(script, *hook)
    from app.processes.task_process import handle_input  # noqa: PLC0415

    return handle_input(script, data)


class _Decoder:
    # These options make `make_scanner` parse JSON as `json.loads` does.
    strict = True
    object_hook = object_pairs_hook = parse_constant = None
    parse_float, parse_int = float, int


def _read_hook(data: bytes) -> tuple[object, str] | None:
    try:
        # The import of `json` takes a quarter of a hook's time, so only its C part is imported.
        from _json import encode_basestring_ascii, make_encoder, make_scanner  # noqa: PLC0415

        text = data.decode()
        message, end = make_scanner(_Decoder)(text, 0)  # type: ignore[arg-type]
        json_defaults = (None, ": ", ", ", False, False, True)
        encode = make_encoder(None, None, encode_basestring_ascii, *json_defaults)  # type: ignore[arg-type]
        connection = "".join(encode(message.get("server_connection"), 0))
        return None if text[end:].strip() else (message["args"]["hookContext"], connection)
    except Exception:  # noqa: BLE001 - no hook, or input that `json` knows how to judge
        return None


def answer_hook(script: str, context: object, connection: str) -> str:
    jobs: list[str] = []
    root = ""
    try:
        jobs = jobs_for_hook(context)
        root, level = _store(script, connection, jobs)
        if jobs or has_work(f"{root}/queue/spool"):
            lock = FileLock(f"{root}/worker.lock")
            if elect(lock, f"{root}/queue/spool", connection.encode()):
                from worker.process.launcher import start_worker  # noqa: PLC0415 - most find one alive

                start_worker(script, lock, connection.encode())
        _relay(root)
        # If Stash has closed stderr, this write fails, so all other steps come first.
        if jobs:
            subjects = ", ".join(job.split(".")[1].replace("_", " ") for job in jobs)
            os.write(2, f"\x01{level}\x02Queued {subjects}\n".encode())
    except Exception as error:  # noqa: BLE001 - a hook always answers
        from app.hook_faults import answer_fault  # noqa: PLC0415

        return answer_fault(script, connection, jobs, error, is_stored=bool(root))
    return '{"output": "queued"}' if jobs else '{"output": "nothing to sync"}'


def _store(script: str, connection: str, jobs: list[str]) -> tuple[str, str]:
    root = os.environ.get("STASH_PLUGIN_DATA") or os.path.join(os.path.dirname(script), "data")
    try:
        last_change = os.stat(f"{root}/queue/spool").st_mtime
        store(f"{root}/queue/spool", jobs)
    except OSError:
        from app.hook_faults import store_elsewhere  # noqa: PLC0415 - it is missing or read-only

        root, last_change = store_elsewhere(script, connection, jobs), 0.0
    return root, "d" if abs(time.time() - last_change) < BURST_GAP else "i"


def _relay(root: str) -> None:
    try:
        age = time.time() - os.stat(f"{root}/worker.news").st_mtime
    except FileNotFoundError:
        age = 0.0
    if not 0 <= age < RELAY_EVERY:
        from app.hook_faults import relay_new_lines  # noqa: PLC0415 - most hooks have nothing to relay

        relay_new_lines(root)

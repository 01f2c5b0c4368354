"""Stash2Plex: what Stash runs for each hook and task. One JSON object in, one out.

With arguments, or typed into a terminal, it is a command line: `python3 Stash2Plex.py --help`.

This file is compiled anew at every start, because Python caches no byte-code for a script: it
stays short. It parses from Python 3.6 on, so that an old interpreter gets a sentence instead of a
stack trace.
"""

import os
import sys

try:
    from shared.light_json import dumps, loads
except ImportError:  # half of a plugin, while it is updated, still answers as Stash expects it
    from json import dumps, loads  # type: ignore[assignment] # of more arguments

OLDEST_PYTHON = (3, 11)
WORKER_ARGUMENT = "--worker"


def main() -> None:
    """Read one request, act, answer, end."""
    os.umask(0o077)
    script = os.path.abspath(__file__)
    if sys.version_info < OLDEST_PYTHON:
        version = ".".join(str(part) for part in sys.version_info[:2])
        finish(
            {
                "error": f"Stash2Plex needs Python 3.11 or newer, Stash runs {version} "
                f"({sys.executable}): set another one in Stash, Settings > System > Python path"
            }
        )
    if sys.argv[1:2] == [WORKER_ARGUMENT]:
        try:
            from app.worker_process import run_worker
        except Exception as error:  # noqa: BLE001 - nobody reads this process's stderr
            from app.worker_failure import leave_word_of_loading

            sys.exit(leave_word_of_loading(script, error))
        sys.exit(run_worker(script, sys.argv[2:]))
    if sys.argv[1:] or (sys.stdin is not None and sys.stdin.isatty()):
        from app.shell.command_line import run_command

        sys.exit(run_command(script, sys.argv[1:]))
    try:
        finish(answer(script))
    except Exception as error:  # noqa: BLE001 - Stash gets one answer, whatever happened
        import traceback

        trace = traceback.format_exc().replace("\n", " | ")
        sys.stderr.write(f"\x01e\x02A bug of Stash2Plex, please report it: {trace[-8000:]}\n")
        sys.stderr.flush()
        finish({"error": f"A bug of Stash2Plex, please report it: {type(error).__name__}"})


def answer(script: str) -> dict:  # type: ignore[type-arg] # parses on Python 3.6
    """Return the answer to the request on stdin."""
    try:
        message = loads(sys.stdin.buffer.read() or b"{}")
    except ValueError as error:
        return {"error": f"Stash2Plex is a plugin of Stash, its input is no JSON: {error}"}
    if not isinstance(message, dict):
        return {"error": "Stash2Plex is a plugin of Stash, its input is no JSON object"}
    if message.get("args") is None:
        message["args"] = {}
    # Each branch imports what it needs: a hook's latency is the user's.
    if isinstance(message["args"], dict) and "hookContext" in message["args"]:
        from app.hook_process import answer_hook

        return answer_hook(script, message)
    from app.task_process import answer_task

    return answer_task(script, message)


def finish(reply: dict) -> None:  # type: ignore[type-arg] # parses on Python 3.6
    """Write the answer and end at once.

    Ending without the interpreter's clean-up also leaves SQLite unclosed, on purpose: the last
    connection to close would write the whole log back into the database while the user waits.
    """
    sys.stdout.buffer.write(dumps(reply).encode("utf-8"))
    sys.stdout.buffer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

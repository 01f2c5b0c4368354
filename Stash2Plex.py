"""Stash2Plex: what Stash runs for each hook and task, and a command line: `--help` tells more.

Python caches no byte-code for a script, so this file stays short. It parses from Python 3.6 on.
"""

import os
import sys


def main() -> None:
    """Check the interpreter, let `app.main` do the work, and write its answer."""
    os.umask(0o077)
    sys.dont_write_bytecode = False  # containers often set it: then a hook takes 27 ms, not 19
    error = ""
    try:
        if sys.version_info < (3, 11):  # noqa: UP036 - a user may have an older one
            error = (
                f"Stash2Plex needs Python 3.11 or newer, but Stash runs {sys.version.split()[0]} "
                f"({sys.executable}). Set a newer Python in Stash, Settings > System > Python path"
            )
        else:
            from app.main import run

            answer = run(os.path.abspath(__file__), sys.argv[1:])
    except Exception as bug:  # noqa: BLE001 - Stash gets one answer, whatever happened
        import traceback

        error = f"Bug in Stash2Plex, please report it: {type(bug).__name__}"
        trace = traceback.format_exc().replace("\n", " | ")
        sys.stderr.write(f"\x01e\x02{error}: {trace[-8000:]}\n")
    if error:
        import json

        answer = json.dumps({"error": error})
    print(answer, end="", flush=True)  # noqa: T201 - Stash reads it
    os._exit(0)  # without the clean-up of modules: the user waits for the end of this process


if __name__ == "__main__":
    main()

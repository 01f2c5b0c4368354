"""Entry script of Stash's hooks and tasks, and of the command line (see `--help`).

Python compiles a script at each start, so this file is short. It also parses on Python 3.6.
"""

import os
import sys


def main() -> None:
    """Check the Python version, run `app.main`, and print the answer to Stash."""
    os.umask(0o077)
    sys.dont_write_bytecode = False  # enables the byte-code cache, which saves 8 ms per hook
    error = ""
    try:
        if sys.version_info < (3, 11):  # noqa: UP036 - a user may have an older Python
            error = (
                f"Stash2Plex needs Python 3.11 or newer, but Stash runs {sys.version.split()[0]} "
                f"({sys.executable}). Set a newer Python in Stash, Settings > System > Python path"
            )
        else:
            from app.main import run

            answer = run(os.path.abspath(__file__), sys.argv[1:])
    except Exception as bug:  # noqa: BLE001 - Stash gets an answer after any error
        import traceback

        error = f"Bug in Stash2Plex, please report it: {type(bug).__name__}"
        trace = traceback.format_exc().replace("\n", " | ")
        sys.stderr.write(f"\x01e\x02{error}: {trace[-8000:]}\n")
    if error:
        import json

        answer = json.dumps({"error": error})
    print(answer, end="", flush=True)  # noqa: T201 - Stash reads it
    os._exit(0)  # skip the interpreter's clean-up, because the user waits for this process


if __name__ == "__main__":
    main()

"""The script that Stash starts. An old Python can parse this file, and gets a clear error."""

import os
import sys


def main() -> None:
    os.umask(0o077)
    # Write byte code even if an environment variable forbids it, because byte code saves 8 ms per
    # hook.
    sys.dont_write_bytecode = False
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
    # This exit skips the interpreter's clean-up, because the user waits for this process.
    os._exit(0)


if __name__ == "__main__":
    main()

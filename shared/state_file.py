"""Small JSON state on disk: written whole or not at all, read whatever it holds."""

import contextlib
import json
import os
from collections.abc import Callable
from typing import Any


def write_state(path: str, state: Any) -> None:
    """Replace the file by the state as JSON, atomically and durably.

    Raises:
        OSError: the state could not be written; what was there before is still there.
    """
    temporary = f"{path}.tmp-{os.getpid()}"
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def read_state(path: str, report: Callable[[str], None], now: float) -> dict[str, Any]:
    """Return the state, or an empty one when there is none.

    A file that is no JSON object is set aside as `<name>.corrupt-<time>` and reported once.
    """
    try:
        with open(path, encoding="utf-8") as file:
            state = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        state, problem = None, str(error)
    else:
        problem = f"a JSON object was expected, not {type(state).__name__}"
    if isinstance(state, dict):
        return state
    aside = f"{path}.corrupt-{int(now)}"
    with contextlib.suppress(OSError):
        os.replace(path, aside)
    report(
        f"{os.path.basename(path)} could not be read ({problem}); "
        f"it was set aside as {os.path.basename(aside)} and starts afresh"
    )
    return {}

"""`python -m tools.demo`: exit 0 if both libraries agree in the end, 1 if not, 130 for Ctrl-C."""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import NoReturn

from simulators.rig import PLUGIN, REPOSITORY, Rig
from tools.demo.bulk import burst, whole_library
from tools.demo.finale import comparison, second_sync
from tools.demo.layout import INDENT, bad, dim, line
from tools.demo.opening import one_edit, two_libraries
from tools.demo.outage import outage, recovery
from tools.demo.screen import Screen
from tools.demo.script import FEWEST_SCENES
from tools.demo.stage import Stage, StuckError

_MOST_DETAILS = 12
_LOG_LINES = 12
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Interrupted(BaseException):
    """Somebody wants the demo to end; no error, and nothing that a library may handle."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


def main() -> int:
    """Play the demo; return the exit status."""
    options = _arguments()
    for number in _ENDINGS:
        signal.signal(number, _leave)
    try:
        return _run(options)
    except _Interrupted as interrupted:
        print("\nInterrupted: nothing runs any more, nothing is left behind.", file=sys.stderr)
        return interrupted.status
    except BrokenPipeError:  # `make demo | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(options: argparse.Namespace) -> int:
    with (
        Screen(sys.stdout, os.environ) as screen,
        tempfile.TemporaryDirectory(prefix="stash2plex-demo-") as folder,
        Rig(Path(folder), plugin=options.plugin) as rig,
        Stage(rig, screen, options.patience) as stage,
    ):
        try:
            return 0 if _play(stage, options.scenes) else 1
        except StuckError as stuck:
            _tell(stage, stuck)
            return 1


def _play(stage: Stage, scenes: int) -> bool:
    two_libraries(stage, scenes)
    one_edit(stage)
    whole_library(stage)
    burst(stage)
    waiting = outage(stage)
    recovery(stage, waiting)
    second_sync(stage)
    return comparison(stage)


def _tell(stage: Stage, stuck: StuckError) -> None:
    screen = stage.screen
    screen.keep()
    screen.write((), line(INDENT, bad(f"✗ {stuck}")))
    screen.write(*(line(INDENT * 2, text) for text in stuck.details[:_MOST_DETAILS]))
    if len(stuck.details) > _MOST_DETAILS:
        screen.write(line(INDENT * 2, dim(f"… and {len(stuck.details) - _MOST_DETAILS} more")))
    log = stage.rig.worker_log().splitlines()[-_LOG_LINES:]
    screen.write(
        line(INDENT, "The worker's log ends so:" if log else "No worker has written a log."),
        *(line(INDENT * 2, dim(text)) for text in log),
    )


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    """End the demo as after an error, so that everything is cleaned up; once is enough."""
    for other in _ENDINGS:
        signal.signal(other, signal.SIG_IGN)
    raise _Interrupted(number)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.demo",
        description="Plays Stash, Plex and the plugin between them, an outage included.",
    )
    parser.add_argument(
        "--plugin",
        type=_plugin_folder,
        default=REPOSITORY,
        metavar="DIR",
        help="install this copy of the plugin instead of the repository's",
    )
    parser.add_argument(
        "--scenes", type=_scene_count, default=200, metavar="N", help="size of the library (200)"
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="without progress for so long, the demo ends with an error (30)",
    )
    return parser.parse_args()


def _plugin_folder(text: str) -> Path:
    folder = Path(text)
    if not (folder / f"{PLUGIN}.yml").is_file():
        message = f"there is no {PLUGIN}.yml in {folder}"
        raise argparse.ArgumentTypeError(message)
    return folder


def _scene_count(text: str) -> int:
    count = int(text)
    if count < FEWEST_SCENES:
        message = f"the story needs {FEWEST_SCENES} scenes or more"
        raise argparse.ArgumentTypeError(message)
    return count


if __name__ == "__main__":
    sys.exit(main())

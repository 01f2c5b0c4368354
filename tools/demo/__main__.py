"""`python -m tools.demo`: exit 0 if both libraries agree in the end, 1 if not, 130 for Ctrl-C."""

import argparse
import os
import signal
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from types import FrameType
from typing import NoReturn

from simulators.rig import Rig
from tools.demo import acts
from tools.demo.screen import Screen, bad, dim
from tools.demo.script import OUTAGE_SCENES
from tools.demo.stage import Stage, StuckError

_LOG_LINES = 12
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Play the demo; return the exit status."""
    scenes = _scenes()
    for number in _ENDINGS:
        signal.signal(number, _leave)
    try:
        with ExitStack() as stack:
            screen = stack.enter_context(closing(Screen(sys.stdout, os.environ)))
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="stash2plex-demo-"))
            rig = stack.enter_context(Rig(Path(folder)))
            stage = stack.enter_context(closing(Stage(rig, screen)))
            return 0 if _play(stage, scenes) else 1
    except BrokenPipeError:  # `make demo | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _play(stage: Stage, scenes: int) -> bool:
    try:
        acts.two_libraries(stage, scenes)
        acts.one_edit(stage)
        acts.whole_library(stage)
        acts.burst(stage)
        acts.recovery(stage, acts.outage(stage))
        return acts.comparison(stage, acts.second_sync(stage))
    except (StuckError, TimeoutError) as error:
        stage.screen.keep()
        stage.screen.write(
            bad(f"✗ {str(error) or 'A task or a save did not end'}"),
            "The worker's log ends with:",
            *(dim(text) for text in stage.rig.worker_log().splitlines()[-_LOG_LINES:]),
        )
        return False


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    """End the demo once, with everything cleaned up."""
    for ending in _ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    raise SystemExit(128 + number)


def _scenes() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.demo",
        description="Plays Stash, Plex and the plugin between them, an outage included.",
    )
    parser.add_argument("--scenes", type=int, default=200, help="size of the library (200)")
    count = int(parser.parse_args().scenes)
    if count <= OUTAGE_SCENES:
        parser.error(f"the story needs more than {OUTAGE_SCENES} scenes")
    return count


if __name__ == "__main__":
    sys.exit(main())

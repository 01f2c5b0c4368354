"""`python -m tools.demo`: exit 0 if both libraries agree in the end, 1 if not, 130 for Ctrl-C."""

import argparse
import os
import signal
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

from simulators.rig import Rig
from tools.demo import acts
from tools.demo.screen import Screen, bad, dim
from tools.demo.stage import Stage, StuckError


def main() -> int:
    """Play the demo; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.demo",
        description="Plays Stash, Plex and the plugin between them, an outage included.",
    )
    parser.add_argument("--scenes", type=int, default=200, help="size of the library (200)")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    with ExitStack() as stack:
        screen = stack.enter_context(closing(Screen(sys.stdout, os.environ)))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="stash2plex-demo-"))
        rig = stack.enter_context(Rig(Path(folder)))
        stage = stack.enter_context(closing(Stage(rig, screen)))
        return 0 if _play(stage, max(options.scenes, acts.FEWEST_SCENES)) else 1


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
            bad(f"✗ {str(error) or 'A task or a save did not end'}. The worker's log ends with:"),
            *(dim(str(event["message"])) for event in stage.rig.events()[-12:]),
        )
        return False


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tools.demo`: show how edits in a small Stash reach a small Plex.

The exit code is 0 if both libraries agree at the end, 1 if they differ, and 130 after Ctrl-C.
"""

import argparse
import os
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

from simulators.rig import Rig
from tools.demo import acts
from tools.demo.screen import Screen, bad, dim
from tools.demo.stage import Stage, StuckError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description=acts.__doc__)
    parser.add_argument("--scenes", type=int, default=200, help="size of the library (200)")
    scenes = max(parser.parse_args().scenes, acts.FEWEST_SCENES)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    with ExitStack() as stack:
        screen = stack.enter_context(closing(Screen(sys.stdout, os.environ)))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="stash2plex-demo-"))
        rig = stack.enter_context(Rig(Path(folder)))
        background = stack.enter_context(ThreadPoolExecutor(max_workers=1))
        stack.callback(rig.stash.jobs.stop_all)
        try:
            return 0 if acts.play(Stage(rig, screen, background), scenes) else 1
        except (StuckError, TimeoutError) as error:
            screen.keep()
            reason = str(error) or "A task or a save did not end"
            events = (dim(str(event["message"])) for event in rig.events()[-12:])
            screen.write(bad(f"✗ {reason}. The worker's log ends with:"), *events)
            return 1


if __name__ == "__main__":
    sys.exit(main())

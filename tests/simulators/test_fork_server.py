"""The fork server: a process that it starts is what a fresh interpreter would be."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.fork_server import ForkServer
from simulators.rig import REPOSITORY
from simulators.stash.plugin_process import Process, start_process
from tests.shell import outcome

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the fork server needs /proc")

TELL = """
import json, os, sys
answer = {
    "arguments": sys.argv,
    "folders": [sys.path[0], os.getcwd(), __file__],
    "environment": dict(os.environ),
    "descriptors": os.listdir("/proc/self/fd"),
    "command": open("/proc/self/cmdline").read().rstrip(chr(0)),
    "input": sys.stdin.read(),
    "module": __name__,
}
print(json.dumps(answer))
print("in words", file=sys.stderr)
sys.exit(3)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    server = ForkServer(REPOSITORY)
    yield server
    server.close()


def ended(process: Process, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
    assert process.stdin is not None
    os.write(process.stdin.fileno(), stdin)
    process.stdin.close()
    return outcome(process)


def test_a_forked_process_is_as_one_that_was_started(server: ForkServer, tmp_path: Path) -> None:
    script = tmp_path / "tell.py"
    script.write_text(TELL)
    command = [sys.executable, "-S", str(script), "an argument"]
    environment = {name: text for name, text in os.environ.items() if name != "LC_CTYPE"}
    environment |= {"LC_ALL": "C.UTF-8", "ONE": "more"}

    code, out, err = ended(server.start(command, environment, tmp_path), b"read this")

    started = ended(start_process(command, environment, tmp_path), b"read this")
    assert (code, json.loads(out), err) == (3, json.loads(started[1]), b"in words\n")


def test_a_kill_has_its_status_and_variables_hold(server: ForkServer, tmp_path: Path) -> None:
    script = tmp_path / "wait.py"
    script.write_text("import sys; sys.flags.utf8_mode == 1 and sys.exit(7); sys.stdin.read()")
    command = [sys.executable, str(script)]
    process = server.start(command, os.environ, tmp_path)
    process.kill()
    in_utf8 = server.start(command, {**os.environ, "PYTHONUTF8": "1"}, tmp_path)

    assert (ended(process)[0], ended(in_utf8)[0]) == (-9, 7)

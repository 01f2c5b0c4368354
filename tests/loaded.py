"""Which modules a run of the plugin has loaded by its end, or before it asks anyone anything."""

import subprocess
import sys
from pathlib import Path

_RUN = """
sys.path.insert(0, {folder!r})
with open({script!r}) as file:
    code = compile(file.read(), {script!r}, "exec")
exec(code, {{"__name__": "__main__", "__file__": {script!r}}})
"""
_SPY = """
import os, sys
def leave(status):
    sys.stderr.write("\\n".join(sys.modules))
    sys.stderr.flush()
    leave_now(status)
leave_now, os._exit = os._exit, leave
sys.argv = [{script!r}]
"""
_SPY_OF_A_WORKER = """
import os, sys
def look(event, _arguments):
    if event == "socket.connect":
        os.write(1, "\\n".join(sys.modules).encode())
        os._exit(0)
sys.addaudithook(look)
sys.argv = [{script!r}, "--worker"]
"""


def loaded_before_asking(script: Path, connection: bytes) -> set[str]:
    """Run a worker until it connects to a server; return the modules that it had loaded by then."""
    spy = (_SPY_OF_A_WORKER + _RUN).format(script=str(script), folder=str(script.parent))
    done = subprocess.run(
        [sys.executable, "-S", "-c", spy],
        input=connection,
        capture_output=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.decode().splitlines())


def loaded_modules(script: Path, stdin: bytes) -> tuple[bytes, set[str]]:
    """Run the entry script in a Python without site packages; return its answer and its modules."""
    spy = (_SPY + _RUN).format(script=str(script), folder=str(script.parent))
    done = subprocess.run(
        [sys.executable, "-S", "-c", spy], input=stdin, capture_output=True, check=True, timeout=60
    )
    lines = done.stderr.decode().splitlines()
    return done.stdout, {line for line in lines if "\x02" not in line}

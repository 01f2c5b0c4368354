"""Loading the dependencies: nothing that nobody needs, and nothing said about it."""

from __future__ import annotations

import subprocess
import sys

from simulators.rig import REPOSITORY

_LOAD = """
import sys
from app.dependencies import activate_dependencies, dependency_problem
activate_dependencies(".")
print(dependency_problem("."), sys.modules.get("charset_normalizer"))
"""
_LOAD_WATCHED = f"""
import sys
sys.addaudithook(lambda event, _: event == "subprocess.Popen" and print("a program was started"))
{_LOAD}
"""


def test_no_guesser_of_character_sets_is_loaded_and_requests_does_not_complain() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _LOAD], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert ran.stdout == "None None\n"
    assert ran.stderr == ""  # whatever stands there Stash shows as an error


def test_loading_plexapi_starts_no_program() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _LOAD_WATCHED], cwd=REPOSITORY, capture_output=True, check=True
    )

    assert ran.stdout.splitlines() == [b"None None"]

"""Loading the dependencies: a complaint on stderr would show as an error in Stash."""

import subprocess
import sys

from simulators.rig import REPOSITORY

_LOAD = """
from app.dependencies import activate_dependencies, dependency_problem
activate_dependencies(".")
print(dependency_problem("."))
"""


def test_the_dependencies_load_without_a_complaint() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _LOAD], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert (ran.stdout, ran.stderr) == ("None\n", "")

"""The demo ends with libraries that agree, and leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

from simulators.rig import REPOSITORY
from tools.demo.acts import AGREE


def test_the_demo_ends_with_libraries_that_agree(tmp_path: Path) -> None:
    demo = subprocess.run(
        [sys.executable, "-m", "tools.demo", "--scenes", "24"],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert f"{AGREE}: 24 scenes" in demo.stdout
    assert "0 lost, 0 dead letters" in demo.stdout
    assert "0 writes to Plex" in demo.stdout
    assert demo.stderr == ""
    assert list(tmp_path.iterdir()) == []

"""The demo tells the truth: a plugin that leaves something out makes it fail, and say what."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simulators.rig import REPOSITORY, Rig
from simulators.stash.plugin_registry import PLUGIN_FILES, PLUGIN_FOLDERS
from tools.demo.fields import FIELDS, OTHER, differing
from tools.demo.finale import AGREE, DIFFER, comparison
from tools.demo.layout import bar, columns, cut_line, fit, line, wrap_line
from tools.demo.screen import Screen
from tools.demo.script import make_library
from tools.demo.stage import Stage

ARGUMENTS = (sys.executable, "-m", "tools.demo", "--scenes", "24")
MOST_SECONDS = 120


def play(temporary: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the demo to its end, with its temporary folder inside `temporary`."""
    return subprocess.run(
        [*ARGUMENTS, *arguments],
        cwd=REPOSITORY,
        env=environment(temporary, **environ),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=MOST_SECONDS,
        check=False,
    )


def environment(temporary: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(temporary), "PYTHONIOENCODING": "utf-8", **more}


def broken_plugin(folder: Path, breakage: Callable[[str], str]) -> Path:
    """Copy the plugin's files and break what decides which fields an edit carries."""
    folder.mkdir()
    for name in PLUGIN_FILES:
        shutil.copy2(REPOSITORY / name, folder / name)
    for name in PLUGIN_FOLDERS:
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, folder / name)
    target = folder / "plex" / "diff.py"
    source = target.read_text(encoding="utf-8")
    broken = breakage(source)
    assert broken != source, "the breakage no longer applies to plex/diff.py"
    target.write_text(broken, encoding="utf-8")
    return folder


def without_tags(source: str) -> str:
    return source.replace(', TAGS: "genre"', "")


def without_locks(source: str) -> str:
    return re.sub(r'(\.locked"\]?(?::| =) )"1"', r'\1"0"', source)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A stage whose servers are not started, with a library that Plex knows nothing of."""
    rig = Rig(tmp_path)
    stage = Stage(rig, Screen(io.StringIO(), {}), patience=1)
    stage.ids = make_library(rig, 12)
    return stage


def shown_by(stage: Stage) -> str:
    stream = io.StringIO()
    stage.screen = Screen(stream, {})
    comparison(stage)
    return stream.getvalue()


# -- the whole demo -------------------------------------------------------------------------------


def test_the_demo_ends_with_libraries_that_agree(tmp_path: Path) -> None:
    demo = play(tmp_path)

    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert f"{AGREE}: 24 scenes" in demo.stdout
    assert "0 lost, 0 dead letters" in demo.stdout
    assert "0 writes to Plex" in demo.stdout
    assert "\x1b" not in demo.stdout
    assert demo.stderr == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("breakage", "names"),
    [
        pytest.param(without_tags, "genres is []", id="tags"),
        pytest.param(without_locks, "not locked: actor, collection", id="locks"),
    ],
)
def test_a_plugin_that_leaves_something_out_fails_the_demo(
    tmp_path: Path, breakage: Callable[[str], str], names: str
) -> None:
    plugin = broken_plugin(tmp_path / "plugin", breakage)

    demo = play(tmp_path, "--plugin", str(plugin), "--patience", "4")

    assert demo.returncode == 1, demo.stdout + demo.stderr
    assert "did not come about" in demo.stdout
    assert names in demo.stdout
    assert "The worker's log ends so:" in demo.stdout
    assert AGREE not in demo.stdout


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    with subprocess.Popen(
        ARGUMENTS,
        cwd=REPOSITORY,
        env=environment(tmp_path, PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as demo:
        assert demo.stdout is not None
        assert any("The save waited" in text for text in demo.stdout)  # a worker runs
        demo.send_signal(signal.SIGINT)
        _, told = demo.communicate(timeout=MOST_SECONDS)

    assert demo.returncode == 130
    assert told == "\nInterrupted: nothing runs any more, nothing is left behind.\n"
    assert list(tmp_path.iterdir()) == []
    assert not [pid for pid in Path("/proc").iterdir() if runs_in(pid, tmp_path)]


def runs_in(process: Path, folder: Path) -> bool:
    try:
        return str(folder).encode() in (process / "cmdline").read_bytes()
    except OSError:
        return False


# -- the comparison -------------------------------------------------------------------------------


def test_libraries_that_differ_are_told_by_field(stage: Stage) -> None:
    assert not comparison(stage)

    told = shown_by(stage)
    assert f"{DIFFER}:" in told
    assert len(re.findall(r"x \w+ +\.+  0 of 12", told)) == len(FIELDS)
    assert "scene 1, item" in told
    assert "more" in told


def test_every_sentence_of_the_oracle_belongs_to_a_field(stage: Stage) -> None:
    by_field = differing(stage.rig.verdict())

    assert all(len(by_field[name]) == 12 for name in FIELDS)
    assert not by_field[OTHER]


# -- the terminal ---------------------------------------------------------------------------------


class Terminal(io.TextIOWrapper):
    """A stream that says that it is a terminal."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self.raw_bytes = io.BytesIO()
        super().__init__(self.raw_bytes, encoding=encoding, errors="strict", write_through=True)

    def isatty(self) -> bool:
        return True

    @property
    def text(self) -> str:
        return self.raw_bytes.getvalue().decode(self.encoding)


def test_a_terminal_sees_the_area_redrawn_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal()
    screen = Screen(terminal, {"TERM": "xterm"})

    screen.draw([line("one"), line("two")])
    screen.draw([line("three")])

    assert terminal.text == "one\ntwo\n\x1b[2A\x1b[Jthree\n"


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_plain_terminal_sees_only_what_stays(environ: dict[str, str]) -> None:
    terminal = Terminal()
    with Screen(terminal, environ) as screen:
        screen.draw([line("one")])
        screen.draw([line("two")])
        screen.write(line("above"))
        screen.keep()

    assert terminal.text == "above\ntwo\n"


def test_a_terminal_without_utf8_sees_no_garbage() -> None:
    terminal = Terminal("ascii")
    Screen(terminal, {"TERM": "dumb"}).write(line(*bar(4, 1, 1, 4)), line("✓ “東京” …\x1b[2J"))

    assert terminal.text == '#:..\n+ "??" ~ [2J\n'


def test_wide_characters_take_two_columns() -> None:
    assert columns("東京 e\N{COMBINING ACUTE ACCENT}") == 6
    assert fit("東京 Night", 6) == "東京 …"
    assert fit("東京", 6) == "東京  "
    assert cut_line(line("東京", "Night"), 6) == line("東京", "N…")


def test_a_long_line_is_broken_between_words() -> None:
    assert wrap_line(line("  Plex has ", "gone away"), 12) == [
        line("  Plex ", "has "),
        line("  ", "gone ", "away"),
    ]

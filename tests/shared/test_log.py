"""Stash's log protocol: one record a line, never too long, never a secret."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given

from shared.log import MAX_RECORD_BYTES, Log, one_line
from tests.validation.strategies import ANY_TEXT

REPOSITORY = Path(__file__).resolve().parents[2]
RECORD = re.compile(rb"\x01([tdiwep])\x02([^\x00-\x1f\x7f]+)\n")  # pkg/logger/plugin.go of Stash
LONGEST_LINE = 16 * 1024  # bytes
WILD = [
    "plain",
    "two\nlines",
    "crlf\r\nand\ttab",
    "control \x00\x01\x02\x1b[31m\x7f",
    "separators \x85\u2028\u2029",
    "lone \ud800 surrogate",
    "right \u202eto left",
    "Ünïcödé ☃ 👍",
    "x" * 100_000,
    "☃" * 60_000,
    "\n" * 70_000,
    "\ud800" * 70_000,
    "",
    "\x01e\x02faked",
]


class Collected:
    def __init__(self) -> None:
        self.records: list[tuple[str, str]] = []
        self.log = Log(lambda level, text, *_: self.records.append((level, text)))


@pytest.fixture
def collected() -> Collected:
    return Collected()


def test_debug_steps_have_a_level_that_stash_shows_on_request(collected: Collected) -> None:
    collected.log.step("hidden")
    collected.log.show_steps = True
    collected.log.step("shown")
    assert collected.records == [("i", "[DEBUG] shown")]


@pytest.mark.parametrize(
    ("fraction", "shown"),
    [
        (0, "0.0000"),
        (1 / 3, "0.3333"),
        (1, "1.0000"),
        (50, "1.0000"),
        (-1, "0.0000"),
        (1e-9, "0.0000"),
        (float("nan"), "0.0000"),
        (float("inf"), "1.0000"),
    ],
)
def test_progress_is_from_0_to_1(collected: Collected, fraction: float, shown: str) -> None:
    collected.log.progress(fraction)
    assert collected.records == [("p", shown)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\nb", "a\\nb"),
        ("a\r\nb", "a \\nb"),
        ("a\tb", "a b"),
        ("a\u2028b\x85c", "a b c"),
        ("a\x00b\x1b", "a\\x00b\\x1b"),
        ("a\ud800b", "a\\ud800b"),
        ("ü ☃ 👍", "ü ☃ 👍"),
    ],
)
def test_what_would_break_a_line_is_escaped(text: str, line: str) -> None:
    assert one_line(text) == line


@given(ANY_TEXT)
@example("☃" * MAX_RECORD_BYTES)
@example("x" + "👍" * MAX_RECORD_BYTES)
@example("\x00" * MAX_RECORD_BYTES)
def test_any_text_becomes_one_printable_line_below_the_limit(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert len(line.encode("utf-8")) <= MAX_RECORD_BYTES


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "step"])
def test_no_level_lets_a_secret_out(collected: Collected, level: str) -> None:
    collected.log.secrets.add("s3cret-token")
    collected.log.show_steps = True
    getattr(collected.log, level)("X-Plex-Token=s3cret-token&x")
    ((_, text),) = collected.records
    assert text.endswith("X-Plex-Token=[redacted]&x")


def test_a_secret_at_the_cut_does_not_leave_its_beginning_behind(collected: Collected) -> None:
    secret = "s3cret-token-of-some-length"
    collected.log.secrets.add(secret)
    for before in range(MAX_RECORD_BYTES - 60, MAX_RECORD_BYTES + 5):
        collected.log.info("." * before + secret + "." * 100)
    assert not [text for _, text in collected.records if "s3c" in text]


def stderr_of(script: str) -> bytes:
    child = subprocess.run(
        [sys.executable, "-"],
        cwd=REPOSITORY,
        input=script.encode("ascii"),
        capture_output=True,
        check=True,
    )
    assert child.stdout == b""
    return child.stderr


def test_whatever_is_said_arrives_as_one_short_record_a_line() -> None:
    script = f"""
from shared.log import create_logger
log = create_logger()
for text in {WILD!a}:
    log.debug(text), log.info(text), log.warning(text), log.error(text)
log.progress(0.25)
"""
    lines = stderr_of(script).splitlines(keepends=True)
    matches = [RECORD.fullmatch(line) for line in lines]
    assert [match.group(1) for match in matches if match] == [
        *(level for _ in WILD for level in (b"d", b"i", b"w", b"e")),
        b"p",
    ]
    assert max(map(len, lines)) < LONGEST_LINE
    assert lines[-1] == b"\x01p\x020.2500\n"
    assert lines[0] == b"\x01d\x02plain\n"


def test_stash_having_closed_its_end_is_no_reason_to_fail() -> None:
    script = """
import os
from shared.log import create_logger
read, write = os.pipe()
os.dup2(write, 2)
os.close(read), os.close(write)
create_logger().info("nobody listens")
os.close(2)
create_logger().info("nobody can")
"""
    assert stderr_of(script) == b""

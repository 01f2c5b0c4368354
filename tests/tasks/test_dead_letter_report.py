"""Errors that differ only in whom they are about have one reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.dead_letter_report import reason_of

REASONS = {
    "Plex has no item for /media/a b/c, d.mp4; if it should, scan its library in Plex": (
        "Plex has no item for …"
    ),
    r"Plex has no item for D:\Vids\x.y.mkv; of that name it has D:\Z\x.mkv (library 'Z')": (
        "Plex has no item for …"
    ),
    "several files of Plex may be /m/a.mp4: /x/a.mp4 (library 'One'), /y/a.mp4 (library 'Two'). "
    "Tell which folder is which": "several files of Plex may be … (library '…')",
    "editing item 4711: Plex refused (status 400)": "editing item …: Plex refused (status 400)",
    "editing item 5: Plex refused (status 400)": "editing item …: Plex refused (status 400)",
    "the scene has no file": "the scene has no file",
    "": "",
}


@pytest.mark.parametrize("message", REASONS)
def test_a_reason_leaves_out_whom_the_error_is_about(message: str) -> None:
    assert reason_of(message) == REASONS[message]


@given(st.text(max_size=400))
def test_any_text_has_a_reason_of_one_bounded_line(message: str) -> None:
    assert len(reason_of(message)) <= 300

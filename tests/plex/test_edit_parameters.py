from itertools import pairwise
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, strategies as st

from plex.edit_parameters import (
    MAX_QUERY,
    is_long,
    is_shortened,
    joined,
    packed,
    pieces,
    query,
    shortened,
    text_of,
)
from validation.sanitizers import sanitize_name, sanitize_summary

NAMES = st.lists(st.text(min_size=1, max_size=255).map(sanitize_name).filter(bool), max_size=60)
TEXTS = st.text(max_size=400).map(lambda text: sanitize_summary(text * 100)).filter(bool)
LONG_NAMES = [f"A tag, number {n:03} 東京" for n in range(500)]


def list_parameters(added: list[str], removed: list[str]) -> dict[str, str]:
    parameters = {f"genre[{n}].tag.tag": name for n, name in enumerate(added)}
    if removed:
        parameters["genre[].tag.tag-"] = ",".join(quote(name, safe="") for name in removed)
    return {**parameters, "genre.locked": "1"}


def text_parameters(text: str) -> dict[str, str]:
    return {"summary.value": text, "summary.locked": "1"}


@given(sizes=st.lists(st.integers(0, 6300), max_size=12))
def test_fields_share_requests_in_their_order_and_none_is_torn_apart(sizes: list[int]) -> None:
    fields = {f"f{n}": {f"f{n}.value": "x" * size} for n, size in enumerate(sizes)}
    groups = list(packed(fields))
    assert [name for group in groups for name in group] == list(fields)
    for group in groups:
        assert len(query(joined(group))) <= MAX_QUERY
    for one, after in pairwise(groups):
        first = next(iter(after.values()))
        assert len(query(joined(one))) + 1 + len(query(first)) > MAX_QUERY - len(one)


@given(added=NAMES, removed=NAMES)
def test_pieces_of_a_list_hold_each_name_in_order(added: list[str], removed: list[str]) -> None:
    requests = pieces(list_parameters(added, removed))
    assert not [one for one in requests if is_long(one)]
    names = [value for one in requests for key, value in one.items() if key.endswith("].tag.tag")]
    gone = [
        unquote(name)
        for one in requests
        for name in one.get("genre[].tag.tag-", "").split(",")
        if name
    ]
    assert (names, gone) == (added, removed)


def test_the_lock_comes_with_the_last_piece_and_what_is_taken_away_after_what_is_added() -> None:
    requests = pieces(list_parameters(LONG_NAMES, LONG_NAMES[::-1]))
    assert len(requests) > 4
    assert ["genre.locked" in one for one in requests] == [False] * (len(requests) - 1) + [True]
    takes_away = ["genre[].tag.tag-" in one for one in requests]
    assert takes_away == sorted(takes_away)
    for one in requests:
        places = [key for key in one if key.endswith("].tag.tag")]
        assert places == [f"genre[{n}].tag.tag" for n in range(len(places))]


@given(TEXTS)
def test_a_text_that_is_too_long_is_cut_to_what_fits_and_keeps_its_lock(text: str) -> None:
    parameters = text_parameters(text)
    short = shortened(parameters)
    assert not is_long(short)
    assert short["summary.locked"] == "1"
    if is_long(parameters):
        cut = text_of(short)
        assert cut.endswith("…")
        assert text.startswith(cut[:-1])
        assert len(query(short)) > MAX_QUERY * 0.6
        assert is_shortened(cut, text)
    else:
        assert short == parameters


def test_a_cut_text_ends_with_a_whole_word() -> None:
    short = text_of(shortened(text_parameters("word " * 4000)))
    assert short.endswith(" word…")


def test_japanese_is_cut_where_its_quoted_form_ends_to_fit() -> None:
    short = shortened(text_parameters("東京の夜" * 900))
    assert MAX_QUERY - 30 < len(query(short)) <= MAX_QUERY


@pytest.mark.parametrize(
    ("short", "full", "so"),
    [
        ("ab…", "abc", True),
        ("…", "abc", True),
        ("ab", "abc", False),
        ("ax…", "abc", False),
        ("abc…", "abc", True),
        ("", "abc", False),
    ],
)
def test_a_cut_text_is_known_by_its_beginning_and_its_end(short: str, full: str, so: bool) -> None:
    assert is_shortened(short, full) is so

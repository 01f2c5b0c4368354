"""The fake Stash's schema is a part of the real one."""

import pytest

from simulators.stash.conformance import (
    real_schema_path,
    small_schema_deviations,
    validate_against_real,
)

pytestmark = pytest.mark.skipif(
    not real_schema_path().is_file(),
    reason=f"no introspection of a real Stash at {real_schema_path()} (set STASH_SCHEMA)",
)


def test_every_name_and_type_of_the_small_schema_exists_in_a_real_stash() -> None:
    assert small_schema_deviations() == []


def test_a_query_that_a_real_stash_serves_has_no_complaints() -> None:
    assert validate_against_real("query Q($id: ID!) { findScene(id: $id) { id title } }") == []


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("{ findScene(id: 1) { checksum } }", "Cannot query field 'checksum'"),
        ("{ findScenes(filter: {limit: 1}) { count } }", "limit"),
        ("{ findScene(id: 1) { id }", "Syntax Error"),
    ],
)
def test_what_a_real_stash_would_refuse_is_named(query: str, complaint: str) -> None:
    assert any(complaint in each for each in validate_against_real(query))

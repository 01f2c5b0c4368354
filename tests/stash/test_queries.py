"""Every GraphQL text of the plugin, held to the API of a real Stash."""

import pytest

from simulators.stash.conformance import real_schema_path, validate_against_real
from stash import queries

TEXTS = {
    name: text
    for name, text in vars(queries).items()
    if name.isupper() and isinstance(text, str) and name not in ("SCENE_FIELDS", "_STAMPS")
}


def test_there_are_texts_to_hold_to_it() -> None:
    assert {"SETTINGS", "SCENES_AFTER", "SCENES_WITH_STUDIOS", "SCENE_COUNT"} <= set(TEXTS)


@pytest.mark.skipif(
    not real_schema_path().is_file(),
    reason=f"no introspection of a real Stash at {real_schema_path()} (set STASH_SCHEMA)",
)
@pytest.mark.parametrize(
    "text",
    [
        *TEXTS.values(),
        queries.scenes_by_id([1]),
        queries.scenes_by_id([1, 22, 333]),
        queries.scene_names([1, 22]),
        queries.scene_stamps([1, 22]),
        queries.without_stamps(queries.SCENES_AFTER),
    ],
    ids=[*TEXTS, "by_id(1)", "by_id(3)", "names(2)", "stamps(2)", "without stamps"],
)
def test_a_real_stash_has_no_complaint_about(text: str) -> None:
    assert validate_against_real(text) == []

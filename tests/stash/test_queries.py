"""Every GraphQL text of the plugin, checked against the API of real Stash releases."""

import pytest

from simulators.stash.conformance import NEWEST, OLDEST, validate_against_real
from stash import queries
from validation.scene_extractor import Detail

TEXTS = {
    name: text
    for name, text in vars(queries).items()
    if name.isupper() and isinstance(text, str) and name[0] != "_"
} | queries.SCENES_WITH


def test_the_queries_are_found() -> None:
    assert {"SETTINGS", "SCENES_AFTER", "studios", "SCENE_COUNT"} <= set(TEXTS)


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize(
    "text",
    [
        *TEXTS.values(),
        queries.scenes_by_id([1]),
        queries.scenes_by_id([1, 22, 333]),
        queries.scene_names([1, 22]),
        queries.scene_stamps([1, 22]),
        queries.without_stamps(queries.SCENES_AFTER),
        queries.with_details(queries.SCENES_WITH["studios"], Detail),
        queries.with_details(queries.scenes_by_id([1]), Detail),
    ],
    ids=[
        *(*TEXTS, "by_id(1)", "by_id(3)", "names(2)", "stamps(2)", "without stamps"),
        *("studios with details", "by_id(1) with details"),
    ],
)
def test_a_real_stash_accepts(text: str, version: str) -> None:
    older = queries.with_movies(text) if version == OLDEST else text
    assert validate_against_real(older, version) == []

"""Compares GraphQL documents with the schema of a real Stash."""

import functools
import json
import os
from pathlib import Path

from graphql import (
    BreakingChangeType,
    GraphQLError,
    GraphQLSchema,
    build_client_schema,
    find_breaking_changes,
    parse,
    validate,
)

REPOSITORY = Path(__file__).resolve().parents[2]


def real_schema_path() -> Path:
    """Return the file of the introspection: `STASH_SCHEMA`, or one beside the repository."""
    given = os.environ.get("STASH_SCHEMA")
    return Path(given) if given else REPOSITORY.parent / "shared" / "stash-schema.json"


@functools.cache
def real_schema() -> GraphQLSchema:
    """Return the schema of a real Stash.

    Raises:
        FileNotFoundError: its introspection is not here.
    """
    document = json.loads(real_schema_path().read_text(encoding="utf-8"))
    return build_client_schema(document["data"])


def validate_against_real(query_text: str) -> list[str]:
    """Return the errors of a real Stash for a GraphQL document."""
    try:
        document = parse(query_text)
    except GraphQLError as error:
        return [error.message]
    return [error.message for error in validate(real_schema(), document)]


def deviations(small: GraphQLSchema) -> list[str]:
    """Return the parts of a schema that a real Stash lacks or defines differently."""
    changed = (BreakingChangeType.FIELD_CHANGED_KIND, BreakingChangeType.ARG_CHANGED_KIND)
    real = real_schema()
    # A stricter type is compatible in one direction only.
    stricter = [one for one in find_breaking_changes(real, small) if one.type in changed]
    found = [*find_breaking_changes(small, real), *stricter]
    return [one.description for one in found if "@deprecated" not in one.description]

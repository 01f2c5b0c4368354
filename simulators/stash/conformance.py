import functools
from pathlib import Path

from graphql import (
    BreakingChangeType,
    GraphQLError,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    parse,
    validate,
)

FAKE_API = Path(__file__).with_name("schema.graphql")
API = Path(__file__).with_name("api")
OLDEST, NEWEST = "v0.26.0", "v0.30.1"


@functools.cache
def real_schema(version: str) -> GraphQLSchema:
    return build_schema((API / f"{version}.graphql").read_text(encoding="utf-8"))


def validate_against_real(query_text: str, version: str) -> list[str]:
    try:
        document = parse(query_text)
    except GraphQLError as error:
        return [error.message]
    return [error.message for error in validate(real_schema(version), document)]


def deviations(small: GraphQLSchema, version: str) -> list[str]:
    changed = (BreakingChangeType.FIELD_CHANGED_KIND, BreakingChangeType.ARG_CHANGED_KIND)
    real = real_schema(version)
    stricter = [one for one in find_breaking_changes(real, small) if one.type in changed]
    found = [*find_breaking_changes(small, real), *stricter]
    return [one.description for one in found if "@deprecated" not in one.description]

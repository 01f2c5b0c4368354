"""Holds GraphQL texts against the introspection of a real Stash."""

import functools
import json
import os
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    build_client_schema,
    is_specified_scalar_type,
    parse,
    validate,
)

from .engine import small_schema

REPOSITORY = Path(__file__).resolve().parents[2]


def real_schema_path() -> Path:
    """Where the introspection lies: `STASH_SCHEMA`, or `../shared` beside the repository."""
    given = os.environ.get("STASH_SCHEMA")
    return Path(given) if given else REPOSITORY.parent / "shared" / "stash-schema.json"


@functools.cache
def real_schema() -> GraphQLSchema:
    """The schema of a real Stash.

    Raises:
        FileNotFoundError: its introspection is not here.
    """
    document = json.loads(real_schema_path().read_text(encoding="utf-8"))
    return build_client_schema(document["data"])


def validate_against_real(query_text: str) -> list[str]:
    """What a real Stash would refuse about a GraphQL document; empty when nothing."""
    try:
        document = parse(query_text)
    except GraphQLError as error:
        return [error.message]
    return [error.message for error in validate(real_schema(), document)]


def small_schema_deviations() -> list[str]:
    """Everything in the fake's schema that a real Stash does not have, or has differently."""
    real = real_schema().type_map
    small = small_schema().type_map
    return [
        problem
        for name, type_ in small.items()
        if not name.startswith("__") and not is_specified_scalar_type(type_)
        for problem in _type_deviations(type_, real.get(name))
    ]


def _type_deviations(small: GraphQLNamedType, real: GraphQLNamedType | None) -> list[str]:
    if real is None:
        return [f"{small.name}: no such type"]
    if type(small) is not type(real):
        return [f"{small.name}: is a {type(real).__name__}"]
    if isinstance(small, GraphQLObjectType) and isinstance(real, GraphQLObjectType):
        return _fields_deviations(small, real)
    if isinstance(small, GraphQLInputObjectType) and isinstance(real, GraphQLInputObjectType):
        return _compare(small.name, small.fields, real.fields)
    if isinstance(small, GraphQLEnumType) and isinstance(real, GraphQLEnumType):
        return [f"{small.name}.{v}: no such value" for v in small.values if v not in real.values]
    return []


def _fields_deviations(small: GraphQLObjectType, real: GraphQLObjectType) -> list[str]:
    problems = _compare(small.name, small.fields, real.fields)
    for name, field in small.fields.items():
        if name in real.fields:
            problems += _compare(f"{small.name}.{name}", field.args, real.fields[name].args)
            problems += _missing_arguments(f"{small.name}.{name}", field.args, real.fields[name])
    return problems


def _missing_arguments(where: str, small: dict[str, Any], real: Any) -> list[str]:
    return [
        f"{where}({name}:) is required"
        for name, argument in real.args.items()
        if name not in small and str(argument.type).endswith("!")
    ]


def _compare(where: str, small: dict[str, Any], real: dict[str, Any]) -> list[str]:
    problems: list[str] = []
    for name, member in small.items():
        if name not in real:
            problems.append(f"{where}.{name}: does not exist")
        elif str(member.type) != str(real[name].type):
            problems.append(f"{where}.{name}: is {real[name].type}, not {member.type}")
    return problems

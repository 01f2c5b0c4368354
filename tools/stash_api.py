"""Describe the API of a Stash release: `python -m tools.stash_api CLONE TAG`.

CLONE is a git clone of Stash. The parts of the API that the tests of the fake Stash need are
written to `simulators/stash/api/TAG.graphql`.
"""

import subprocess
import sys
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_required_argument,
    is_required_input_field,
)

from simulators.stash.conformance import API, FAKE_API


def describe(real: GraphQLSchema, fake: GraphQLSchema) -> str:
    names = [name for name, kind in fake.type_map.items() if kind.ast_node is not None]
    shared = [name for name in sorted(names) if name in real.type_map]
    return "\n".join(_type(real.type_map[name], fake.type_map[name], fake) for name in shared)


def _type(kind: Any, fake_kind: Any, fake: GraphQLSchema) -> str:
    keyword = kind.ast_node.kind.partition("_")[0].replace("object", "type")
    if isinstance(kind, GraphQLEnumType):
        lines = [f"  {value}\n" for value in kind.values]
    else:
        lines = [
            f"  {name}{_arguments(field, fake)}: {field.type}\n"
            for name, field in getattr(kind, "fields", {}).items()
            if name in fake_kind.fields
            or (keyword == "input" and is_required_input_field(field))
            or (kind.name == "Scene" and get_named_type(field.type).name in fake.type_map)
        ]
    return f"{keyword} {kind.name}" + (f" {{\n{''.join(lines)}}}\n" if lines else "\n")


def _arguments(field: Any, fake: GraphQLSchema) -> str:
    arguments = [
        f"{name}: {argument.type}"
        for name, argument in getattr(field, "args", {}).items()
        if get_named_type(argument.type).name in fake.type_map or is_required_argument(argument)
    ]
    return f"({', '.join(arguments)})" if arguments else ""


def main(clone: str, tag: str) -> None:
    def git(*arguments: str) -> str:
        return subprocess.check_output(["git", "-C", clone, *arguments], text=True)

    files = git("ls-tree", "-r", "--name-only", tag, "graphql/schema").split()
    definitions = "\n".join(git("show", f"{tag}:{file}") for file in files)
    real = build_schema(definitions, assume_valid_sdl=True)
    fake = build_schema(FAKE_API.read_text(encoding="utf-8"))
    (API / f"{tag}.graphql").write_text(describe(real, fake), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

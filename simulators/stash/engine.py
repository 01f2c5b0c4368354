"""Parses, validates, caches and executes GraphQL requests."""

import functools
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from .calls import Call
from .entities import StashError
from .library import Library
from .projection import FieldReaders, NullFieldError, ProjectingExecutor

CACHE_SIZE = 512
UNPROCESSABLE = 422


@functools.cache
def small_schema() -> GraphQLSchema:
    """The schema that the fake serves, shared by all of them: resolvers come as root value."""
    sdl = (Path(__file__).parent / "schema.graphql").read_text(encoding="utf-8")
    return build_schema(sdl)


Resolver = Callable[[Call, Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A query text, parsed and validated once."""

    document: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation of that name, or the only one."""
        definitions = self.document.definitions if self.document else ()
        operations = [each for each in definitions if isinstance(each, OperationDefinitionNode)]
        if not name:
            return operations[0] if operations else None
        return next((each for each in operations if each.name and each.name.value == name), None)

    def top_level_fields(self, name: str | None) -> list[str]:
        """Return the names of the operation's root fields, each once."""
        operation = self.operation(name)
        selections = operation.selection_set.selections if operation else ()
        fields = [each for each in selections if isinstance(each, FieldNode)]
        return list(dict.fromkeys(field.name.value for field in fields))


@dataclass(frozen=True, slots=True)
class Answer:
    """A GraphQL response: the HTTP status that carries it, and its document."""

    status: int
    document: dict[str, Any]


@functools.lru_cache(CACHE_SIZE)
def prepare(query: str) -> Prepared:
    """Parses and validates a query text, once."""
    try:
        document = parse(query)
    except GraphQLError as error:
        return Prepared(None, (error,))
    return Prepared(document, tuple(validate(small_schema(), document)))


class Engine:
    """Executes requests on the small schema.

    Args:
        resolvers: resolvers of all root fields, of queries and mutations.
        readers: how fields below the root are read.
        library: locked while a query runs, never while a mutation does.

    Attributes:
        internal_errors: traces of what broke in the fake itself; a test may want none.
    """

    def __init__(
        self, resolvers: Mapping[str, Resolver], readers: FieldReaders, library: Library
    ) -> None:
        self.internal_errors: list[str] = []
        self._resolvers = resolvers
        self._library = library
        self._executor = type("StashExecutor", (ProjectingExecutor,), {"readers": readers})

    def execute(
        self, prepared: Prepared, variables: Mapping[str, Any], operation: str | None, call: Call
    ) -> Answer:
        """Executes a request. What cannot be executed at all gets 422, as gqlgen answers it."""
        if prepared.errors or prepared.document is None:
            return Answer(UNPROCESSABLE, _refusal(prepared.errors))
        chosen = prepared.operation(operation)
        if chosen is None:
            unknown = GraphQLError(f"operation {operation} not found")
            return Answer(UNPROCESSABLE, _refusal((unknown,)))
        if chosen.operation is OperationType.QUERY:
            with self._library.lock:
                return self._execute(prepared.document, variables, operation, call)
        return self._execute(prepared.document, variables, operation, call)

    def _execute(
        self,
        document: DocumentNode,
        variables: Mapping[str, Any],
        operation: str | None,
        call: Call,
    ) -> Answer:
        result = execute_sync(
            small_schema(),
            document,
            self._resolvers,
            field_resolver=_resolve,
            context_value=call,
            variable_values=dict(variables),
            operation_name=operation or None,
            executor_class=self._executor,
        )
        errors = result.errors or []
        if errors and result.data is None and not any(error.path for error in errors):
            return Answer(UNPROCESSABLE, _refusal(tuple(errors)))  # its variables do not fit
        document_: dict[str, Any] = {"data": result.data}
        if errors:
            document_ = {"errors": [self._format(error) for error in errors], **document_}
        return Answer(200, document_)

    def _format(self, error: GraphQLError) -> dict[str, Any]:
        original = error.original_error
        if original is not None and not isinstance(original, StashError | GraphQLError):
            self.internal_errors.append("".join(traceback.format_exception(original)))
        trail = original.trail if isinstance(original, NullFieldError) else []
        return {"message": error.message, "path": [*(error.path or ()), *trail]}


def _resolve(
    resolvers: Mapping[str, Resolver], info: GraphQLResolveInfo[Call], **arguments: Any
) -> Any:
    return resolvers[info.field_name](info.context, arguments)


def _refusal(errors: tuple[GraphQLError, ...]) -> dict[str, Any]:
    code = {"code": "GRAPHQL_VALIDATION_FAILED"}
    return {
        "errors": [{**error.formatted, "extensions": code} for error in errors],
        "data": None,
    }

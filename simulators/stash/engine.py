import functools
import operator
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLID,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    execute_sync,
    get_operation_ast,
    parse,
    validate,
)
from graphql.execution import Executor, get_argument_values

from .calls import Call
from .entities import StashError
from .library import Library

CACHE_SIZE = 512
UNPROCESSABLE = 422

Reader = Callable[[Any, Call, Mapping[str, Any]], Any]
FieldReaders = Mapping[tuple[str, str], Reader]

Project = Callable[[Any], Any]


@functools.cache
def small_schema() -> GraphQLSchema:
    sdl = (Path(__file__).parent / "schema.graphql").read_text(encoding="utf-8")
    return build_schema(sdl)


@dataclass(frozen=True, slots=True)
class Prepared:
    document: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        return get_operation_ast(self.document, name or None) if self.document else None

    def top_level_fields(self, name: str | None) -> list[str]:
        operation = self.operation(name)
        selections = operation.selection_set.selections if operation else ()
        fields = [each for each in selections if isinstance(each, FieldNode)]
        return list(dict.fromkeys(field.name.value for field in fields))


@functools.lru_cache(CACHE_SIZE)
def prepare(query: str) -> Prepared:
    try:
        document = parse(query)
    except GraphQLError as error:
        return Prepared(None, (error,))
    return Prepared(document, tuple(validate(small_schema(), document)))


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    document: dict[str, Any]


class Engine:
    def __init__(self, readers: FieldReaders, library: Library) -> None:
        self.internal_errors: list[str] = []
        self._readers = readers
        self._library = library

    def execute(
        self, prepared: Prepared, variables: Mapping[str, Any], operation: str | None, call: Call
    ) -> Answer:
        if prepared.errors or prepared.document is None:
            return _refusal(prepared.errors)
        chosen = prepared.operation(operation)
        if chosen is None:
            return _refusal([GraphQLError(f"operation {operation} not found")])
        if chosen.operation is OperationType.QUERY:
            with self._library.lock:
                return self._execute(prepared.document, variables, operation, call)
        # A mutation runs without the lock, because it waits for hooks whose queries need the lock.
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
            self._readers,
            field_resolver=_resolve,
            context_value=call,
            variable_values=dict(variables),
            operation_name=operation or None,
            executor_class=_Executor,
        )
        errors = result.errors or []
        has_wrong_variables = result.data is None and not any(error.path for error in errors)
        if errors and has_wrong_variables:
            return _refusal(errors)
        told = {"errors": [self._format(error) for error in errors]} if errors else {}
        return Answer(200, {**told, "data": result.data})

    def _format(self, error: GraphQLError) -> dict[str, Any]:
        original = error.original_error
        if original is not None and not isinstance(original, StashError | GraphQLError):
            self.internal_errors.append("".join(traceback.format_exception(original)))
        return {"message": error.message, "path": error.path}


class _NullFoundError(Exception):
    pass


class _Executor(Executor[Any]):
    """Replaces the executor of graphql-core, which needs 0.4 s to return 1,000 scenes."""

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: Any,
        info: GraphQLResolveInfo[Any],
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        if isinstance(return_type, GraphQLNonNull) and result is None:
            where = f"{info.parent_type}.{info.field_name}"
            raise GraphQLError(f"Cannot return null for non-nullable field {where}.")
        try:
            return self._projection(return_type, field_details_list)(result)
        except _NullFoundError:
            return super().complete_value(
                return_type, field_details_list, info, path, result, position_context
            )

    def _projection(self, type_: GraphQLOutputType, details: Any) -> Project:
        if isinstance(type_, GraphQLNonNull):
            return _required(self._projection(type_.of_type, details))
        if isinstance(type_, GraphQLList):
            each = self._projection(type_.of_type, details)
            return lambda values: None if values is None else [each(value) for value in values]
        if isinstance(type_, GraphQLObjectType):
            selected = self.collect_subfields(type_, details).grouped_field_set
            fields = [(name, self._reader(type_, below)) for name, below in selected.items()]
            return lambda record: (
                None if record is None else {name: read(record) for name, read in fields}
            )
        return _id if type_ is GraphQLID else _itself

    @cached_property
    def _readers(self) -> dict[tuple[object, ...], Project]:
        return {}

    def _reader(self, parent: GraphQLObjectType, details: Any) -> Project:
        # A query for many scenes repeats the same fragment, so each field is prepared only once.
        key = (parent.name, *(id(detail.node) for detail in details))
        if key not in self._readers:
            self._readers[key] = self._field(parent, details)
        return self._readers[key]

    def _field(self, parent: GraphQLObjectType, details: Any) -> Project:
        node = details[0].node
        name = node.name.value
        field = self.schema.get_field(parent, name)
        assert field is not None, "validation has refused such a query"
        project = self._projection(field.type, details)
        reader = self.root_value.get((parent.name, name))
        if reader is None:
            read = operator.attrgetter(name)
            return lambda record: project(read(record))
        arguments = get_argument_values(field, node, self.variable_values)
        return lambda record: project(reader(record, self.context_value, arguments))


def _required(project: Project) -> Project:
    def read(value: Any) -> Any:
        completed = project(value)
        if completed is None:
            raise _NullFoundError
        return completed

    return read


def _id(value: Any) -> str | None:
    return None if value is None else str(value)


def _itself(value: Any) -> Any:
    return value


def _resolve(record: Any, info: GraphQLResolveInfo[Call], **arguments: Any) -> Any:
    reader = info.root_value.get((info.parent_type.name, info.field_name))
    if reader is None:
        return getattr(record, info.field_name)
    return reader(record, info.context, arguments)


def _refusal(errors: Sequence[GraphQLError]) -> Answer:
    code = {"code": "GRAPHQL_VALIDATION_FAILED"}
    told = [{**error.formatted, "extensions": code} for error in errors]
    return Answer(UNPROCESSABLE, {"errors": told, "data": None})

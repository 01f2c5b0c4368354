"""Turns records into JSON quickly.

graphql-core completes a value field by field with a path and an info object for each: 17 µs a
field, 0.4 s for a page of 1,000 scenes. Below the root fields nothing here needs that: a selection
of a type is compiled once per request into a list of readers, and each record is read with it.
graphql-core still parses, validates, coerces arguments, merges fragments and obeys directives.
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLID,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    get_named_type,
)
from graphql.execution import Executor, get_argument_values

Reader = Callable[[Any, Any, Mapping[str, Any]], Any]
"""Reads a field: the record, the request's context, the field's arguments."""

FieldReaders = Mapping[tuple[str, str], Reader]
"""Readers of fields that are no plain attribute, by type and field name."""

Project = Callable[[Any], Any]

TContext = TypeVar("TContext")


class NullFieldError(GraphQLError):
    """A field that may not be null is null; `trail` leads to it from the root field on."""

    def __init__(self, where: str) -> None:
        super().__init__(f"Cannot return null for non-nullable field {where}.")
        self.trail: list[str | int] = []


class ProjectingExecutor(Executor[TContext]):
    """Completes objects and lists with compiled projections.

    Subclass it with `readers`; every other field is an attribute of its record.
    """

    readers: ClassVar[FieldReaders] = {}

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: Any,
        info: GraphQLResolveInfo[Any],
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        """One record."""
        if _is_introspection(return_type):
            return super().complete_object_value(
                return_type, field_details_list, info, path, result, position_context
            )
        return self._object(return_type, field_details_list)(result)

    def complete_list_value(
        self,
        return_type: GraphQLList[GraphQLOutputType],
        field_details_list: Any,
        info: GraphQLResolveInfo[Any],
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        """A list of records or plain values."""
        if _is_introspection(return_type):
            return super().complete_list_value(
                return_type, field_details_list, info, path, result, position_context
            )
        project = self._type(return_type.of_type, field_details_list, str(return_type))
        return [project(item) for item in result]

    def _object(self, type_: GraphQLObjectType, details: Any) -> Project:
        fields: list[tuple[str, Project]] = []
        collected = self.collect_subfields(type_, details)
        for response_name, field_details in collected.grouped_field_set.items():
            fields.append((response_name, self._field(type_, field_details)))

        def read_object(record: Any) -> Any:
            name = ""
            found = {}
            try:
                for name, project in fields:
                    found[name] = project(record)
            except NullFieldError as error:
                error.trail.insert(0, name)
                raise
            return found

        return read_object

    def _field(self, parent: GraphQLObjectType, details: Any) -> Project:
        node = details[0].node
        name = node.name.value
        if name == "__typename":
            return lambda _record: parent.name
        field = self.schema.get_field(parent, name)
        if field is None:  # validation has refused such a query
            msg = f"{parent.name} has no field {name}"
            raise GraphQLError(msg)
        read = self._reader(parent, name, field, node)
        project = self._type(field.type, details, f"{parent.name}.{name}")
        return lambda record: project(read(record))

    def _reader(
        self, parent: GraphQLObjectType, name: str, field: GraphQLField, node: Any
    ) -> Callable[[Any], Any]:
        reader = self.readers.get((parent.name, name))
        if reader is None:
            return operator.attrgetter(name)
        arguments: Mapping[str, Any] = (
            get_argument_values(field, node, self.variable_values) if field.args else {}
        )
        context = self.context_value
        return lambda record: reader(record, context, arguments)

    def _type(self, type_: GraphQLOutputType, details: Any, where: str) -> Project:
        if not isinstance(type_, GraphQLNonNull):
            project = self._nullable(type_, details, where)
            if project is _itself:
                return _itself
            return lambda value: None if value is None else project(value)
        required = self._nullable(type_.of_type, details, where)

        def refuse_null(value: Any) -> Any:
            if value is None:
                raise NullFieldError(where)
            return required(value)

        return refuse_null

    def _nullable(self, type_: GraphQLOutputType, details: Any, where: str) -> Project:
        if isinstance(type_, GraphQLObjectType):
            return self._object(type_, details)
        if isinstance(type_, GraphQLList):
            return _each(self._type(type_.of_type, details, where))
        return str if type_ is GraphQLID else _itself


def _is_introspection(type_: GraphQLOutputType) -> bool:
    return get_named_type(type_).name.startswith("__")


def _each(project: Project) -> Project:
    def read_all(values: Iterable[Any]) -> list[Any]:
        found: list[Any] = []
        try:
            for value in values:
                found.append(project(value))  # noqa: PERF401 - its length tells where it broke
        except NullFieldError as error:
            error.trail.insert(0, len(found))
            raise
        return found

    return read_all


def _itself(value: Any) -> Any:
    return value

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from .clock import StashClock
from .entities import Named, StashError

NamedT = TypeVar("NamedT", bound=Named)

Ref = str | int


class Shelf(Generic[NamedT]):
    def __init__(self, kind: str, make: Callable[..., NamedT], clock: StashClock) -> None:
        self.kind = kind
        self.by_id: dict[int, NamedT] = {}
        self._make = make
        self._clock = clock
        self._ids: dict[str, int] = {}
        self._last_id = 0

    def add(self, name: str, **fields: Any) -> NamedT:
        if name in self._ids and not fields.get("disambiguation"):
            msg = f"{self.kind} with name '{name}' already exists"
            raise StashError(msg)
        self._last_id += 1
        stamp = self._clock.stamp()
        record = self._make(
            id=self._last_id, name=name, created_at=stamp, updated_at=stamp, **fields
        )
        self.by_id[record.id] = record
        self._ids.setdefault(name, record.id)
        return record

    def find(self, ref: Ref) -> NamedT | None:
        return self.by_id.get(ref if isinstance(ref, int) else self._ids.get(ref, 0))

    def get(self, ref: Ref) -> NamedT:
        found = self.find(ref)
        if found is None:
            msg = f"{self.kind} with id {ref} not found"
            raise StashError(msg)
        return found

    def ensure(self, ref: Ref) -> int:
        if isinstance(ref, int):
            return self.get(ref).id
        return self._ids.get(ref) or self.add(ref).id

    def update(self, ref: Ref, **changes: Any) -> NamedT:
        record = self.get(ref)
        name = changes.get("name", record.name)
        if name != record.name and name in self._ids:
            msg = f"{self.kind} with name '{name}' already exists"
            raise StashError(msg)
        changes.setdefault("updated_at", self._clock.stamp())
        changed = dataclasses.replace(record, **changes)
        self._forget_name(record)
        self._ids.setdefault(changed.name, changed.id)
        self.by_id[changed.id] = changed
        return changed

    def remove(self, ref: Ref) -> NamedT:
        record = self.get(ref)
        del self.by_id[record.id]
        self._forget_name(record)
        return record

    def _forget_name(self, record: NamedT) -> None:
        if self._ids.get(record.name) == record.id:
            del self._ids[record.name]

    def sorted_by_name(self, ids: Iterable[int]) -> list[NamedT]:
        by_id = self.by_id
        found = [by_id[id_] for id_ in ids if id_ in by_id]
        found.sort(key=lambda record: record.name.casefold())
        return found

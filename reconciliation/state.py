import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from typing import Any, NamedTuple

from reconciliation.findings import STATE_NAMES, GapDetectionResult
from reconciliation.safety_limits import Question
from shared.events import Report
from shared.state_file import KeptState, parse_count, parse_fields
from sync_queue.sync_log import object_of

DAY = 86_400.0


class Scope(Enum):
    ALL = "all"
    RECENT = "24h"
    WEEK = "7days"

    def since(self, now: float) -> float | None:
        days = {Scope.ALL: None, Scope.RECENT: 1, Scope.WEEK: 7}[self]
        return None if days is None else now - days * DAY

    @property
    def words(self) -> str:
        if self is Scope.ALL:
            return "all scenes"
        return f"scenes created in the last {'24 hours' if self is Scope.RECENT else '7 days'}"

    def covers(self, other: "Scope") -> bool:
        return self is Scope.ALL or self is other or other is Scope.RECENT


@dataclass(frozen=True, slots=True)
class Order:
    scope: Scope
    only_empty: bool = False
    by_user: bool = True
    is_startup: bool = False

    @property
    def words(self) -> str:
        return f"{self.scope.words}{' without metadata in Plex' if self.only_empty else ''}"

    def finds_the_same_as(self, other: "Order") -> bool:
        return (self.scope, self.only_empty) == (other.scope, other.only_empty)


@dataclass(slots=True)
class Run:
    """An unfinished run, which has compared the scenes up to the id `cursor`.

    `allowed` means that the run exceeds no safety limit, or that the user has confirmed the run.
    """

    order: Order
    begun_at: float
    cursor: int = 0
    total: int = 0
    is_checked: bool = False
    allowed: bool = False
    result: GapDetectionResult = field(default_factory=GapDetectionResult)

    def to_state(self) -> dict[str, Any]:
        return {
            "order": {**asdict(self.order), "scope": self.order.scope.value},
            "begun_at": self.begun_at,
            "cursor": self.cursor,
            "total": self.total,
            "walked": self.is_checked,
            "allowed": self.allowed,
            "sums": self.result.to_state(),
        }


def run_of_today(raw: Any, now: float) -> Run | None:
    try:
        order = raw["order"]
        flags = {name: bool(order[name]) for name in ("only_empty", "by_user", "is_startup")}
        run = Run(
            order=Order(Scope(order["scope"]), **flags),
            begun_at=float(raw["begun_at"]),
            cursor=int(raw["cursor"]),
            total=int(raw["total"]),
            is_checked=bool(raw["walked"]),
            allowed=bool(raw["allowed"]),
            result=GapDetectionResult.parse(raw["sums"]),
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return None
    return run if 0 <= now - run.begun_at < DAY else None


class Gap(NamedTuple):
    scene_id: int
    kind: str
    changed_at: str = ""


class GapStore:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def run(self, now: float) -> Run | None:
        row = self._connection.execute("SELECT run FROM reconciliation_run").fetchone()
        return run_of_today(object_of(row[0]), now) if row else None

    def save_run(self, run: Run) -> None:
        statement = "INSERT OR REPLACE INTO reconciliation_run (id, run) VALUES (1, ?)"
        self._connection.execute(statement, (json.dumps(run.to_state()),))

    def add(self, gaps: Iterable[Gap]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO reconciliation_gaps (scene_id, kind, changed_at) "
            "VALUES (?, ?, ?)",
            gaps,
        )

    def first(self, limit: int) -> list[Gap]:
        statement = "SELECT scene_id, kind, changed_at FROM reconciliation_gaps ORDER BY scene_id"
        return [Gap(*row) for row in self._connection.execute(f"{statement} LIMIT ?", (limit,))]

    def remove(self, gaps: Iterable[Gap]) -> None:
        self._connection.executemany(
            "DELETE FROM reconciliation_gaps WHERE scene_id = ?", [(gap.scene_id,) for gap in gaps]
        )

    def clear(self) -> None:
        self._connection.execute("DELETE FROM reconciliation_gaps")
        self._connection.execute("DELETE FROM reconciliation_run")


@dataclass(frozen=True, slots=True)
class ReconciliationState:
    """The results of past runs, and the times that decide when the next run starts."""

    last_run_time: float = 0.0
    last_run_scope: str = ""
    last_gaps_found: int = 0
    last_gaps_by_type: Mapping[str, int] = field(
        default_factory=lambda: dict.fromkeys(STATE_NAMES.values(), 0)
    )
    last_enqueued: int = 0
    last_scenes_checked: int = 0
    is_startup_run: bool = False
    run_count: int = 0
    interval_run_time: float = 0.0
    tried_at: float = 0.0
    question: Question | None = None
    ended_at: float = 0.0
    ended_scope: str = ""
    ended_only_empty: bool = False
    summary: str = ""


def parse_reconciliation_state(raw: Mapping[str, Any]) -> ReconciliationState:
    by_type = raw.get("last_gaps_by_type")
    by_type = by_type if isinstance(by_type, Mapping) else {}
    # Older versions stored only `last_run_time`, so it is the default of `interval_run_time`.
    raw = {"interval_run_time": raw.get("last_run_time"), **raw}
    return replace(
        parse_fields(ReconciliationState, raw) or ReconciliationState(),
        question=parse_fields(Question, raw.get("question")),
        last_gaps_by_type={
            name: parse_count(by_type.get(name)) or 0 for name in STATE_NAMES.values()
        },
    )


class StateFile:
    def __init__(self, path: str, report: Report, clock: Callable[[], float]) -> None:
        self._file = KeptState(path, report)
        self._clock = clock

    def read(self) -> ReconciliationState:
        now = self._clock()
        state = parse_reconciliation_state(self._file.read(now))
        return replace(state, tried_at=now) if self._file.is_unread else state

    def write(self, state: ReconciliationState) -> None:
        self._file.write(asdict(state))


def after(state: ReconciliationState, run: Run, now: float, summary: str) -> ReconciliationState:
    order, result = run.order, run.result
    # If a user reconciles a part of the library, this run does not delay the next regular run.
    restarts = not order.by_user or (order.scope is Scope.ALL and not order.only_empty)
    return replace(
        without_result(state, run, now, summary),
        tried_at=0.0,
        last_run_time=now,
        last_run_scope=order.scope.value,
        last_gaps_found=result.gaps,
        last_gaps_by_type=result.gaps_by_type,
        last_enqueued=result.enqueued,
        last_scenes_checked=result.checked,
        is_startup_run=order.is_startup,
        run_count=state.run_count + 1,
        interval_run_time=now if restarts and not order.is_startup else state.interval_run_time,
        question=state.question if order.is_startup else None,
    )


def without_result(
    state: ReconciliationState, run: Run, now: float, summary: str
) -> ReconciliationState:
    return replace(
        state,
        tried_at=now,
        ended_at=now,
        ended_scope=run.order.scope.value,
        ended_only_empty=run.order.only_empty,
        summary=summary,
    )

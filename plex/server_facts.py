import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from plex.index_database import IndexDatabase
from shared.events import Event, Report
from validation.paths import folded

TABLE = """
CREATE TABLE IF NOT EXISTS server_facts (
    server_id TEXT NOT NULL, version TEXT NOT NULL, fact TEXT NOT NULL, subject TEXT NOT NULL,
    value TEXT NOT NULL, PRIMARY KEY (server_id, fact, subject)) WITHOUT ROWID
"""
_LOCK, _DATE_SHIFT, _TESTED = "lock", "date_shift", "tested"
_REFUSED_NAME, _SMART, _EDIT_SECONDS = "refused_name", "smart_collection", "edit_seconds"
_SHOWN, _HIDDEN = "shown", "hidden"
_SELECT = "SELECT fact, subject, value FROM server_facts WHERE server_id = ? AND version = ?"
_UPSERT = (
    "INSERT INTO server_facts VALUES (?, ?, ?, ?, ?) ON CONFLICT (server_id, fact, subject) "
    "DO UPDATE SET value = excluded.value WHERE value != excluded.value"
)
_WORDS = {
    "actor": "actors",
    "genre": "genres",
    "collection": "collections",
    "originallyAvailableAt": "the date",
    "titleSort": "the sort title",
    "thumb": "the poster",
    "art": "the background",
}


# The first member of each enumeration is the behaviour of most servers.


class DateClearing(Enum):
    ACCEPTED = "accepted"
    REFUSED = "refused"
    IGNORED = "ignored"


class SortTitle(Enum):
    FOLLOWS = "follows"
    STAYS = "stays"


class ImageSelection(Enum):
    AUTOMATIC = "automatic"
    EXPLICIT = "explicit"


class RemovalEncoding(Enum):
    TWICE = "twice"
    ONCE = "once"


Trait = DateClearing | SortTitle | ImageSelection | RemovalEncoding
_TRAITS: Mapping[str, type[Trait]] = {
    "date_clearing": DateClearing,
    "sort_title": SortTitle,
    "image_selection": ImageSelection,
    "removal_encoding": RemovalEncoding,
}
_NO_EMPTY_DATE = (
    ", so a date that is removed in Stash is replaced by Plex's date from before the first sync"
)
_SENTENCES: Mapping[Trait, str] = {
    DateClearing.ACCEPTED: "Plex accepts an empty date",
    DateClearing.REFUSED: f"Plex refuses an empty date{_NO_EMPTY_DATE}",
    DateClearing.IGNORED: f"Plex ignores an empty date{_NO_EMPTY_DATE}",
    SortTitle.FOLLOWS: "Plex adapts the sort title to an edited title",
    SortTitle.STAYS: (
        "Plex does not adapt the sort title to an edited title, so the plugin sends both titles"
    ),
    ImageSelection.AUTOMATIC: "Plex shows an uploaded image at once",
    ImageSelection.EXPLICIT: (
        "Plex does not show an uploaded image automatically, so the plugin selects the image"
    ),
    RemovalEncoding.TWICE: "Plex can remove a single name that contains a comma",
    RemovalEncoding.ONCE: (
        "Plex cannot remove a single name that contains a comma, so the plugin empties such a list "
        "and fills it again"
    ),
}


@dataclass(frozen=True, slots=True)
class Behaviour:
    hidden_locks: frozenset[str] = frozenset()
    shown_locks: frozenset[str] = frozenset()
    date_clearing: DateClearing | None = None
    sort_title: SortTitle | None = None
    image_selection: ImageSelection | None = None
    removal_encoding: RemovalEncoding | None = None
    # Some servers add days to each sent date. This is the number of days, by library key.
    date_shift: Mapping[int, int] = field(default_factory=dict)
    tested_at: float = 0.0
    smart_collections: Mapping[int, frozenset[str]] = field(default_factory=dict)

    @property
    def cannot_clear_dates(self) -> bool:
        return self.date_clearing in (DateClearing.REFUSED, DateClearing.IGNORED)

    def sentences(self) -> list[str]:
        traits = [getattr(self, name) for name in _TRAITS]
        return [
            *(_lock_sentence(lock, shown=False) for lock in sorted(self.hidden_locks)),
            *(_lock_sentence(lock, shown=True) for lock in self.shown_locks & {"actor"}),
            *(_SENTENCES[trait] for trait in traits if trait is not None),
            *(_shift_sentence(*shift) for shift in sorted(self.date_shift.items())),
        ]


UNKNOWN = Behaviour()


@dataclass
class ServerFacts:
    database: IndexDatabase
    identity: Callable[[], tuple[str, str]]
    report: Report
    smart_collections: dict[int, frozenset[str]] = field(default_factory=dict)
    smart_since: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.database.run(TABLE)

    def behaviour(self) -> Behaviour:
        stored = _behaviour(self.database.rows(_SELECT, *self.identity()))
        return replace(stored, smart_collections=self.smart_collections)

    def learn(self, trait: Trait) -> None:
        (name,) = (name for name, kind in _TRAITS.items() if isinstance(trait, kind))
        sentence = "" if trait is next(iter(type(trait))) else _SENTENCES[trait]
        self._store(name, "", trait.value, sentence)

    def learn_lock(self, lock: str, *, shown: bool) -> None:
        sentence = "" if shown else _lock_sentence(lock, shown=False)
        self._store(_LOCK, lock, _SHOWN if shown else _HIDDEN, sentence)

    def learn_date_shift(self, section_key: int, days: int) -> None:
        sentence = _shift_sentence(section_key, days) if days else ""
        self._store(_DATE_SHIFT, str(section_key), str(days), sentence)

    def report_smart_collection(self, section_key: int, name: str) -> None:
        sentence = (
            f"The collection '{name}' of library {section_key} is a smart collection, so scenes do "
            "not join it. To use the name for scenes, rename the smart collection in Plex, then "
            "run 'Stash2Plex.py sync --force' in a shell"
        )
        self._store(_SMART, f"{section_key}: {folded(name)}", "", sentence)

    def refused_names(self) -> Mapping[str, float]:
        rows = self.database.rows(_SELECT, *self.identity())
        return {subject: float(value) for fact, subject, value in rows if fact == _REFUSED_NAME}

    def note_refused_names(self, names: Mapping[str, float]) -> None:
        for name, moment in names.items():
            self._store(_REFUSED_NAME, name, str(moment))

    def edit_seconds(self) -> float | None:
        rows = self.database.rows(_SELECT, *self.identity())
        return next((float(value) for fact, _, value in rows if fact == _EDIT_SECONDS), None)

    def note_edit_seconds(self, seconds: float) -> None:
        self._store(_EDIT_SECONDS, "", str(round(seconds, 6)))

    def note_test(self, now: float) -> None:
        self._store(_TESTED, "", str(now))

    def _store(self, fact: str, subject: str, value: str, sentence: str = "") -> None:
        server_id, version = self.identity()
        with self.database.transaction():
            self.database.write(
                "DELETE FROM server_facts WHERE server_id = ? AND version != ?", server_id, version
            )
            changed = self.database.write(_UPSERT, server_id, version, fact, subject, value)
        if changed and sentence:
            self.report(Event.SERVER_LEARNED, version=version, fact=sentence)


def stored_behaviours(connection: sqlite3.Connection) -> dict[tuple[str, str], Behaviour]:
    statement = "SELECT 1 FROM sqlite_master WHERE name = 'server_facts'"
    if connection.execute(statement).fetchone() is None:
        return {}
    servers = connection.execute("SELECT DISTINCT server_id, version FROM server_facts").fetchall()
    return {server: _behaviour(connection.execute(_SELECT, server)) for server in servers}


def _behaviour(rows: Iterable[tuple[str, str, str]]) -> Behaviour:
    known: dict[str, dict[str, str]] = {}
    for fact, subject, value in rows:
        known.setdefault(fact, {})[subject] = value
    locks, shifts = known.get(_LOCK, {}), known.get(_DATE_SHIFT, {})
    traits = {name: kind(known[name][""]) for name, kind in _TRAITS.items() if name in known}
    return Behaviour(
        hidden_locks=frozenset(lock for lock, value in locks.items() if value == _HIDDEN),
        shown_locks=frozenset(lock for lock, value in locks.items() if value == _SHOWN),
        date_shift={int(key): int(days) for key, days in shifts.items() if int(days)},
        tested_at=float(known.get(_TESTED, {}).get("", 0.0)),
        **traits,  # type: ignore[arg-type]
    )


def _lock_sentence(lock: str, *, shown: bool) -> str:
    name = _WORDS.get(lock, f"the {lock}")
    if shown:
        return f"Plex reports whether {name} are locked"
    return f"Plex does not report the lock of {name}, so the lock is set once and not checked"


def _shift_sentence(section_key: int, days: int) -> str:
    shown, sent = ("earlier", "later") if days < 0 else ("later", "earlier")
    return f"Library {section_key} shows dates a day {shown}, so the plugin sends them a day {sent}"

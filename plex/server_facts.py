"""The learned behaviour of a Plex server, stored in `library.db`.

Servers differ where Plex's documentation is silent. The plugin learns from reading back its edits,
and stores the result by the server's id and version. Facts of another version are deleted.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from plex.index_database import IndexDatabase
from shared.events import Event, Report

TABLE = """
CREATE TABLE IF NOT EXISTS server_facts (
    server_id TEXT NOT NULL, version TEXT NOT NULL, fact TEXT NOT NULL, subject TEXT NOT NULL,
    value TEXT NOT NULL, PRIMARY KEY (server_id, fact, subject)) WITHOUT ROWID
"""
_LOCK, _DATE_SHIFT, _TESTED = "lock", "date_shift", "tested"
_REFUSED_NAME = "refused_name"
_SHOWN, _HIDDEN = "shown", "hidden"
_SELECT = "SELECT fact, subject, value FROM server_facts WHERE server_id = ? AND version = ?"
_WORDS = {
    "actor": "actors",
    "genre": "genres",
    "collection": "collections",
    "originallyAvailableAt": "the date",
    "titleSort": "the sort title",
    "thumb": "the poster",
    "art": "the background",
}


class DateClearing(Enum):
    """The effect of an empty date."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # the server answers with an error
    IGNORED = "ignored"  # the server answers 200 and still shows a date


class SortTitle(Enum):
    """The effect of an edited title on the sort title."""

    FOLLOWS = "follows"
    STAYS = "stays"


class ImageSelection(Enum):
    """Whether the server shows an uploaded image."""

    AUTOMATIC = "automatic"
    EXPLICIT = "explicit"  # only after a second request that selects the image


class RemovalEncoding(Enum):
    """How often the server decodes names of tags to remove."""

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
    ", so a date that is removed in Stash becomes the one that Plex showed before the first sync"
)
_SENTENCES: Mapping[Trait, str] = {
    DateClearing.ACCEPTED: "It takes an empty date",
    DateClearing.REFUSED: f"It refuses an empty date{_NO_EMPTY_DATE}",
    DateClearing.IGNORED: f"It ignores an empty date{_NO_EMPTY_DATE}",
    SortTitle.FOLLOWS: "The sort title follows an edited title",
    SortTitle.STAYS: "The sort title does not follow an edited title, so it is sent along",
    ImageSelection.AUTOMATIC: "It shows an uploaded image",
    ImageSelection.EXPLICIT: "It does not show an uploaded image until that is selected",
    RemovalEncoding.TWICE: "It decodes the names of removed tags twice",
    RemovalEncoding.ONCE: (
        "It decodes the names of removed tags once, so a list from which a name with a comma is "
        "removed is emptied and filled again"
    ),
}
_EXPECTED = (
    DateClearing.ACCEPTED,
    SortTitle.FOLLOWS,
    ImageSelection.AUTOMATIC,
    RemovalEncoding.TWICE,
)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The known behaviour of a server; None for a trait that was not observed yet."""

    # Plex's names of locks that were set and do not show.
    hidden_locks: frozenset[str] = frozenset()
    shown_locks: frozenset[str] = frozenset()  # Plex's names of locks that have shown
    date_clearing: DateClearing | None = None
    sort_title: SortTitle | None = None
    image_selection: ImageSelection | None = None
    removal_encoding: RemovalEncoding | None = None
    # Library key → days between the shown and the sent date.
    date_shift: Mapping[int, int] = field(default_factory=dict)
    # When Test Write last completed, in seconds since the epoch; 0 for never.
    tested_at: float = 0.0

    @property
    def cannot_clear_dates(self) -> bool:
        """Whether an empty date has no effect."""
        return self.date_clearing in (DateClearing.REFUSED, DateClearing.IGNORED)

    def sentences(self) -> list[str]:
        """Return the known behaviour in words."""
        traits = [getattr(self, name) for name in _TRAITS]
        return [
            *(_lock_sentence(lock, shown=False) for lock in sorted(self.hidden_locks)),
            *(_lock_sentence(lock, shown=True) for lock in self.shown_locks & {"actor"}),
            *(_SENTENCES[trait] for trait in traits if trait is not None),
            *(_shift_sentence(*shift) for shift in sorted(self.date_shift.items())),
        ]


UNKNOWN = Behaviour()


class ServerFacts:
    """The facts about the connected server, including those that other processes learned.

    `identity` returns the server's id and version; it may raise a `PlexError`. `report` gets an
    event, once, about an unusual behaviour.
    """

    def __init__(
        self, database: IndexDatabase, identity: Callable[[], tuple[str, str]], report: Report
    ) -> None:
        database.run(TABLE)
        self._database = database
        self._identity = identity
        self._report = report

    def behaviour(self) -> Behaviour:
        """Return the known behaviour of this version of the server."""
        return _behaviour(self._database.rows(_SELECT, *self._identity()))

    def learn(self, trait: Trait) -> None:
        """Store a trait; report a new and unusual one."""
        (name,) = (name for name, kind in _TRAITS.items() if isinstance(trait, kind))
        self._store(name, "", trait.value, "" if trait in _EXPECTED else _SENTENCES[trait])

    def learn_lock(self, lock: str, *, shown: bool) -> None:
        """Store whether a lock (Plex's name) shows."""
        sentence = "" if shown else _lock_sentence(lock, shown=False)
        self._store(_LOCK, lock, _SHOWN if shown else _HIDDEN, sentence)

    def learn_date_shift(self, section_key: int, days: int) -> None:
        """Store the days between shown and sent dates in a library."""
        sentence = _shift_sentence(section_key, days) if days else ""
        self._store(_DATE_SHIFT, str(section_key), str(days), sentence)

    def refused_names(self) -> Mapping[str, float]:
        """Return when each name was refused, by key (see `plex.edit_sender.Refusals`)."""
        rows = self._database.rows(_SELECT, *self._identity())
        return {subject: float(value) for fact, subject, value in rows if fact == _REFUSED_NAME}

    def note_refused_names(self, names: Mapping[str, float]) -> None:
        """Store keys of refused names and when they were refused."""
        for name, moment in names.items():
            self._store(_REFUSED_NAME, name, str(moment))

    def note_test(self, now: float) -> None:
        """Store that Test Write completed."""
        self._store(_TESTED, "", str(now))

    def _store(self, fact: str, subject: str, value: str, sentence: str = "") -> None:
        server_id, version = self._identity()
        key = (server_id, version, fact, subject)
        with self._database.transaction():
            self._database.write(
                "DELETE FROM server_facts WHERE server_id = ? AND version != ?", *key[:2]
            )
            known = self._database.first(
                "SELECT value FROM server_facts "
                "WHERE server_id = ? AND version = ? AND fact = ? AND subject = ?",
                *key,
            )
            if known == (value,):
                return
            self._database.write(
                "INSERT OR REPLACE INTO server_facts VALUES (?, ?, ?, ?, ?)", *key, value
            )
        if sentence:
            self._report(Event.SERVER_LEARNED, version=version, fact=sentence)


def stored_behaviours(connection: sqlite3.Connection) -> dict[tuple[str, str], Behaviour]:
    """Return (server id, version) → behaviour."""
    statement = "SELECT 1 FROM sqlite_master WHERE name = 'server_facts'"
    if connection.execute(statement).fetchone() is None:
        return {}
    rows: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for server_id, version, *row in connection.execute("SELECT * FROM server_facts"):
        rows.setdefault((server_id, version), []).append((row[0], row[1], row[2]))
    return {server: _behaviour(found) for server, found in rows.items()}


def _behaviour(rows: Iterable[tuple[str, str, str]]) -> Behaviour:
    locks: dict[str, str] = {}
    shifts: dict[int, int] = {}
    traits: dict[str, Trait] = {}
    tested_at = 0.0
    for fact, subject, value in rows:
        if fact == _LOCK:
            locks[subject] = value
        elif fact == _DATE_SHIFT:
            shifts[int(subject)] = int(value)
        elif fact == _TESTED:
            tested_at = float(value)
        elif fact in _TRAITS:
            traits[fact] = _TRAITS[fact](value)
    return Behaviour(
        hidden_locks=frozenset(lock for lock, value in locks.items() if value == _HIDDEN),
        shown_locks=frozenset(lock for lock, value in locks.items() if value == _SHOWN),
        date_shift={key: days for key, days in shifts.items() if days},
        tested_at=tested_at,
        **traits,  # type: ignore[arg-type]  # each name has the type of its trait
    )


def _lock_sentence(lock: str, *, shown: bool) -> str:
    name = _WORDS.get(lock, f"the {lock}")
    if shown:
        return f"It shows the lock of {name}"
    return f"It does not show the lock of {name}, so the lock is set once and not checked"


def _shift_sentence(section_key: int, days: int) -> str:
    which = "earlier" if days < 0 else "later"
    return f"Its library {section_key} shows dates {abs(days)} day {which} than they were sent"

"""What is learned about a server: typed, reported once, and bound to the server's version."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from plex.index_database import IndexDatabase
from plex.server_facts import (
    UNKNOWN,
    DateClearing,
    ImageSelection,
    RemovalEncoding,
    ServerFacts,
    SortTitle,
    stored_behaviours,
)
from tests.reported import Reported


@dataclass
class Server:
    database: IndexDatabase
    version: str = "1.43.3"
    reports: Reported = field(default_factory=Reported)

    def facts(self) -> ServerFacts:
        return ServerFacts(self.database, lambda: ("id", self.version), self.reports)


@pytest.fixture
def server() -> Iterator[Server]:
    database = IndexDatabase(":memory:")
    yield Server(database)
    database.close()


def test_nothing_is_known_of_a_new_server(server: Server) -> None:
    assert server.facts().behaviour() == UNKNOWN


@pytest.mark.parametrize("trait", [*DateClearing, *SortTitle, *ImageSelection, *RemovalEncoding])
def test_each_trait_is_stored_and_put_into_words(
    server: Server, trait: DateClearing | SortTitle | ImageSelection | RemovalEncoding
) -> None:
    server.facts().learn(trait)

    known = server.facts().behaviour()
    assert trait in {
        known.date_clearing,
        known.sort_title,
        known.image_selection,
        known.removal_encoding,
    }
    assert len(known.sentences()) == 1


def test_a_fact_is_reported_once_however_often_it_is_learned(server: Server) -> None:
    for _ in range(3):
        server.facts().learn(SortTitle.STAYS)
        server.facts().learn_lock("actor", shown=False)
        server.facts().learn_date_shift(2, -1)

    assert len(server.reports) == 3


def test_the_usual_behaviour_is_not_reported(server: Server) -> None:
    facts = server.facts()
    facts.learn(DateClearing.ACCEPTED)
    facts.learn(SortTitle.FOLLOWS)
    facts.learn_lock("actor", shown=True)
    facts.learn_date_shift(2, 0)
    facts.note_test(5.0)

    assert server.reports == []
    assert facts.behaviour().tested_at == 5.0


def test_a_lock_that_shows_after_all_is_no_longer_hidden(server: Server) -> None:
    facts = server.facts()
    facts.learn_lock("actor", shown=False)
    facts.learn_lock("actor", shown=True)

    known = facts.behaviour()
    assert not known.hidden_locks
    assert known.shown_locks == {"actor"}


def test_an_update_of_the_server_makes_all_facts_void(server: Server) -> None:
    facts = server.facts()
    facts.learn(ImageSelection.EXPLICIT)
    server.version = "1.44.0"
    before = facts.behaviour()
    facts.learn(DateClearing.REFUSED)
    server.version = "1.43.3"

    assert before == UNKNOWN
    assert facts.behaviour() == UNKNOWN


def test_the_doctor_reads_them_also_where_there_is_no_table(server: Server) -> None:
    assert stored_behaviours(server.database._connection) == {}
    server.facts().learn(DateClearing.REFUSED)

    found = stored_behaviours(server.database._connection)
    assert found["id", "1.43.3"].date_clearing is DateClearing.REFUSED

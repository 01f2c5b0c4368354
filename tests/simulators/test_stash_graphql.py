"""Queries of the fake Stash."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from simulators.stash import FakeStash, StashID, VideoFile
from simulators.stash.engine import prepare, small_schema
from simulators.stash.testkit import answer, ask, error_of


@pytest.fixture
def stash(tmp_path: Path) -> Iterator[FakeStash]:
    with FakeStash(tmp_path) as stash:
        yield stash


def ids(stash: FakeStash, arguments: str, **variables: Any) -> list[int]:
    head = "query($v: TimestampCriterionInput)" if "v" in variables else ""
    found = ask(stash, f"{head}{{findScenes({arguments}){{scenes{{id}}}}}}", **variables)
    return [int(scene["id"]) for scene in found["findScenes"]["scenes"]]


def test_a_scene_is_answered_with_all_that_it_refers_to(stash: FakeStash) -> None:
    stash.add_studio("Kid", parent="Parent")
    scene = stash.add_scene(
        title="Título",
        details="d",
        date="2024-05",
        rating100=80,
        organized=True,
        urls=["https://a", "https://b"],
        files=[VideoFile("/media/x/a.mp4", size=5_000_000_000, width=640, height=360)],
        studio="Kid",
        performers=["Ann"],
        tags=["zeta", "Alpha"],
        groups=[("Group", 3)],
        stash_ids=[StashID("https://box", "uuid")],
    )
    data = ask(
        stash,
        """query Full($id: ID!) { findScene(id: $id) {
          id title code details director url urls date rating100 organized o_counter play_count
          created_at updated_at
          files { id path basename size width height mod_time fingerprint(type: "oshash")
                  fingerprints { type value } }
          studio { id name parent_studio { id name } }
          performers { id name disambiguation } tags { id name }
          groups { group { id name } scene_index } stash_ids { endpoint stash_id }
          paths { screenshot } __typename } }""",
        id=scene.id,
    )["findScene"]
    file = data.pop("files")[0]
    assert data == {
        "id": "1", "title": "Título", "code": "", "details": "d", "director": "",
        "url": "https://a", "urls": ["https://a", "https://b"], "date": "2024-05",
        "rating100": 80, "organized": True, "o_counter": 0, "play_count": 0,
        "created_at": scene.created_at, "updated_at": scene.updated_at,
        "studio": {"id": "2", "name": "Kid", "parent_studio": {"id": "1", "name": "Parent"}},
        "performers": [{"id": "1", "name": "Ann", "disambiguation": ""}],
        "tags": [{"id": "2", "name": "Alpha"}, {"id": "1", "name": "zeta"}],
        "groups": [{"group": {"id": "1", "name": "Group"}, "scene_index": 3}],
        "stash_ids": [{"endpoint": "https://box", "stash_id": "uuid"}],
        "paths": {"screenshot": data["paths"]["screenshot"]}, "__typename": "Scene",
    }  # fmt: skip
    assert data["paths"]["screenshot"].startswith(f"{stash.url}/scene/1/screenshot?t=")
    assert file["basename"] == "a.mp4"
    assert file["size"] == 5_000_000_000
    assert file["fingerprint"] == file["fingerprints"][0]["value"]


def test_the_screenshot_address_has_the_host_that_the_client_used(stash: FakeStash) -> None:
    stash.add_scene()
    body = {"query": "{findScene(id: 1){paths{screenshot}}}"}
    headers = {"Host": "stash.lan:9999", "X-Forwarded-Prefix": "/st"}
    told = requests.post(f"{stash.url}/graphql", json=body, headers=headers, timeout=9).json()
    url = told["data"]["findScene"]["paths"]["screenshot"]
    assert url.startswith("http://stash.lan:9999/st/scene/1/screenshot?t=")


def test_a_missing_scene_is_null(stash: FakeStash) -> None:
    assert ask(stash, "{findScene(id: 7){id}}") == {"findScene": None}


def test_aliases_fragments_and_directives_work_below_the_root(stash: FakeStash) -> None:
    stash.add_scene(title="one", tags=["t"])
    stash.add_scene(title="two")
    data = ask(
        stash,
        """query($no: Boolean!) {
          a: findScene(id: 1) { ...F details @skip(if: true) }
          b: findScene(id: 2) { ...F code @include(if: $no) }
        }
        fragment F on Scene { name: title tags { ... on Tag { id label: name } } }""",
        no=False,
    )
    assert data == {
        "a": {"name": "one", "tags": [{"id": "1", "label": "t"}]},
        "b": {"name": "two", "tags": []},
    }


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("{}", list(range(1, 26))),
        ("{per_page: 2}", [1, 2]),
        ("{per_page: 2, page: 2}", [3, 4]),
        ("{per_page: 2, page: 0}", [1, 2]),
        ("{per_page: 20, page: 2}", list(range(21, 31))),
        ("{per_page: 20, page: 3}", []),
        ("{per_page: -1}", list(range(1, 31))),
        ("{per_page: 0}", []),
        ('{per_page: 2, sort: "id", direction: DESC}', [30, 29]),
    ],
)
def test_pages_count_from_one_and_hold_25_unless_told(
    stash: FakeStash, page: str, expected: list[int]
) -> None:
    for _ in range(30):
        stash.add_scene()
    found = ask(stash, f"{{findScenes(filter: {page}){{count scenes{{id}}}}}}")["findScenes"]
    assert [int(scene["id"]) for scene in found["scenes"]] == expected
    assert found["count"] == 30


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("id", [1, 2, 3]),
        ("title", [2, 3, 1]),  # numbers in titles count by value
        ("path", [3, 1, 2]),
        ("updated_at", [2, 1, 3]),
        ("created_at", [3, 2, 1]),
    ],
)
def test_scenes_come_in_the_order_asked_for(
    stash: FakeStash, sort: str, expected: list[int]
) -> None:
    stash.add_scene(title="Part 10", files=["/b"], created_at="2025-03", updated_at="2025-02")
    stash.add_scene(title="part 2", files=["/c"], created_at="2025-02", updated_at="2025-01")
    stash.add_scene(title="Part 3", files=["/a"], created_at="2025-01", updated_at="2025-03")
    assert ids(stash, f'filter: {{sort: "{sort}"}}') == expected
    assert ids(stash, f'filter: {{sort: "{sort}", direction: DESC}}') == expected[::-1]


def test_an_unknown_sort_is_refused(stash: FakeStash) -> None:
    assert error_of(stash, '{findScenes(filter: {sort: "size"}){count}}') == "invalid sort: size"


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        ("id: {value: 2, modifier: EQUALS}", [2]),
        ("id: {value: 2, modifier: NOT_EQUALS}", [1, 3]),
        ("id: {value: 1, modifier: GREATER_THAN}", [2, 3]),
        ("id: {value: 3, modifier: LESS_THAN}", [1, 2]),
        ("id: {value: 2, value2: 3, modifier: BETWEEN}", [2, 3]),
        ('path: {value: "/media/a.mp4", modifier: EQUALS}', [1]),
        ('path: {value: "MEDIA", modifier: INCLUDES}', [1, 2]),
        ('path: {value: "a\\\\.mp4$", modifier: MATCHES_REGEX}', [1]),
        ("file_count: {value: 0, modifier: EQUALS}", [3]),
        ('is_missing: "cover"', [2, 3]),
        ("organized: true", [2]),
        ("tags: {value: [1], modifier: INCLUDES}", [1, 2]),
        ("tags: {value: [1, 2], modifier: INCLUDES_ALL}", [1]),
        ("tags: {value: [2], modifier: EXCLUDES}", [2, 3]),
        ('tags: {value: ["1"], excludes: ["2"], modifier: INCLUDES}', [2]),
        ("performers: {value: [1], modifier: INCLUDES}", [1]),
        ("performers: {modifier: IS_NULL}", [2, 3]),
        ("studios: {value: [1], modifier: INCLUDES}", [1]),
        ("studios: {value: [1], modifier: INCLUDES, depth: -1}", [1, 2]),
        ("id: {value: 1, modifier: GREATER_THAN} organized: true", [2]),
    ],
)
def test_filters_pick_scenes(stash: FakeStash, criterion: str, expected: list[int]) -> None:
    stash.add_studio("Top")
    stash.add_studio("Below", parent="Top")
    stash.add_scene(
        files=["/media/a.mp4"], cover=b"c", tags=["t1", "t2"], performers=["p"], studio="Top"
    )
    stash.add_scene(files=["/media/b.mp4"], organized=True, tags=["t1"], studio="Below")
    stash.add_scene()
    assert ids(stash, f"scene_filter: {{{criterion}}}") == expected


def test_time_stamps_are_compared_as_plain_text_in_the_servers_offset(tmp_path: Path) -> None:
    noon = 1_767_268_800  # 2026-01-01T12:00:00Z
    with FakeStash(tmp_path, now=lambda: noon, utc_offset=timedelta(hours=2)) as stash:
        stash.add_scene()
        stored = "2026-01-01T14:00:00+02:00"
        assert ask(stash, "{findScene(id: 1){updated_at}}")["findScene"]["updated_at"] == stored

        def newer_than(value: str) -> list[int]:
            wanted = {"value": value, "modifier": "GREATER_THAN"}
            return ids(stash, "scene_filter: {updated_at: $v}", v=wanted)

        assert newer_than("2026-01-01T13:59:59+02:00") == [1]
        assert newer_than(stored) == []
        assert newer_than("2026-01-01T13:00:00Z") == [1], "an hour later in truth, yet smaller text"
        assert newer_than("2026-01-01 23:00:00") == [1], "a space sorts before the T"


def test_an_unsupported_modifier_is_refused(stash: FakeStash) -> None:
    query = "{findScenes(scene_filter: {id: {value: 1, modifier: INCLUDES}}){count}}"
    assert error_of(stash, query) == "unsupported modifier INCLUDES"


@pytest.mark.parametrize("argument", ["ids", "scene_ids"])
def test_the_ids_path_keeps_the_order_and_ignores_filters(stash: FakeStash, argument: str) -> None:
    for _ in range(3):
        stash.add_scene()
    nothing = "filter: {per_page: 0}, scene_filter: {organized: true}"
    assert ids(stash, f"{argument}: [3, 1], {nothing}") == [3, 1]


def test_one_missing_id_fails_the_whole_call(stash: FakeStash) -> None:
    stash.add_scene()
    document = answer(stash, "{findScenes(ids: [1, 9]){scenes{id}}}")
    assert document["errors"][0]["message"] == "scene with id 9 not found"
    assert document["data"] is None


@pytest.mark.parametrize("argument", ["ids", "scene_ids"])
def test_a_doubled_id_fails_the_whole_call(stash: FakeStash, argument: str) -> None:
    stash.add_scene()
    assert "1" in error_of(stash, f"{{findScenes({argument}: [1, 1]){{count}}}}")


def test_performers_studios_and_tags_can_be_found(stash: FakeStash) -> None:
    stash.add_scene(performers=["Bo", "Al"], tags=["x"], studio="S")
    data = ask(
        stash,
        """{ findPerformers(filter: {q: "b"}) { count performers { name scene_count } }
             findTags { tags { id name } } findStudio(id: 1) { name }
             findPerformer(id: 9) { id } }""",
    )
    assert data == {
        "findPerformers": {"count": 1, "performers": [{"name": "Bo", "scene_count": 1}]},
        "findTags": {"tags": [{"id": "1", "name": "x"}]},
        "findStudio": {"name": "S"},
        "findPerformer": None,
    }


def test_the_configuration_tells_settings_and_paths(stash: FakeStash) -> None:
    stash.set_plugin_settings("mine", {"url": "http://x", "n": 5, "on": True})
    stash.set_plugin_settings("other", {"a": 1})
    data = ask(
        stash,
        """query($only: [ID!]) { configuration { plugins(include: $only)
             general { apiKey stashes { path } pythonPath pluginsPath logLevel } } }""",
        only=["mine", "absent"],
    )["configuration"]
    assert data["plugins"] == {"mine": {"url": "http://x", "n": 5, "on": True}}
    assert data["general"]["stashes"] == [{"path": "/media"}]
    assert data["general"]["pluginsPath"] == str(stash.root / "plugins")
    everything = ask(stash, "{configuration{plugins}}")["configuration"]["plugins"]
    assert set(everything) == {"mine", "other"}


def test_configure_plugin_replaces_the_whole_map(stash: FakeStash) -> None:
    stash.set_plugin_settings("mine", {"old": 1})
    query = 'mutation($m: Map!){configurePlugin(plugin_id: "mine", input: $m)}'
    assert ask(stash, query, m={"new": 2.5}) == {"configurePlugin": {"new": 2.5}}
    assert stash.plugin_settings("mine") == {"new": 2.5}


def test_status_and_version_are_told(stash: FakeStash) -> None:
    data = ask(stash, "{systemStatus{status databasePath} version{version hash}}")
    assert data["systemStatus"]["status"] == "OK"
    assert data["version"]["version"] == "v0.30.1"


@pytest.mark.parametrize(
    "query", ["{nope}", "{findScene(id: 1){nope}}", "{", "query($a: Int!){version{hash}}"]
)
def test_what_cannot_be_executed_gets_422(stash: FakeStash, query: str) -> None:
    response = requests.post(f"{stash.url}/graphql", json={"query": query}, timeout=9)
    assert response.status_code == 422
    assert response.json()["errors"]


def test_queries_may_come_by_get_but_mutations_not(stash: FakeStash) -> None:
    get = f"{stash.url}/graphql"
    params = {"query": "query($i: ID!){findScene(id: $i){id}}", "variables": '{"i": 1}'}
    assert requests.get(get, params=params, timeout=9).json() == {"data": {"findScene": None}}
    refused = requests.get(get, params={"query": "mutation{stopAllJobs}"}, timeout=9)
    assert refused.status_code == 406


def test_introspection_works(stash: FakeStash) -> None:
    data = ask(stash, '{__type(name: "Scene"){fields{name}} __schema{queryType{name}}}')
    assert {"name": "rating100"} in data["__type"]["fields"]
    assert data["__schema"] == {"queryType": {"name": "Query"}}


def test_a_query_text_is_parsed_and_validated_once(stash: FakeStash) -> None:
    query = "{version{hash}}"
    ask(stash, query)
    before = prepare.cache_info().misses
    ask(stash, query)
    assert prepare.cache_info().misses == before


def test_every_root_field_has_its_resolver(stash: FakeStash) -> None:
    schema = small_schema()
    assert schema.query_type is not None
    assert schema.mutation_type is not None
    assert {*schema.query_type.fields, *schema.mutation_type.fields} == stash.engine.fields()


def test_the_snapshot_names_what_a_scene_refers_to(stash: FakeStash) -> None:
    stash.add_scene(title="t", files=["/a"], studio="S", performers=["p"], tags=["x"], cover=b"c")
    plain = stash.snapshot()[1]
    assert plain["studio"] == "S"
    assert plain["performers"] == ["p"]
    assert plain["tags"] == ["x"]
    assert plain["files"][0]["path"] == "/a"
    assert len(plain["cover"]) == 64

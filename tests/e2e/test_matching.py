"""Each scene reaches its own Plex item, on the setups that people have."""

import json

import pytest

from simulators.oracle import judge
from simulators.plex import Item, Media, Part
from simulators.rig import FOLDER, Rig
from simulators.stash import VideoFile
from simulators.tuning import Tuning
from tests.conftest import MakeRig
from tests.e2e.answers import story
from tests.e2e.steps import sync_title
from tests.golden import assert_golden

DOCKER = {"/data": "/media/scenes"}
FOLDERS = ("2023/summer", "2023/winter", "2024/summer")


def add_namesakes(rig: Rig, root: str, *, libraries: int) -> dict[int, Item]:
    more = [rig.plex.add_section(f"More {n}", [f"/more{n}"]) for n in range(1, libraries)]
    sections = [rig.section, *more]
    found = {}
    for number, folder in enumerate(FOLDERS):
        section = sections[number % libraries]
        (location,) = section.locations
        path = f"{location}/{folder}/scene.mp4"
        there = root + path if root else path
        scene = rig.stash.add_scene(
            title=f"Video {number}",
            details=f"Details {number}",
            tags=[f"Tag {number}"],
            files=[VideoFile(there, size=4321)],
        )
        found[scene.id] = rig.plex.add_item(section, path, size=4321)
    return found


def shown(items: dict[int, Item]) -> list[str]:
    return [item.title for item in items.values()]


def matches(rig: Rig) -> tuple[int, int] | None:
    """How many matches were sure and how many not, which a worker counts at a batch's end."""
    counts = rig.data / "stats.json"
    if not counts.exists():
        return None
    found = json.loads(counts.read_text())
    return found["high_confidence_matches"], found["low_confidence_matches"]


def end_the_worker_that_has_just_listed(rig: Rig) -> None:
    rig.stop_worker()


@pytest.mark.parametrize(("libraries", "root"), [(1, ""), (2, "/stash")], ids=["same", "mapped"])
def test_files_of_the_same_name_stay_apart(make_rig: MakeRig, libraries: int, root: str) -> None:
    rig = make_rig(settings={"plex_unmatched_path_map": f"/=>{root}" if root else ""})
    items = add_namesakes(rig, root, libraries=libraries)

    rig.task("all")

    assert rig.wait_until(lambda: shown(items) == ["Video 0", "Video 1", "Video 2"])
    assert [item.genres for item in items.values()] == [("Tag 0",), ("Tag 1",), ("Tag 2",)]
    rig.stash.edit_scene(2, details="Another text")
    assert rig.wait_until(lambda: items[2].summary == "Another text")
    assert [items[1].summary, items[3].summary] == ["Details 0", "Details 2"]


def test_folders_that_a_container_names_differently_are_learned(rig: Rig) -> None:
    """Nothing is set: unmistakable scenes teach the mapping, and the others follow it."""
    files = [(f"Scene {n}", f"studio {n % 3}/s{n}.mp4", 5000 + n) for n in range(12)]
    files += [(f"Namesake {n}", f"studio {n % 3}/{n}/video.mp4", 77) for n in range(6)]
    for title, path, size in files:
        file = VideoFile(f"/data/{path}", size=size)
        rig.stash.add_scene(title=title, tags=["a"], files=[file])
        rig.plex.add_item(rig.section, f"/media/scenes/{path}", size=size)

    rig.task("all")

    assert rig.wait_until(lambda: judge(rig.stash, rig.plex, paths=DOCKER).agree), judge(
        rig.stash, rig.plex, paths=DOCKER
    ).differences
    (learned,) = rig.events("paths_learned")
    assert learned["mapping"].startswith("/media/scenes=>/data")
    rig.task("process_queue")
    assert rig.wait_until(lambda: matches(rig) == (18, 0))


def test_with_too_few_scenes_to_learn_from_name_and_size_decide(rig: Rig) -> None:
    rig.stash.add_scene(title="A", tags=["a"], files=[VideoFile("/data/x/a.mp4", size=11)])
    item = rig.plex.add_item(rig.section, "/media/scenes/other/a.mp4", size=11)
    rig.plex.add_item(rig.section, "/media/scenes/x/a.mp4", size=12)

    rig.task("all")

    assert rig.wait_until(lambda: item.title == "A")
    rig.task("process_queue")
    assert rig.wait_until(lambda: matches(rig) == (0, 1))


def test_all_items_that_have_a_file_of_a_scene_are_synced(rig: Rig) -> None:
    files = [f"{FOLDER}/a 1080p.mp4", f"{FOLDER}/a 4k.mp4"]
    scene = rig.stash.add_scene(tags=["t"], files=files)
    items = [rig.plex.add_item(rig.section, path) for path in files]
    items.append(rig.plex.add_item(rig.plex.add_section("Too", ["/media"]), files[0]))

    rig.stash.edit_scene(scene.id, title="In all")

    assert rig.wait_until(lambda: [item.title for item in items] == ["In all"] * 3)


@pytest.mark.parametrize("goes_on", [False, True], ids=["next worker", "same worker"])
def test_items_that_come_later_have_the_next_edit_of_their_scene(rig: Rig, goes_on: bool) -> None:
    """One has another file of the scene, one has the same file in a second library."""
    if goes_on:
        rig.tune(Tuning(refresh_interval=0.0))
    other = rig.plex.add_section("Too", [FOLDER])
    files = [f"{FOLDER}/a 1080p.mp4", f"{FOLDER}/a 4k.mp4"]
    scene = rig.stash.add_scene(tags=["t"], files=files)
    items = [rig.plex.add_item(rig.section, files[0])]
    rig.plex.add_item(other, f"{FOLDER}/b.mp4")
    sync_title(rig, scene.id, "In one")
    workers = rig.worker_pids()
    if not goes_on:
        end_the_worker_that_has_just_listed(rig)

    items += [rig.plex.add_item(rig.section, files[1]), rig.plex.add_item(other, files[0])]
    rig.stash.edit_scene(scene.id, title="In all")

    assert rig.wait_until(lambda: rig.queued() == 0)
    assert [item.title for item in items] == ["In all"] * 3
    assert (rig.worker_pids() == workers) is goes_on


def test_a_scene_that_has_an_item_waits_for_no_other_file(rig: Rig) -> None:
    scene = rig.stash.add_scene(tags=["t"], files=[f"{FOLDER}/a.mp4", f"{FOLDER}/b.mp4"])
    rig.plex.add_item(rig.section, f"{FOLDER}/a.mp4")
    sync_title(rig, scene.id, "First")
    end_the_worker_that_has_just_listed(rig)
    for kind in ("file_filter", "listing"):
        rig.plex.faults.status(500, kind=kind)
    mark = rig.plex.log.mark()

    sync_title(rig, scene.id, "Second")

    assert rig.plex.log.count(kind="file_filter", since=mark) == 1


def test_scenes_of_which_plex_has_some_files_only_cost_few_requests_more(rig: Rig) -> None:
    """However many they are, Plex is asked for the others once in a while."""
    scene_id, _ = rig.add_pair("first", tags=["t"])
    items = []
    for n in range(40):
        rig.stash.add_scene(
            title=f"T{n}", tags=["t"], files=[f"{FOLDER}/{n}.mp4", f"{FOLDER}/{n} 4k.mp4"]
        )
        items.append(rig.plex.add_item(rig.section, f"{FOLDER}/{n}.mp4"))
    sync_title(rig, scene_id, "First")
    end_the_worker_that_has_just_listed(rig)
    mark = rig.plex.log.mark()

    rig.task("all")

    assert rig.wait_until(lambda: rig.queued() == 0)
    assert [item.title for item in items] == [f"T{n}" for n in range(40)]
    asked = rig.plex.log.kinds(mark)
    assert asked["file_filter"] + asked["listing"] + asked["sections"] <= 10


def test_a_file_in_none_of_plexs_folders_is_not_asked_for(rig: Rig) -> None:
    scene = rig.stash.add_scene(tags=["t"], files=[f"{FOLDER}/a.mp4", "/elsewhere/b.mp4"])
    rig.plex.add_item(rig.section, f"{FOLDER}/a.mp4")
    for title in ("First", "Second"):
        sync_title(rig, scene.id, title)
        end_the_worker_that_has_just_listed(rig)
    assert rig.plex.log.count(kind="file_filter") == 0


def test_a_version_that_plex_made_itself_is_no_item(rig: Rig) -> None:
    """Nor is the file of such a version a reason to write to the item that has it."""
    scene_id, item = rig.add_pair("a", tags=["t"])
    optimized = Media((Part(f"{FOLDER}/Plex Versions/b.mp4"),), proxy_type=42)
    other = rig.plex.add_item(rig.section, Media((Part(f"{FOLDER}/b.mkv"),)), optimized)
    stray = rig.stash.add_scene(title="Stray", tags=["t"], files=[f"{FOLDER}/Plex Versions/b.mp4"])

    rig.stash.edit_scene(scene_id, title="Mine")
    rig.stash.edit_scene(stray.id, details="x")

    assert rig.wait_until(lambda: item.title == "Mine")
    assert rig.happened("scene_skipped", scene=stray.id)
    assert other.title == "b"


def test_an_item_shows_the_scene_of_its_first_version(rig: Rig) -> None:
    files = [f"{FOLDER}/v1.mp4", f"{FOLDER}/v2.mp4", f"{FOLDER}/v3.mp4"]
    item = rig.plex.add_item(rig.section, *files)
    third, second, first = (
        rig.stash.add_scene(title=f"File {n}", tags=[f"t{n}"], files=[files[n - 1]]).id
        for n in (3, 2, 1)
    )

    rig.task("all")
    assert rig.wait_until(lambda: item.title == "File 1" and rig.queued() == 0)
    state = rig.plex.snapshot()
    writes = len(rig.plex.log.writes())
    for scene_id in (second, third):
        rig.stash.edit_scene(scene_id, details="of another version", studio="Else")
    rig.task("all", force="true")
    rig.task("process_queue")

    assert rig.queued() == 0
    assert rig.plex.snapshot() == state
    assert len(rig.plex.log.writes()) == writes
    skipped = rig.events("scene_skipped", scene=third)[0]
    assert f"shows scene {first}" in skipped["message"]


def test_an_item_goes_over_to_the_scene_of_its_first_version(rig: Rig) -> None:
    files = [f"{FOLDER}/v1.mp4", f"{FOLDER}/v2.mp4"]
    item = rig.plex.add_item(rig.section, *files)
    later = rig.stash.add_scene(title="Second", tags=["t"], studio="Two", files=[files[1]]).id
    rig.stash.edit_scene(later, details="x")
    assert rig.wait_until(lambda: item.collections == ("Two",) and rig.queued() == 0)

    owner = rig.stash.add_scene(title="First", tags=["t"], studio="One", files=[files[0]]).id
    rig.stash.edit_scene(owner, details="y")
    assert rig.wait_until(lambda: item.title == "First" and rig.queued() == 0)
    rig.stash.edit_scene(later, details="z")
    assert rig.happened("scene_skipped", scene=later)

    assert (item.title, item.summary, item.collections) == ("First", "y", ("One",))


def test_scenes_that_plex_plays_as_one_film_show_one_of_them(rig: Rig) -> None:
    files = [f"{FOLDER}/DVD Scene {n}.mp4" for n in range(1, 5)]
    rig.section.scanner = "Plex Movie"
    for path in files:
        rig.plex.disk.add(path)
    rig.plex.scanner.start(rig.section, None)
    item = rig.plex.find(files[0])
    assert item is not None
    scenes = [
        rig.stash.add_scene(title=f"Scene {n}", tags=["t"], files=[files[n - 1]]).id
        for n in (4, 3, 2, 1)
    ]

    rig.task("all")
    assert rig.wait_until(lambda: item.title == "Scene 1" and rig.queued() == 0)
    state = rig.plex.snapshot()
    rig.stop_worker()
    for scene_id in scenes[:3]:
        rig.stash.edit_scene(scene_id, details="of another part")
    rig.task("all", force="true")
    drained = rig.task("process_queue")
    assert rig.wait_until(lambda: rig.queued() == 0)

    assert rig.plex.snapshot() == state
    assert len(rig.events("item_shared")) + len(drained.messages("warning")) == 1


def add_candidates(rig: Rig) -> tuple[int, list[Item]]:
    more = rig.plex.add_section("More", ["/more"])
    items = [
        rig.plex.add_item(more, "/more/x/scene.mp4", size=5),
        rig.plex.add_item(rig.section, f"{FOLDER}/y/scene.mp4", size=5),
    ]
    file = VideoFile("/data/z/scene.mp4", size=5)
    return rig.stash.add_scene(title="Which", tags=["t"], files=[file]).id, items


def test_a_scene_that_may_be_several_items_is_left_alone(rig: Rig) -> None:
    scene_id, items = add_candidates(rig)

    rig.stash.edit_scene(scene_id, details="x")

    assert rig.happened("job_dead_lettered", error="PlexAmbiguousMatch")
    assert [item.title for item in items] == ["scene", "scene"]
    assert rig.plex.log.writes() == []
    with rig.database() as connection:
        ((kind, text),) = connection.execute("SELECT error_type, error_message FROM dead_letters")
    assert kind == "PlexAmbiguousMatch"
    assert "/more/x/scene.mp4 (library 'More')" in text
    assert f"{FOLDER}/y/scene.mp4 (library 'Scenes')" in text
    assert (
        not (rig.data / "circuit_breaker.json").exists()
        or "open" not in (rig.data / "circuit_breaker.json").read_text()
    )


def test_without_strict_matching_the_best_is_taken_with_a_warning(make_rig: MakeRig) -> None:
    rig = make_rig(settings={"strict_matching": False})
    scene_id, items = add_candidates(rig)

    rig.stash.edit_scene(scene_id, details="x")

    assert rig.wait_until(lambda: [item.title for item in items] == ["Which", "scene"])
    (guess,) = rig.events("match_guessed", scene=scene_id)
    assert guess["taken"] == "/more/x/scene.mp4 (library 'More')"
    assert guess["others"] == f"{FOLDER}/y/scene.mp4 (library 'Scenes')"


def test_the_task_tells_by_which_rule_scenes_are_found_and_what_to_set(rig: Rig) -> None:
    rig.add_pair("inside")
    for number in range(6):
        rig.stash.add_scene(files=[VideoFile(f"/data/a/{number}.mp4", size=10 + number)])
        rig.plex.add_item(rig.section, f"{FOLDER}/a/{number}.mp4", size=10 + number)
    rig.stash.add_scene(files=[f"{FOLDER}/INSIDE.mp4"])
    rig.stash.add_scene(files=[VideoFile("/data/gone.mp4", size=1)])

    result = rig.task("check_paths")

    assert result.output is not None
    told = story(result)
    rig.configure(plex_unmatched_path_map=f"{FOLDER}=>/data")
    again = rig.task("check_paths")
    assert_golden("tasks", "Check Path Mapping, and with the mapping set", [*told, again.output])


def test_the_task_shows_a_mapping_that_too_few_scenes_support(rig: Rig) -> None:
    for number in range(2):
        rig.stash.add_scene(files=[VideoFile(f"/data/a/{number}.mp4", size=10 + number)])
        rig.plex.add_item(rig.section, f"{FOLDER}/a/{number}.mp4", size=10 + number)
    result = rig.task("check_paths")
    assert result.output.endswith(f"set plex_unmatched_path_map to: {FOLDER}=>/data")


def test_a_file_whose_name_a_file_server_changed_is_found_and_so_is_a_new_one(rig: Rig) -> None:
    scenes = [
        rig.stash.add_scene(title=f"Scene {n}", tags=["a"], files=[f"{FOLDER}/What{n}? A: B.mp4"])
        for n in range(2)
    ]
    known = rig.plex.add_item(rig.section, f"{FOLDER}/What0\uf025 A\uf022 B.mp4")
    rig.stash.edit_scene(scenes[0].id, details="known")
    assert rig.wait_until(lambda: known.summary == "known" and rig.queued() == 0)
    end_the_worker_that_has_just_listed(rig)

    new = rig.plex.add_item(rig.section, f"{FOLDER}/What1\uf03f A\uf03a B.mp4")
    rig.stash.edit_scene(scenes[1].id, details="new")

    assert rig.wait_until(lambda: new.summary == "new")

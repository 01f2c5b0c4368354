"""Names that Plex refused are omitted from later edits, for a day."""

from plex.refused_values import RefusedValues


def test_a_refused_name_is_tried_again_after_a_day_and_told_once() -> None:
    seconds, section = [0.0], 1
    names = RefusedValues(lambda: seconds[0])
    assert names.add(section, "genre", ["Word"]) == ["Word"]
    fields = {"tags": {"genre[0].tag.tag": "word", "genre[1].tag.tag": "b", "genre.locked": "1"}}
    left = {"genre[0].tag.tag": "b", "genre.locked": "1"}
    assert names.without(section, fields) == ({"tags": left}, {"tags": ("word",)})
    seconds[0] = 86_401.0
    assert names.without(section, fields) == (fields, {})
    assert names.add(section, "genre", ["word"]) == []


def test_a_collection_is_refused_in_its_own_library_only() -> None:
    names = RefusedValues(lambda: 0.0)
    names.add(1, "collection", ["Smart"])
    fields = {"collections": {"collection[0].tag.tag": "Smart", "collection.locked": "1"}}
    assert names.without(1, fields)[1] == {"collections": ("Smart",)}
    assert names.without(2, fields) == (fields, {})

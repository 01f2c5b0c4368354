"""The fake Stash's strict reading of plugin files."""

from pathlib import Path

import pytest

from simulators.stash import FakeStash, ManifestError
from simulators.stash.plugin_manifest import load
from simulators.stash.testkit import YML, write_plugin

FULL = r"""
# A plugin. requires: nothing
name: Full   # shown in the list
description: >-
  Two lines
  folded.
url: https://example.org/x#y
version: 1.10
exec:
- python3
- -S
- "{pluginDir}/main.py"
interface: raw
errLog: info
tasks:
  - name: 'It''s a task'
    description: "tab\there"
    execArgs: [--one, two]
    defaultArgs:
      mode: all
      force: true
      days: 30
      none: null
  -
    name: Second
hooks:
  - name: Hook
    triggeredBy:
      - Scene.Update.Post
      - Scene.Create.Post
settings:
  b_url:
    displayName: Address
    description: |
      first
      second
    type: STRING
  a_on:
    type: BOOLEAN
ui:
  javascript: [x.js]
  requires: []
  csp:
    connect-src:
      - http://plex
  assets:
    /: assets
"""


def read(tmp_path: Path, text: str, name: str = "plugin.yml") -> object:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_a_plugin_file_is_read_as_stash_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "My.Plugin.yml"
    path.write_text(FULL, encoding="utf-8")
    plugin = load(path)
    assert (plugin.id, plugin.name, plugin.version) == ("My.Plugin", "Full", "1.10")
    assert plugin.description == "Two lines folded."
    assert plugin.url == "https://example.org/x#y"
    assert plugin.exec == ("python3", "-S", "{pluginDir}/main.py")
    assert (plugin.interface, plugin.err_log) == ("raw", "info")
    first, second = plugin.tasks
    assert (first.name, first.description) == ("It's a task", "tab\there")
    assert first.exec_args == ("--one", "two")
    expected = {"mode": "all", "force": "true", "days": "30", "none": ""}
    assert first.default_args == expected, "argument values are text"
    assert second.name == "Second"
    assert plugin.hooks_for("Scene.Create.Post") == list(plugin.hooks)
    assert plugin.hooks_for("Scene.Destroy.Post") == []
    assert [(each.name, each.type, each.display_name) for each in plugin.settings] == [
        ("a_on", "BOOLEAN", "a_on"),
        ("b_url", "STRING", "Address"),
    ]
    assert plugin.settings[1].description == "first\nsecond\n"


def test_defaults_of_a_bare_file(tmp_path: Path) -> None:
    path = tmp_path / "bare.yml"
    path.write_text("exec:\n  - ./run\n", encoding="utf-8")
    plugin = load(path)
    assert (plugin.raw_name, plugin.name, plugin.interface) == ("", "bare", "raw")
    assert plugin.err_log == "error"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name: a\nauthor: me\n", "field author not found in plugin"),
        ("name: a\nrequires: [b]\n", "field requires not found"),
        ("name: a\nname: b\n", "already set"),
        ("settings:\n  x:\n    default: 1\n", "field default not found in setting x"),
        ("settings:\n  x:\n    type: string\n", "invalid type of setting x"),
        ("settings:\n  x:\n    type: STRING\n  x:\n    type: STRING\n", "already set"),
        ("tasks:\n  - name: a\n    triggeredBy: [x]\n", "field triggeredBy not found"),
        ("tasks:\n  - name: a\n    defaultArgs:\n      a: 1\n      a: 2\n", "already set"),
        ("tasks:\n  name: a\n", "tasks must be a list"),
        ("exec: python3\n", "exec must be a list"),
        ("name: [a]\n", "name must be text"),
        ("interface: python\n", "invalid interface"),
        ("ui:\n  csp:\n    img-src: [x]\n", "field img-src not found in csp"),
        ("exec:\n  - {pluginDir}/x.py\n", "expected <block end>"),
        ("description: this: that\n", "mapping values are not allowed"),
        ("name: a\n  version: 1\n", "mapping values are not allowed"),
        ("name: a\n\tversion: 1\n", "cannot start any token"),
        ('name: "a\\q"\n', "unknown escape character"),
        ("- a\n- b\n", "plugin must be a mapping"),
        ("name\n", "plugin must be a mapping"),
        ("a: 1\nb\n", "could not find expected ':'"),
    ],
)
def test_what_stash_rejects_is_rejected(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ManifestError, match=complaint):
        read(tmp_path, text)


def test_a_stray_yml_is_an_error_and_not_a_plugin(tmp_path: Path) -> None:
    stash = FakeStash(tmp_path)
    write_plugin(tmp_path / "plugins" / "good", "")
    (tmp_path / "plugins" / "good" / "compose.yml").write_text("services:\n  - a\n")
    stash.registry.reload()
    assert [plugin.id for plugin in stash.registry.plugins] == ["probe"]
    assert "compose.yml" in stash.registry.errors[0]


def test_plugin_ids_are_unique_without_regard_to_case(tmp_path: Path) -> None:
    stash = FakeStash(tmp_path)
    write_plugin(tmp_path / "plugins" / "a", "", name="probe")
    write_plugin(tmp_path / "plugins" / "b", "", name="Probe")
    stash.registry.reload()
    assert [plugin.id for plugin in stash.registry.plugins] == ["probe"]
    assert "plugin ID Probe already exists" in stash.registry.errors[0]
    assert stash.registry.find("Probe") is None


def test_installing_copies_the_plugins_files_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "repository"
    wanted = ["Stash2Plex.py", "app/a.py", "plex/deep/b.py"]
    unwanted = ["app/__pycache__/a.pyc", "shared/x.pyc", "tests/t.py", ".git/config", "README.md"]
    for name in (*wanted, *unwanted):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("")
    (source / "Stash2Plex.yml").write_text(YML)
    stash = FakeStash(tmp_path / "stash")
    plugin = stash.install_plugin(source)
    installed = sorted(
        str(path.relative_to(plugin.directory))
        for path in plugin.directory.rglob("*")
        if path.is_file()
    )
    assert installed == sorted([*wanted, "Stash2Plex.yml"])
    assert plugin.id == "Stash2Plex"


def test_installing_may_follow_a_predicate(tmp_path: Path) -> None:
    source = write_plugin(tmp_path / "source", "")
    (source / "notes.txt").write_text("")
    stash = FakeStash(tmp_path / "stash")
    plugin = stash.install_plugin(source, name="probe", files=lambda path: path.suffix != ".txt")
    names = sorted(path.name for path in plugin.directory.iterdir())
    assert names == ["plugin.py", "probe.yml"]


def test_installing_what_stash_would_not_load_fails_loudly(tmp_path: Path) -> None:
    source = write_plugin(tmp_path / "source", "", yml="name: x\nauthor: me\n")
    stash = FakeStash(tmp_path / "stash")
    with pytest.raises(ManifestError, match="field author not found"):
        stash.install_plugin(source, name="probe", files=["probe.yml"])

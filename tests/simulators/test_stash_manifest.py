"""The fake Stash's strict reading of plugin files."""

from pathlib import Path

import pytest

from simulators.stash import FakeStash, ManifestError
from simulators.stash.plugin_manifest import load
from tests.simulators.probe import YML, write_plugin

FULL = r"""
name: Full   # shown in the list
description: >-
  Two lines
  folded.
version: 1.10
exec:
- python3
- "{pluginDir}/main.py"
errLog: info
tasks:
  - name: 'It''s a task'
    description: "tab\there"
    execArgs: [--one, two]
    defaultArgs:
      mode: all
      force: true
      none: null
  -
    name: Second
hooks:
  - name: Hook
    triggeredBy:
      - Scene.Update.Post
settings:
  b_url:
    displayName: Address
    description: |
      first
      second
  a_on:
    type: BOOLEAN
ui:
  javascript: [x.js]
  csp:
    connect-src:
      - http://plex
  assets:
    /: assets
"""


def test_a_plugin_file_is_read_as_stash_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "My.Plugin.yml"
    path.write_text(FULL, encoding="utf-8")
    plugin = load(path)
    assert (plugin.id, plugin.name, plugin.version) == ("My.Plugin", "Full", "1.10")
    assert (plugin.exec, plugin.err_log) == (("python3", "{pluginDir}/main.py"), "info")
    first, second = plugin.tasks
    assert (first.name, first.description) == ("It's a task", "tab\there")
    assert first.exec_args == ("--one", "two")
    expected = {"mode": "all", "force": "true", "none": ""}
    assert first.default_args == expected, "argument values are text"
    assert second.name == "Second"
    assert plugin.hooks_for("Scene.Update.Post") == list(plugin.hooks)
    assert plugin.hooks_for("Scene.Destroy.Post") == []
    assert [(each.name, each.type, each.display_name) for each in plugin.settings] == [
        ("a_on", "BOOLEAN", "a_on"),
        ("b_url", "STRING", "Address"),
    ]
    assert plugin.settings[1].description == "first\nsecond\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name: a\nauthor: me\n", "field author not found in plugin"),
        ("name: a\nname: b\n", "already set"),
        ("settings:\n  x:\n    default: 1\n", "field default not found in settings x"),
        ("settings:\n  x:\n    type: string\n", "invalid type"),
        ("tasks:\n  - name: a\n    triggeredBy: [x]\n", "field triggeredBy not found"),
        ("tasks:\n  name: a\n", "tasks must be a list"),
        ("name: [a]\n", "name must be text"),
        ("interface: python\n", "invalid interface"),
        ("ui:\n  csp:\n    img-src: [x]\n", "field img-src not found in csp"),
        ("description: this: that\n", "mapping values are not allowed"),
        ("- a\n- b\n", "plugin must be a mapping"),
    ],
)
def test_what_stash_rejects_is_rejected(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "plugin.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError, match=complaint):
        load(path)


@pytest.mark.parametrize("stray", ["compose", "Probe"])
def test_a_stray_yml_or_a_second_plugin_of_the_id_is_an_error(tmp_path: Path, stray: str) -> None:
    stash = FakeStash(tmp_path)
    write_plugin(tmp_path / "plugins" / "a", "")
    text = "services:\n  - a\n" if stray == "compose" else YML
    write_plugin(tmp_path / "plugins" / "b", "", text, stray)
    stash.registry.reload()
    assert [plugin.id for plugin in stash.registry.plugins] == ["probe"]
    assert f"{stray}.yml" in stash.registry.errors[0]


def test_installing_copies_the_plugins_files_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "repository"
    wanted = ["Stash2Plex.py", "app/a.py", "plex/deep/b.py"]
    unwanted = ["app/__pycache__/a.pyc", "shared/x.pyc", "tests/t.py", ".git/config", "README.md"]
    for name in (*wanted, *unwanted):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("")
    (source / "Stash2Plex.yml").write_text(YML)
    folder = FakeStash(tmp_path / "stash").install_plugin(source).directory
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert found == {*wanted, "Stash2Plex.yml"}


def test_installing_what_stash_would_not_load_fails_loudly(tmp_path: Path) -> None:
    source = write_plugin(tmp_path / "source", "", yml="name: x\nauthor: me\n")
    with pytest.raises(ManifestError, match="field author not found"):
        FakeStash(tmp_path / "stash").install_plugin(source, name="probe", files=["probe.yml"])

"""A throw-away plugin, and questions to the fake Stash."""

import textwrap
from pathlib import Path
from typing import Any

import requests

from simulators.stash import FakeStash

YML = """\
name: Probe
exec:
  - python3
  - "{pluginDir}/plugin.py"
interface: raw
hooks:
  - name: On scene
    triggeredBy:
      - Scene.Update.Post
      - Scene.Create.Post
      - Scene.Destroy.Post
tasks:
  - name: Work
    defaultArgs:
      mode: work
"""


def ask(stash: FakeStash, query: str, **variables: Any) -> Any:
    """Return `data` of a GraphQL answer without errors."""
    document = answer(stash, query, **variables)
    assert "errors" not in document, document["errors"]
    return document["data"]


def answer(stash: FakeStash, query: str, **variables: Any) -> Any:
    """A whole GraphQL answer as JSON."""
    body = {"query": query, "variables": variables}
    return requests.post(f"{stash.url}/graphql", json=body, timeout=30).json()


def error_of(stash: FakeStash, query: str, **variables: Any) -> str:
    """The first error's message of a GraphQL answer that has one."""
    return str(answer(stash, query, **variables)["errors"][0]["message"])


def write_plugin(folder: Path, script: str, yml: str = YML, name: str = "probe") -> Path:
    """Writes a throw-away plugin: `<name>.yml` and `plugin.py`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yml").write_text(yml, encoding="utf-8")
    (folder / "plugin.py").write_text(textwrap.dedent(script), encoding="utf-8")
    return folder


def install(stash: FakeStash, script: str, yml: str = YML, name: str = "probe") -> None:
    """Writes a throw-away plugin and installs it."""
    source = write_plugin(stash.root / "source" / name, script, yml, name)
    stash.install_plugin(source, name=name, files=[f"{name}.yml", "plugin.py"])

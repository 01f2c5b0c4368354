from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from .entities import StashError

Node = dict[str, "Node"] | list["Node"] | str | None

_NULLS = ("", "~", "null", "Null", "NULL")
_TASK = {"name": str, "description": str, "execArgs": [str], "defaultArgs": {"*": str}}
_TYPES = ("STRING", "NUMBER", "BOOLEAN")
_YML_TYPES = {
    **dict.fromkeys(("name", "description", "url", "version", "errLog"), str),
    "interface": ("raw", "rpc", "js"),
    "exec": [str],
    "tasks": [_TASK],
    "hooks": [{**_TASK, "triggeredBy": [str]}],
    "settings": {"*": {"displayName": str, "description": str, "type": _TYPES}},
    "ui": {
        **{name: [str] for name in ("javascript", "css", "requires")},
        "csp": {name: [str] for name in ("script-src", "style-src", "connect-src")},
        "assets": {"*": str},
    },
}
_LOG_LEVELS = ("trace", "debug", "info", "warning", "error", "progress", "none")


class ManifestError(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    description: str = ""
    exec_args: tuple[str, ...] = ()
    default_args: Mapping[str, str] = field(default_factory=dict)
    triggered_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    type: str = "STRING"
    display_name: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    path: Path
    raw_name: str
    version: str
    exec: tuple[str, ...]
    err_log: str
    tasks: tuple[Operation, ...]
    hooks: tuple[Operation, ...]
    settings: tuple[Setting, ...]

    @property
    def id(self) -> str:
        return self.path.stem

    @property
    def directory(self) -> Path:
        return self.path.parent

    def task(self, name: str) -> Operation:
        for task in self.tasks:
            if task.name == name:
                return task
        raise StashError(f"no task with name {name} in plugin {self.id}")

    def hooks_for(self, hook_type: str) -> list[Operation]:
        return [hook for hook in self.hooks if hook_type in hook.triggered_by]


def load(path: Path) -> Manifest:
    try:
        plugin = _shaped(parse(path.read_text(encoding="utf-8")), _YML_TYPES, "plugin")
    except (yaml.YAMLError, ManifestError, UnicodeDecodeError) as error:
        msg = f"{path.name}: {error}"
        raise ManifestError(msg) from error
    return Manifest(
        path=path,
        raw_name=plugin["name"],
        version=plugin["version"],
        exec=tuple(plugin["exec"]),
        err_log=plugin["errLog"] if plugin["errLog"] in _LOG_LEVELS else "error",
        tasks=tuple(map(_operation, plugin["tasks"])),
        hooks=tuple(map(_operation, plugin["hooks"])),
        settings=tuple(
            Setting(name, one["type"], one["displayName"] or name, one["description"])
            for name, one in sorted(plugin["settings"].items())
        ),
    )


def _operation(keys: Mapping[str, Any]) -> Operation:
    return Operation(
        name=keys["name"],
        description=keys["description"],
        exec_args=tuple(keys["execArgs"]),
        default_args=keys["defaultArgs"],
        triggered_by=tuple(keys.get("triggeredBy", ())),
    )


def _shaped(node: Node, shape: Any, where: str) -> Any:
    if isinstance(shape, dict):
        return _mapping(node, shape, where)
    if isinstance(shape, list):
        if not isinstance(node, list | None):
            msg = f"{where} must be a list"
            raise ManifestError(msg)
        return [_shaped(each, shape[0], where) for each in node or ()]
    if not isinstance(node, str | None):
        msg = f"{where} must be text"
        raise ManifestError(msg)
    if isinstance(shape, tuple) and node and node not in shape:
        msg = f"invalid {where} {node!r}, allowed are {', '.join(shape)}"
        raise ManifestError(msg)
    return node or (shape[0] if isinstance(shape, tuple) else "")


def _mapping(node: Node, shape: dict[str, Any], where: str) -> dict[str, Any]:
    if not isinstance(node, dict | None):
        msg = f"{where} must be a mapping"
        raise ManifestError(msg)
    given = node or {}
    if "*" in shape:
        return {key: _shaped(each, shape["*"], f"{where} {key}") for key, each in given.items()}
    for key in given:
        if key not in shape:
            msg = f"field {key} not found in {where}"
            raise ManifestError(msg)
    return {key: _shaped(given.get(key), part, key) for key, part in shape.items()}


class _Loader(yaml.BaseLoader):
    def construct_scalar(self, node: yaml.ScalarNode) -> Any:
        value = super().construct_scalar(node)
        return None if node.style is None and value in _NULLS else value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, str]:
        keys = [key.value for key, _ in node.value]
        repeated = {str(key) for key in keys if keys.count(key) > 1}
        if repeated:
            problem = f"key {', '.join(repeated)} already set in map"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return super().construct_mapping(node, deep)


@cache
def parse(text: str) -> Node:
    node: Node = yaml.load(text, Loader=_Loader)
    return node

"""A plugin's `.yml` as Stash decodes it: strictly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import yaml

from .yaml_reader import Node, parse

T = TypeVar("T")

INTERFACES = ("raw", "rpc", "js")
LOG_LEVELS = ("trace", "debug", "info", "warning", "error", "progress", "none")
SETTING_TYPES = ("STRING", "NUMBER", "BOOLEAN")
CSP_KEYS = ("script-src", "style-src", "connect-src")


class ManifestError(Exception):
    """A plugin file that Stash would refuse to load."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A task or hook of a plugin.

    Attributes:
        triggered_by: hook types, for hooks.
    """

    name: str
    description: str = ""
    exec_args: tuple[str, ...] = ()
    default_args: Mapping[str, str] = field(default_factory=dict)
    triggered_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that the plugin's page shows."""

    name: str
    type: str = "STRING"
    display_name: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A plugin file.

    Attributes:
        path: where it lies.
        raw_name: `name` as written; Stash's log prefix uses it even when it is empty.
        err_log: level of stderr lines without a prefix.
    """

    path: Path
    raw_name: str
    description: str
    url: str
    version: str
    interface: str
    exec: tuple[str, ...]
    err_log: str
    tasks: tuple[Operation, ...]
    hooks: tuple[Operation, ...]
    settings: tuple[Setting, ...]
    requires: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The file's name without its extension."""
        return self.path.stem

    @property
    def name(self) -> str:
        """Display name."""
        return self.raw_name or self.id

    @property
    def directory(self) -> Path:
        """The plugin's folder."""
        return self.path.parent

    def task(self, name: str) -> Operation | None:
        """The task of that name."""
        return next((task for task in self.tasks if task.name == name), None)

    def hooks_for(self, hook_type: str) -> list[Operation]:
        """The hooks that an event of that type runs."""
        return [hook for hook in self.hooks if hook_type in hook.triggered_by]


def load(path: Path) -> Manifest:
    """Reads a plugin file.

    Raises:
        ManifestError: Stash would reject it, with the reason.
    """
    try:
        return _manifest(path, _keys(parse(path.read_text(encoding="utf-8")), _TOP, "plugin"))
    except (yaml.YAMLError, ManifestError, UnicodeDecodeError) as error:
        msg = f"{path.name}: {error}"
        raise ManifestError(msg) from error


_TOP = (
    "name",
    "description",
    "url",
    "version",
    "interface",
    "exec",
    "errLog",
    "tasks",
    "hooks",
    "settings",
    "ui",
)
_TASK = ("name", "description", "execArgs", "defaultArgs")
_HOOK = (*_TASK, "triggeredBy")
_SETTING = ("displayName", "description", "type")
_UI = ("javascript", "css", "requires", "csp", "assets")


def _manifest(path: Path, top: Mapping[str, Node]) -> Manifest:
    return Manifest(
        path=path,
        raw_name=_text(top, "name"),
        description=_text(top, "description"),
        url=_text(top, "url"),
        version=_text(top, "version"),
        interface=_one_of(_text(top, "interface") or "raw", INTERFACES, "interface"),
        exec=_texts(top, "exec"),
        err_log=_log_level(_text(top, "errLog")),
        tasks=_list(top, "tasks", lambda node: _operation(node, _TASK)),
        hooks=_list(top, "hooks", lambda node: _operation(node, _HOOK)),
        settings=_settings(top.get("settings")),
        requires=_ui_requires(top.get("ui")),
    )


def _operation(node: Node, allowed: tuple[str, ...]) -> Operation:
    keys = _keys(node, allowed, "task or hook")
    return Operation(
        name=_text(keys, "name"),
        description=_text(keys, "description"),
        exec_args=_texts(keys, "execArgs"),
        default_args=_text_map(keys.get("defaultArgs"), "defaultArgs"),
        triggered_by=_texts(keys, "triggeredBy"),
    )


def _settings(node: Node) -> tuple[Setting, ...]:
    settings: list[Setting] = []
    for name, value in sorted(_mapping(node, "settings").items()):
        keys = _keys(value, _SETTING, f"setting {name}")
        kind = _one_of(_text(keys, "type") or "STRING", SETTING_TYPES, f"type of setting {name}")
        settings.append(
            Setting(name, kind, _text(keys, "displayName") or name, _text(keys, "description"))
        )
    return tuple(settings)


def _ui_requires(node: Node) -> tuple[str, ...]:
    keys = _keys(node, _UI, "ui")
    _texts(keys, "javascript")
    _texts(keys, "css")
    for name, value in _keys(keys.get("csp"), CSP_KEYS, "csp").items():
        _texts({name: value}, name)
    _text_map(keys.get("assets"), "assets")
    return _texts(keys, "requires")


def _log_level(name: str) -> str:
    return name if name in LOG_LEVELS else "error"


def _one_of(value: str, allowed: tuple[str, ...], what: str) -> str:
    if value not in allowed:
        msg = f"invalid {what} {value!r}, allowed are {', '.join(allowed)}"
        raise ManifestError(msg)
    return value


def _mapping(node: Node, what: str) -> dict[str, Node]:
    if node is None:
        return {}
    if not isinstance(node, dict):
        msg = f"{what} must be a mapping"
        raise ManifestError(msg)
    return node


def _keys(node: Node, allowed: tuple[str, ...], what: str) -> dict[str, Node]:
    mapping = _mapping(node, what)
    for key in mapping:
        if key not in allowed:
            msg = f"field {key} not found in {what}"
            raise ManifestError(msg)
    return mapping


def _text(mapping: Mapping[str, Node], key: str) -> str:
    value = mapping.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        msg = f"{key} must be text"
        raise ManifestError(msg)
    return value


def _list(mapping: Mapping[str, Node], key: str, read: Callable[[Node], T]) -> tuple[T, ...]:
    value = mapping.get(key)
    if value is None:
        return ()
    if not isinstance(value, list):
        msg = f"{key} must be a list"
        raise ManifestError(msg)
    return tuple(read(item) for item in value)


def _texts(mapping: Mapping[str, Node], key: str) -> tuple[str, ...]:
    return _list(mapping, key, lambda item: _text({key: item}, key))


def _text_map(node: Node, what: str) -> dict[str, str]:
    mapping = _mapping(node, what)
    return {key: _text(mapping, key) for key in mapping}

"""The settings as they are in effect, without the token: Stash itself shows only what is stored."""

from dataclasses import fields
from typing import Any

from validation.config import Config
from validation.path_map import PathMap
from validation.values import ValueProblem

SECRET = "plex_token"  # noqa: S105 - the setting's name


def settings_in_effect(config: Config) -> list[dict[str, Any]]:
    """Return each setting with its value, its default and what is allowed."""
    return [
        {
            "name": setting.name,
            "value": _shown(setting.name, getattr(config, setting.name)),
            "default": _shown(setting.name, setting.default),
            "allowed": _allowed(setting.metadata["parse"]),
        }
        for setting in fields(Config)
    ]


def _allowed(parse: Any) -> str:
    """Return what the setting's own parser says to a value that can be none."""
    try:
        parse(object())
    except ValueProblem as error:
        return str(error)
    return ""


def _shown(name: str, value: Any) -> Any:
    if name == SECRET:
        return "set" if value else ""
    if isinstance(value, PathMap):
        return "; ".join(str(pair) for pair in value.pairs)
    if name == "plex_url" and ("@" in value or "?" in value):
        return "set, with something secret in it"
    return value

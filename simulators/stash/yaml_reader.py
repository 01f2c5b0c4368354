"""YAML as Stash decodes it into its structs: each scalar is text, and no key may be repeated."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any

import yaml

Node = dict[str, "Node"] | list["Node"] | str | None

_NULLS = ("", "~", "null", "Null", "NULL")


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
    """Read one document, which nobody may change; only an absent or null value is None.

    Raises:
        yaml.YAMLError: it is malformed, or repeats a key.
    """
    node: Node = yaml.load(text, Loader=_Loader)
    return node

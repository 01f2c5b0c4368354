"""What tests set in the plugin's processes is there to be set."""

from dataclasses import fields

import pytest

from simulators.tuning import CONSTANTS, Tuning


def test_each_value_is_a_constant_of_the_plugin() -> None:
    assert {field.name for field in fields(Tuning)} == CONSTANTS.keys()


@pytest.mark.parametrize("name", CONSTANTS)
def test_the_plugin_has_the_constant(name: str) -> None:
    module, constant = CONSTANTS[name]

    assert hasattr(module, constant)

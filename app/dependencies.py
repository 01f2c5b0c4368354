"""Makes the run-time dependencies importable, or says in one sentence how to get them."""

import importlib
import os
import re
import site
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

VENDORED = "vendor"  # beside the entry script: what the release brings along


@dataclass(frozen=True, slots=True)
class Dependency:
    """One package.

    Attributes:
        package: as the package index has it.
        provides: the module that it brings.
        probe: the module that is imported to see whether it works; the plugin does that anyway.
        needed: the versions, as pyproject.toml has them.
    """

    package: str
    provides: str
    probe: str
    needed: str


# What others of the list need comes first, so that the blame falls on the right one.
DEPENDENCIES = (
    Dependency("requests", "requests", "requests", ">=2.32"),
    Dependency("plexapi", "plexapi", "plexapi.utils", ">=4.18"),
    Dependency("stashapp-tools", "stashapi", "stashapi.classes", ">=0.2.59"),
    Dependency("persist-queue", "persistqueue", "persistqueue.sqlackqueue", "==1.1.0"),
)


def activate_dependencies(plugin_dir: str) -> None:
    """Make the dependencies importable; a hook needs none and never calls this.

    Those that the release brings come before everything else and keep the interpreter's own out,
    so that nothing which is installed there, however broken, has a say. Without them it is the
    interpreter's site packages, which the entry's `-S` leaves out.

    Args:
        plugin_dir: the folder of the entry script.
    """
    vendored = os.path.join(plugin_dir, VENDORED)
    if os.path.isdir(vendored):
        if vendored not in sys.path:
            sys.path.insert(0, vendored)
    elif sys.flags.no_site and "site-packages" not in "".join(sys.path):
        site.main()


def unusable_packages() -> list[str]:
    """Return the packages that are missing, broken, or of a version that does not do."""
    return [one.package for one in DEPENDENCIES if _problem(one) is not None]


def dependency_problem(plugin_dir: str) -> str | None:
    """Return what cannot be used, under which interpreter, and the one command; None if all can.

    The command fills the plugin's own folder: that needs no right to change the interpreter's
    packages, and outlives a container that is made anew.
    """
    problems: dict[str, str] = {}
    for one in DEPENDENCIES:
        found = _problem(one)
        if found is not None:
            problems.setdefault(*found)  # what others suffer by the same cause is told once
    if not problems:
        return None
    told = "; ".join(problems.values())
    target = os.path.join(plugin_dir, VENDORED)
    requirements = os.path.join(plugin_dir, "requirements.txt")
    return (
        f"Stash2Plex cannot work under this Python ({sys.executable}): {told}. "
        f'Install the plugin again from its source in Stash, or run: "{sys.executable}" -m pip '
        f'install --upgrade --target "{target}" -r "{requirements}"'
    )


def _problem(dependency: Dependency) -> tuple[str, str] | None:
    """Return the cause, and a sentence about it."""
    package = dependency.package
    try:
        importlib.import_module(dependency.probe)
        found = version(package)
    except PackageNotFoundError:
        return None  # it was put there by hand, and it works
    except ModuleNotFoundError as error:
        missing = error.name or dependency.provides
        if "." in missing:
            return missing, f"{package} is incomplete ({missing} is missing)"
        return missing, f"{_package_of(missing)} is missing"
    except Exception as error:  # noqa: BLE001 - a package that is broken raises whatever it likes
        cause = f"{type(error).__name__}: {error}"
        return cause, f"{package} is broken ({cause})"
    if is_accepted(found, dependency.needed):
        return None
    return package, f"{package} is {found}, {dependency.needed} is needed"


def is_accepted(found: str, needed: str) -> bool:
    """Tell whether a version is one that is needed.

    Args:
        found: a version; what follows its numbers is not looked at.
        needed: `==` or `>=` and a version.
    """
    if needed.startswith("=="):
        return _numbers(found) == _numbers(needed)
    return _numbers(found) >= _numbers(needed)


def _numbers(text: str) -> list[int]:
    found = re.search(r"\d+(?:\.\d+)*", text)
    numbers = [int(part) for part in found.group().split(".")] if found else []
    while numbers and numbers[-1] == 0:  # 2.32.0 is 2.32
        numbers.pop()
    return numbers


def _package_of(module: str) -> str:
    return next((one.package for one in DEPENDENCIES if one.provides == module), module)

import importlib
import os
import re
import site
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

VENDORED = "vendor"


@dataclass(frozen=True, slots=True)
class Dependency:
    package: str
    probe: str
    needed: str


# Check `requests` before `plexapi`, because a broken `requests` also breaks `plexapi`.
DEPENDENCIES = (
    Dependency("requests", "requests", ">=2.32"),
    Dependency("plexapi", "plexapi.utils", ">=4.18"),
    Dependency("stashapp-tools", "stashapi.classes", ">=0.2.59"),
    Dependency("persist-queue", "persistqueue.sqlackqueue", "==1.1.0"),
)


def activate_dependencies(plugin_dir: str) -> None:
    """Prefer packages in the plugin's folder `vendor`, because installed packages may be broken."""
    vendored = os.path.join(plugin_dir, VENDORED)
    if os.path.isdir(vendored):
        if vendored not in sys.path:
            sys.path.insert(0, vendored)
    elif sys.flags.no_site and "site-packages" not in "".join(sys.path):
        site.main()


def unusable_packages() -> list[str]:
    return [dependency.package for dependency in DEPENDENCIES if _problem(dependency)]


def dependency_problem(plugin_dir: str) -> str | None:
    problems: dict[str, str] = {}
    for dependency in DEPENDENCIES:
        if problem := _problem(dependency):
            problems.setdefault(*problem)
    if not problems:
        return None
    target = os.path.join(plugin_dir, VENDORED)
    requirements = os.path.join(plugin_dir, "requirements.txt")
    return (
        f"Stash2Plex cannot work under this Python ({sys.executable}): "
        f"{'; '.join(problems.values())}. "
        f'Install the plugin again from its source in Stash, or run: "{sys.executable}" -m pip '
        f'install --upgrade --target "{target}" -r "{requirements}"'
    )


def _problem(dependency: Dependency) -> tuple[str, str] | None:
    package = dependency.package
    try:
        importlib.import_module(dependency.probe)
        found = version(package)
    except PackageNotFoundError:
        # The installed package works, but the file that contains its version is missing.
        return None
    except ModuleNotFoundError as error:
        missing = error.name or package
        if "." in missing:
            return missing, f"{package} is incomplete ({missing} is missing)"
        providers = {known.probe.partition(".")[0]: known.package for known in DEPENDENCIES}
        return missing, f"{providers.get(missing, missing)} is missing"
    except Exception as error:  # noqa: BLE001 - a broken package may raise any error
        cause = f"{type(error).__name__}: {error}"
        return cause, f"{package} is broken ({cause})"
    text = f"{package} is {found}, {dependency.needed} is needed"
    return None if is_accepted(found, dependency.needed) else (package, text)


def is_accepted(found: str, needed: str) -> bool:
    numbers, limit = _numbers(found), _numbers(needed)
    return numbers == limit if needed.startswith("==") else numbers >= limit


def _numbers(text: str) -> list[int]:
    found = re.search(r"\d+(?:\.\d+)*", text)
    numbers = [int(part) for part in found.group().split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers

import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from tools.release.wheels import ReleaseError, Vendored

REPOSITORY = Path(__file__).resolve().parents[2]
ENTRY = ("Stash2Plex.py", "Stash2Plex.yml")
VENDOR = "vendor"
VENDORED_LIST = f"{VENDOR}/VENDORED.md"
SHIPPED = {
    *ENTRY, "CHANGELOG.md", "LICENSE", "requirements.txt",
    "app", "hooks", "legacy", "plex", "reconciliation", "shared", "stash", "sync_queue", "tasks",
    "ui", "validation", "worker",
}  # fmt: skip
NOT_SHIPPED = {
    ".ci", ".editorconfig", ".gitattributes", ".github", ".gitignore", "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md", "Makefile", "SECURITY.md", "README.md", "benchmarks", "docs",
    "pyproject.toml", "requirements-dev.txt", "simulators", "tests", "tools",
}  # fmt: skip


def git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def plugin_files(repository: Path) -> dict[str, bytes]:
    listed = git(repository, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    names = sorted({name for name in listed.split("\0") if name and (repository / name).exists()})
    undecided = {PurePosixPath(name).parts[0] for name in names} - SHIPPED - NOT_SHIPPED
    if undecided:
        known = "SHIPPED or NOT_SHIPPED of tools/release/contents.py"
        raise ReleaseError(f"{', '.join(sorted(undecided))}: name it in {known}")
    return {
        name: (repository / name).read_bytes()
        for name in names
        if PurePosixPath(name).parts[0] in SHIPPED
    }


def vendored_files(dependencies: Iterable[Vendored]) -> dict[str, bytes]:
    found = sorted(dependencies, key=lambda wheel: wheel.pin.name)
    files = {f"{VENDOR}/{path}": data for wheel in found for path, data in wheel.files.items()}
    rows = [
        f"| {wheel.pin.name} | {wheel.pin.version} | {wheel.licence} | `{wheel.pin.sha256}` |"
        for wheel in found
    ]
    text = [
        "# What Stash2Plex carries",
        "",
        "The files of these wheels from the Python Package Index, unchanged, without tests; of",
        "METADATA the headers; an empty `__init__.py` where a package has none. The licence texts",
        "are in the folders `*.dist-info/licenses`.",
        "",
        "| distribution | version | licence | SHA-256 of the wheel |",
        "|---|---|---|---|",
        *rows,
        "",
    ]
    files[VENDORED_LIST] = "\n".join(text).encode()
    return files


def check(files: Mapping[str, bytes]) -> None:
    """Raise ReleaseError if a file would break the installation or the plugin."""
    manifests = [name for name in files if name.lower().endswith(".yml")]
    if manifests != [ENTRY[1]]:
        raise ReleaseError(f"Stash would load all of these: {', '.join(manifests)}")
    if len({name.lower() for name in files}) < len(files):
        raise ReleaseError("two names differ only by case")
    wrong = [name for name in files if not name.isascii() or set(name) & set('<>:"\\|?* ')]
    if wrong:
        raise ReleaseError(f"not every file system has: {', '.join(wrong)}")
    packages = {PurePosixPath(name).parts[1] for name in files if name.startswith(f"{VENDOR}/")}
    hidden = {name.removesuffix(".py") for name in packages} & (SHIPPED | sys.stdlib_module_names)
    if hidden:
        raise ReleaseError(f"vendored packages would hide {', '.join(sorted(hidden))}")

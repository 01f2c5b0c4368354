import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.parser import BytesParser
from pathlib import Path, PurePosixPath

_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)\s+--hash=sha256:(?P<hash>\w{64})")
PURE = "-py3-none-any.whl"
_LICENCES = ("licen", "notice", "copying", "authors")
_FORBIDDEN_SUFFIXES = {".so", ".pyd", ".dll", ".dylib", ".exe", ".pth", ".yml"}


class ReleaseError(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Pin:
    name: str
    version: str
    sha256: str

    @property
    def stem(self) -> str:
        return f"{re.sub(r'[-_.]+', '_', self.name).lower()}-{self.version}"


def read_pins(requirements: Path) -> list[Pin]:
    text = requirements.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    return [_pin(line) for line in lines if line and not line.startswith("#")]


def _pin(line: str) -> Pin:
    found = _PIN.fullmatch(line)
    if found is None:
        message = f"requirements.txt: not of the form name==version --hash=sha256:…: {line}"
        raise ReleaseError(message)
    return Pin(found["name"], found["version"], found["hash"])


@dataclass(frozen=True, slots=True)
class Vendored:
    pin: Pin
    licence: str
    files: Mapping[str, bytes]


def vendored(folder: Path, pins: Iterable[Pin]) -> list[Vendored]:
    return [_take(_wheel_of(folder, pin), pin) for pin in pins]


def _wheel_of(folder: Path, pin: Pin) -> Path:
    for path in sorted(folder.glob("*.whl")):
        if path.name.lower() == pin.stem + PURE:
            return path
    message = f"no {pin.stem}{PURE} in {folder}: `make test` and `make release` fetch it"
    raise ReleaseError(message)


def _take(wheel: Path, pin: Pin) -> Vendored:
    content = wheel.read_bytes()
    if hashlib.sha256(content).hexdigest() != pin.sha256:
        message = f"{wheel.name} is not the file whose hash requirements.txt has: delete it"
        raise ReleaseError(message)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name[-1] != "/"}
    return select(pin, files)


def select(pin: Pin, files: Mapping[str, bytes]) -> Vendored:
    info = f"{pin.stem}.dist-info"
    code: dict[str, bytes] = {}
    about: dict[str, bytes] = {}
    for name, content in files.items():
        path = _checked(pin, name)
        if path.parts[0].lower() == info:
            about |= _about(info, path, content)
        elif "tests" not in path.parts:
            code[name] = content
    for package in {name.split("/")[0] for name in code if "/" in name}:
        # Python prefers an installed package to a vendored package without `__init__.py`.
        code.setdefault(f"{package}/__init__.py", b"")
    if not any("/licenses/" in name for name in about):
        raise ReleaseError(f"{pin.name}: its wheel has no licence text")
    metadata = BytesParser().parsebytes(about.get(f"{info}/METADATA", b""))
    if metadata["Version"] != pin.version:
        raise ReleaseError(f"{pin.name}: its wheel is of version {metadata['Version']}")
    licence = metadata["License-Expression"] or metadata["License"] or "?"
    return Vendored(pin, licence, code | about)


def _checked(pin: Pin, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.parts[0].endswith(".data"):
        raise ReleaseError(f"{pin.name}: {name} would not lie in the vendored folder")
    if path.suffix in _FORBIDDEN_SUFFIXES:
        raise ReleaseError(f"{pin.name}: {name} is nothing that the plugin may carry")
    return path


def _about(info: str, path: PurePosixPath, content: bytes) -> dict[str, bytes]:
    if path.name == "METADATA":
        headers = re.split(rb"\r?\n\r?\n", content, maxsplit=1)[0]
        return {f"{info}/METADATA": headers + b"\n"}
    if path.name.lower().startswith(_LICENCES):
        return {f"{info}/licenses/{path.name}": content}
    return {}

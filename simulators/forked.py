"""Imports the plugin once, and forks a process for each start of the plugin's script.

Usage: forked.py PLUGIN MODULES ADDRESS DESCRIPTOR PADDING.

PLUGIN: the plugin's folder.
MODULES: the modules to import, separated by commas.
ADDRESS: the name of the abstract Unix socket to which other processes send requests.
DESCRIPTOR: the file descriptor of this socket, which the parent process has opened.
PADDING: any long text. It reserves memory for the command line that a forked process shows.

This process ends when its standard input ends.
"""

import builtins
import contextlib
import fcntl
import gc
import importlib
import marshal
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

ENTRY, CHANGES = "entry.py", "changes.bin"
COMMAND_LINE_BYTES = 4096
_LONGEST_REQUEST = 1 << 18
# Move received descriptors to these high numbers first, so that `dup2` does not overwrite them.
_HIGH, _REPLY = 200, 300


class Request(NamedTuple):
    argv: list[str]
    env: dict[str, str]
    cwd: str
    new_session: bool
    numbers: list[int]


def script_of(argv: Sequence[str]) -> int | None:
    if argv[0] != sys.executable:
        return None
    place = 2 if argv[1:2] == ["-S"] else 1
    return place if argv[place : place + 1] and argv[place].endswith(".py") else None


def ask(address: str, request: Request, descriptors: Sequence[int]) -> tuple[socket.socket, int]:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(address)
    socket.send_fds(connection, [marshal.dumps(tuple(request))], descriptors)
    (pid,) = struct.unpack("i", connection.recv(4))
    return connection, pid


class _Server:
    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._children: dict[int, socket.socket] = {}
        self._ends, self._end_of_child = os.pipe()
        os.set_blocking(self._end_of_child, False)
        signal.set_wakeup_fd(self._end_of_child, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> tuple[Request, list[int], int] | None:
        """Fork a process for each request.

        In a forked process, return the request, the received file descriptors, and the descriptor
        for the reply. In the fork server, return None when its standard input ends.
        """
        while True:
            ready, _, _ = select.select([self._listener.fileno(), self._ends, 0], [], [])
            if 0 in ready:
                return None
            if self._ends in ready:
                os.read(self._ends, 4096)
                self._reap()
            if self._listener.fileno() in ready:
                connection, _ = self._listener.accept()
                if request := self._fork(connection):
                    return request

    def _fork(self, connection: socket.socket) -> tuple[Request, list[int], int] | None:
        message, descriptors, _, _ = socket.recv_fds(connection, _LONGEST_REQUEST, 16)
        if not message:
            connection.close()
            return None
        child = os.fork()
        if child == 0:
            request = Request(*marshal.loads(message))
            if request.new_session:
                os.setsid()
            reply = fcntl.fcntl(connection.fileno(), fcntl.F_DUPFD, _REPLY)
            self._let_go(connection)
            return request, descriptors, reply
        for descriptor in descriptors:
            os.close(descriptor)
        self._children[child] = connection
        return None

    def _let_go(self, connection: socket.socket) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Keep Python from closing these sockets in the forked process.
        for one in (self._listener, connection, *self._children.values()):
            one.detach()

    def _reap(self) -> None:
        while self._children:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                return
            with self._children.pop(child) as connection:
                _tell(connection, status)


def _tell(connection: socket.socket, number: int) -> None:
    with contextlib.suppress(ConnectionError):
        connection.send(struct.pack("i", number))


def _become(request: Request, descriptors: list[int], address: str) -> None:
    _show(request.argv)
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _HIGH) for descriptor in descriptors]
    os.closerange(3, _HIGH)
    for descriptor, number in zip(moved, request.numbers, strict=True):
        os.dup2(descriptor, number)
    os.closerange(_HIGH, _HIGH + len(moved))
    os.chdir(request.cwd)
    os.environ.clear()
    os.environ.update(request.env)
    os.posix_spawn = partial(_spawn, address, os.posix_spawn)
    _open_streams()


def _open_streams() -> None:
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)


def _show(argv: Sequence[str]) -> None:
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b") ")[2].split()
    start, end = int(fields[45]), int(fields[46])
    line = b"".join(os.fsencode(part) + b"\0" for part in argv)
    assert len(line) <= end - start, "the command line is too long"
    with open("/proc/self/mem", "r+b", buffering=0) as memory:
        memory.seek(start)
        memory.write(line.ljust(end - start, b"\0"))


def _spawn(
    address: str,
    spawn: Any,
    path: str,
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    file_actions: Sequence[tuple[int, int, int]] = (),
    setsid: bool = False,
) -> int:
    if script_of(argv) is None:
        return int(spawn(path, argv, env, file_actions=file_actions, setsid=setsid))
    used = {number: number for number in _inheritable()}
    used |= {target: source for _, source, target in file_actions}
    request = Request(list(argv), dict(env), os.getcwd(), setsid, list(used))
    connection, pid = ask(address, request, list(used.values()))
    connection.close()
    return pid


def _inheritable() -> list[int]:
    found = []
    for number in map(int, os.listdir("/proc/self/fd")):
        with contextlib.suppress(OSError):
            if os.get_inheritable(number):
                found.append(number)
    return found


class _Imports:
    def __init__(self, packages: set[str]) -> None:
        self._packages = packages
        self._importers: dict[str, set[str]] = {}
        self._import = builtins.__import__

    @contextlib.contextmanager
    def recorded(self) -> Iterator[None]:
        builtins.__import__ = self._record
        yield
        builtins.__import__ = self._import

    def _record(self, name: str, *rest: Any, **named: Any) -> ModuleType:
        module = self._import(name, *rest, **named)
        scope, _, names = [*rest, None, None, None][:3]
        importer = (scope or {}).get("__name__", "")
        if importer.partition(".")[0] in self._packages:
            base = module.__name__ if names else name
            for imported in (base, *(f"{base}.{part}" for part in names or ())):
                self._importers.setdefault(imported, set()).add(importer)
        return module

    def forget_with_importers(self, changed: Iterable[str]) -> None:
        left, found = list(changed), set[str]()
        while left:
            name = left.pop()
            if name not in found:
                found.add(name)
                left += self._importers.get(name, ())
        for name in found & sys.modules.keys():
            package, _, last = name.rpartition(".")
            if name.partition(".")[0] in self._packages:
                del sys.modules[name]
                if package in sys.modules:
                    vars(sys.modules[package]).pop(last, None)


def _run(argv: list[str], plugin: str, imports: _Imports) -> None:
    place = script_of(argv)
    assert place is not None
    script = source = argv[place]
    folder = os.path.dirname(os.path.abspath(script))
    sys.argv, sys.path[0] = argv[place:], folder
    if folder == plugin and os.path.exists(os.path.join(folder, CHANGES)):
        source = os.path.join(folder, ENTRY)
    else:
        imports.forget_with_importers(_changed(folder))
    with open(source, "rb") as file:
        code = compile(file.read(), script, "exec")
    sys.modules["__main__"] = main = ModuleType("__main__")
    main.__file__ = script
    exec(code, main.__dict__)


def _changed(folder: str) -> list[str]:
    try:
        with open(os.path.join(folder, CHANGES), "rb") as file:
            _, changes = marshal.load(file)
    except FileNotFoundError:
        return []
    return [change[0] for change in changes]


def _main() -> None:
    plugin, modules, address, descriptor, _ = sys.argv[1:]
    sys.path[0] = plugin
    names = modules.split(",")
    importlib.import_module("app.dependencies").activate_dependencies(plugin)
    if os.path.exists(os.path.join(plugin, CHANGES)):
        importlib.import_module("altered").prepare(plugin)
    imports = _Imports({name.partition(".")[0] for name in names})
    with imports.recorded():
        for name in names:
            importlib.import_module(name)
    gc.collect()
    # Without `freeze`, garbage collection in a forked process would copy the memory of all objects.
    gc.freeze()
    accepted = _Server(socket.socket(fileno=int(descriptor))).serve()
    if accepted is not None:
        request, descriptors, reply = accepted
        _become(request, descriptors, f"\0{address}")
        with socket.socket(fileno=reply) as connection:
            _tell(connection, os.getpid())
        _run(request.argv, plugin, imports)


if __name__ == "__main__":
    _main()

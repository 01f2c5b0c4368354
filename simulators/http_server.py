import contextlib
import selectors
import socket
import struct
import threading
from collections.abc import Callable
from ssl import SSLContext
from typing import Literal

from simulators.wire import TLS_HANDSHAKE, MalformedError, RawRequest, Response, read_request

_BACKLOG = 256
_JOIN_SECONDS = 5.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Latch:
    """An event that a thread can await together with a socket."""

    def __init__(self) -> None:
        self._receiver, self._sender = socket.socketpair()

    def open(self) -> None:
        with contextlib.suppress(OSError):
            self._sender.send(b"x")

    def fileno(self) -> int:
        return self._receiver.fileno()

    def __del__(self) -> None:
        self._receiver.close()
        self._sender.close()


class Connection:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._stream = sock.makefile("rb")

    def read(self, idle_seconds: float | None) -> RawRequest | None:
        self._sock.settimeout(idle_seconds)
        try:
            return read_request(self._stream)
        except OSError:
            return None

    def send(self, data: bytes) -> bool:
        self._sock.settimeout(None)
        try:
            self._sock.sendall(data)
        except OSError:
            return False
        return True

    def wait(
        self, latch: Latch, timeout: float | None = None
    ) -> Literal["released", "closed", "timeout"]:
        with selectors.DefaultSelector() as selector:
            selector.register(latch, selectors.EVENT_READ, "released")
            try:
                selector.register(self._sock, selectors.EVENT_READ, "closed")
            except (ValueError, OSError):
                return "closed"
            ready = {key.data for key, _ in selector.select(timeout)}
        if "released" in ready:
            return "released"
        return "closed" if ready else "timeout"

    def reset(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.close()

    def shut_down(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.close()
            self._sock.close()


Serve = Callable[[Connection, RawRequest], bool]


class HttpServer:
    """Accepts connections on the loopback interface. Each restart uses the port of the first start.

    Args:
        serve: answers a request. If the result is False, the server closes the connection.
        refuses_plain: is called for each connection without TLS to a server that has a certificate.
            If the result is True, the server closes the connection.
    """

    def __init__(
        self,
        serve: Serve,
        idle_seconds: float | None = None,
        tls: SSLContext | None = None,
        refuses_plain: Callable[[], bool] = lambda: True,
    ) -> None:
        self._serve = serve
        self._idle_seconds = idle_seconds
        self._tls = tls
        self._refuses_plain = refuses_plain
        self._guard = threading.Lock()
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self._reservation: socket.socket | None = None
        self._live: dict[Connection, threading.Thread] = {}
        self.port = 0
        self.stopping = threading.Event()

    def start(self) -> None:
        if self._listener is not None:
            return
        if self._reservation is not None:
            self._reservation.close()
            self._reservation = None
        listener = _bound(self.port)
        listener.listen(_BACKLOG)
        self.port = listener.getsockname()[1]
        self.stopping = threading.Event()
        self._listener = listener
        self._acceptor = threading.Thread(
            target=self._accept, args=(listener, self.stopping), daemon=True
        )
        self._acceptor.start()

    def stop(self) -> None:
        if self._listener is None or self._acceptor is None:
            return
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        # Reserve the port, so that no other process uses it while the server is stopped.
        with contextlib.suppress(OSError):
            self._reservation = _bound(self.port)
        self._acceptor.join(_JOIN_SECONDS)
        with self._guard:
            live = list(self._live.items())
        for connection, _ in live:
            connection.shut_down()
        for _, thread in live:
            if thread is not threading.current_thread():
                thread.join(_JOIN_SECONDS)

    def cut_connections(self) -> None:
        with self._guard:
            live = list(self._live)
        for connection in live:
            connection.shut_down()

    def close(self) -> None:
        self.stop()
        if self._reservation is not None:
            self._reservation.close()
            self._reservation = None

    def _accept(self, listener: socket.socket, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            self._admit(sock, stopping)

    def _admit(self, sock: socket.socket, stopping: threading.Event) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        arguments = (sock, stopping)
        threading.Thread(target=self._converse, args=arguments, daemon=True).start()

    def _converse(self, sock: socket.socket, stopping: threading.Event) -> None:
        if self._tls is not None:
            try:
                sock = self._secured(sock, self._tls)
            except OSError:
                sock.close()
                return
        connection = Connection(sock)
        with self._guard:
            self._live[connection] = threading.current_thread()
        try:
            self._answer_all(connection, stopping)
        finally:
            with self._guard:
                del self._live[connection]
            connection.close()

    def _secured(self, sock: socket.socket, tls: SSLContext) -> socket.socket:
        sock.settimeout(_JOIN_SECONDS)
        if sock.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE:
            return tls.wrap_socket(sock, server_side=True)
        if self._refuses_plain():
            # Read the request first, because closing a socket with unread bytes sends a reset.
            sock.recv(1 << 16)
            msg = "plain http is refused"
            raise OSError(msg)
        return sock

    def _answer_all(self, connection: Connection, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                request = connection.read(self._idle_seconds)
            except MalformedError:
                connection.send(Response(400).encode({}))
                return
            if request is None:
                return
            if not self._serve(connection, request) or not request.keep_alive:
                return


def _bound(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    return sock

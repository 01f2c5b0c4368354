"""A threaded HTTP/1.1 server on loopback that can be stopped and started on the same port."""

from __future__ import annotations

import contextlib
import selectors
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator

from .calls import Cancel
from .faults import DropError
from .wire import Request, RequestError, Response, read_request

Handle = Callable[[Request, "Connection"], Response]

ACCEPT_POLL = 0.02
"""Seconds until `stop` is noticed."""


class Connection:
    """A client's connection, for handlers that must know when the client goes away."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    @contextlib.contextmanager
    def cancel_on_disconnect(self) -> Iterator[Cancel]:
        """While the block runs, a client that hangs up fires the `Cancel`."""
        cancel = Cancel()
        wake_read, wake_write = socket.socketpair()
        watcher = threading.Thread(target=self._watch, args=(cancel, wake_read), daemon=True)
        watcher.start()
        try:
            yield cancel
        finally:
            wake_write.close()
            watcher.join()
            wake_read.close()

    def _watch(self, cancel: Cancel, wake: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            try:
                selector.register(self._sock, selectors.EVENT_READ)
            except (ValueError, OSError):  # closed by stop()
                cancel.cancel()
                return
            selector.register(wake, selectors.EVENT_READ)
            ready = [key.fileobj for key, _ in selector.select()]
        if wake not in ready and self._hung_up():
            cancel.cancel()

    def _hung_up(self) -> bool:
        try:
            return self._sock.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True


class HttpServer:
    """Serves each connection in a thread of its own.

    Args:
        handle: answers a request, or raises `DropError`.
        port: 0 for a free one, which is then kept across restarts.
    """

    host = "127.0.0.1"

    def __init__(self, handle: Handle, port: int = 0) -> None:
        self._handle = handle
        self._port = port
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._reservation: socket.socket | None = None
        self._live: set[socket.socket] = set()
        self.stopping = threading.Event()

    @property
    def port(self) -> int:
        """The port, once started."""
        return self._port

    @property
    def running(self) -> bool:
        """Whether clients are served."""
        return self._server is not None

    def start(self) -> None:
        """Listens; on the same port as before if it ran before."""
        if self._server is not None:
            return
        self.stopping = threading.Event()
        self._give_back()
        server = _Server((self.host, self._port), self)
        self._port = server.server_address[1]
        self._server = server
        threading.Thread(target=server.serve_forever, args=(ACCEPT_POLL,), daemon=True).start()

    def stop(self) -> None:
        """Closes the listener and every live connection: from now on clients are refused.

        The port stays reserved, unheard: another test's server would be given it.
        """
        server, self._server = self._server, None
        if server is None:
            return
        self.stopping.set()
        server.shutdown()
        server.server_close()
        self._reservation = _reserved(self.host, self._port)
        self.drop_connections()

    def close(self) -> None:
        """Stops and gives the port back."""
        self.stop()
        self._give_back()

    def _give_back(self) -> None:
        reservation, self._reservation = self._reservation, None
        if reservation is not None:
            reservation.close()

    def drop_connections(self) -> None:
        """Hangs up on all clients."""
        with self._lock:
            live = list(self._live)
        for sock in live:
            _hang_up(sock)

    def connections(self) -> int:
        """How many clients are connected."""
        with self._lock:
            return len(self._live)

    def serve(self, sock: socket.socket) -> None:
        """Serves one connection to its end."""
        stopping = self.stopping
        with self._lock:
            self._live.add(sock)
        try:
            if not stopping.is_set():
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._serve(sock, stopping)
        except DropError as dropped:
            _end(sock, dropped)
        except (RequestError, OSError):
            pass  # the client broke the connection or the protocol: its thread just ends
        finally:
            with self._lock:
                self._live.discard(sock)

    def _serve(self, sock: socket.socket, stopping: threading.Event) -> None:
        connection = Connection(sock)
        with sock.makefile("rb") as stream:
            while not stopping.is_set():
                request = read_request(stream)
                if request is None:
                    return
                response = self._handle(request, connection)
                head = request.method == "HEAD"
                sock.sendall(response.encode(keep_alive=request.keep_alive, head=head))
                if not request.keep_alive:
                    return


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], owner: HttpServer) -> None:
        self.owner = owner
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        raise  # noqa: PLE0704 - called within an except block; threads' errors must fail tests


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.owner.serve(self.request)


def _reserved(host: str, port: int) -> socket.socket | None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        return None
    return sock


def _end(sock: socket.socket, dropped: DropError) -> None:
    try:
        sock.sendall(dropped.sent)
        if dropped.reset:  # closing with linger time 0 makes the kernel send RST
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
    except OSError:
        pass  # the client left first


def _hang_up(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it was closed already

"""Connection deadline: ends network connections when a time is up, whatever they are doing.

Inputs: seconds, and each new socket as soon as it is connected. Outputs: whether the time is up. A socket's own timeout
is none: it begins anew with every byte. So a timer shuts the connection down, and whoever reads it gets its end: of a
TLS handshake too, of headers, and of a body that comes byte by byte. Looking up a name is not ended; the system's
resolver has a timeout of its own.
"""

import socket
import threading
from contextlib import suppress


class ConnectionDeadline:
    """Shuts watched connections down after so many seconds within its `with` block."""

    def __init__(self, total_seconds: float) -> None:
        self._timer = threading.Timer(total_seconds, self._expire)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self.expired = False

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._keep(None)

    def watch(self, connected: socket.socket) -> None:
        """End this connection at the deadline, in place of the one before it; at once where the time is up."""
        # A duplicate: TLS takes the descriptor over, and this one stays on the same connection.
        self._keep(connected.dup())
        if self.expired:
            self._shut_down()

    def _expire(self) -> None:
        self.expired = True
        self._shut_down()

    def _shut_down(self) -> None:
        with self._lock, suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def _keep(self, watched: socket.socket | None) -> None:
        with self._lock:
            if self._socket is not None:
                self._socket.close()
            self._socket = watched

"""A bad network: an HTTP proxy in front of an S3 server that lets a share of the requests fail, by seed.

Comes in: requests for the server behind it. Goes out: its answers, late, cut off, refused or never. Run it as
`python -m tests.infra.fault_proxy PORT UPSTREAM_PORT LOG FAULTS`, where FAULTS is `Faults` as JSON; every fault is a
line in LOG. A process and not a thread, as the server behind it.
"""

import json
import random
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import ClassVar

from tests.buckets import free_port, served

KINDS = ("500", "503", "reset", "unheard", "cut", "hidden")
"""Refused twice over, reset before and after the work was done, a body cut off, an object that is not there yet."""

SECOND_HAND = {"connection", "transfer-encoding", "content-length", "keep-alive", "server", "date"}


@dataclass(frozen=True)
class Faults:
    """What goes wrong: a share of requests, seconds on every request, and seconds of outage after so many requests."""

    share: float = 0.0
    kinds: tuple[str, ...] = KINDS
    seed: int = 0
    latency: float = 0.0
    outage_after: int | None = None
    outage_seconds: float = 0.0


class Weather:
    """What the proxy's threads share: the dice, the log, what is hidden, and the outage."""

    def __init__(self, faults: Faults, log: Path) -> None:
        self.faults = faults
        self._log = log
        self._dice = random.Random(faults.seed)
        self._requests = 0
        self._out_since: float | None = None
        self._hidden: set[str] = set()
        self._lock = Lock()

    def next_fault(self, method: str, path: str) -> str | None:
        """Return what happens to a request, or None."""
        with self._lock:
            self._requests += 1
            fault = "outage" if self._is_out() else self._drawn(method)
            if fault is None and method in {"GET", "HEAD"} and path in self._hidden:
                self._hidden.discard(path)
                fault = "404"
            if fault is not None:
                with self._log.open("a") as log:
                    log.write(f"{fault} {method} {path}\n")
            return fault

    def hide(self, path: str) -> None:
        """Have the next look at an object find nothing."""
        with self._lock:
            self._hidden.add(path)

    def _is_out(self) -> bool:
        after = self.faults.outage_after
        if after is None or self._requests <= after:
            return False
        if self._out_since is None:
            self._out_since = time.monotonic()
        return time.monotonic() - self._out_since < self.faults.outage_seconds

    def _drawn(self, method: str) -> str | None:
        if self._dice.random() >= self.faults.share:
            return None
        kind = self._dice.choice(self.faults.kinds)
        suits = {"hidden": method == "PUT", "cut": method == "GET"}
        return kind if suits.get(kind, True) else None


class Proxy(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    weather: ClassVar[Weather]
    upstream: ClassVar[int]

    def forward(self) -> None:
        """Answer one request, or fail to."""
        path = self.path.partition("?")[0]
        body = self._body()
        time.sleep(self.weather.faults.latency)
        fault = self.weather.next_fault(self.command, path)
        if fault in {"reset", "outage"}:
            return self._reset()
        if fault in {"500", "503", "404"}:
            return self._refuse(fault)
        answer, data = self._upstream(body)
        if fault == "unheard":
            return self._reset()
        if fault == "hidden" and answer.status == 200:
            self.weather.hide(path)
        self._answer(answer, data, cut=fault == "cut")
        return None

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward  # noqa: N815 - the server looks for these names

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue
        return b"".join(parts)

    def _upstream(self, body: bytes) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection("127.0.0.1", self.upstream, timeout=120)
        kept = {name: value for name, value in self.headers.items() if name.lower() not in {"expect", "connection"}}
        kept = {name: value for name, value in kept.items() if name.lower() != "transfer-encoding"}
        connection.request(self.command, self.path, body, kept | {"Content-Length": str(len(body))})
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        return answer, data

    def _answer(self, answer: HTTPResponse, data: bytes, *, cut: bool) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in SECOND_HAND:
                self.send_header(name, value)
        size = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        self.send_header("Content-Length", size or "0")
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)
        if cut:
            self.wfile.flush()
            self._reset()

    def _refuse(self, status: str) -> None:
        code = {"500": "InternalError", "503": "SlowDown", "404": "NoSuchKey"}[status]
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>On purpose</Message></Error>".encode()
        self.send_response(int(status))
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.shutdown(socket.SHUT_RD)


class Bad(ThreadingHTTPServer):
    """The proxy's server."""

    daemon_threads = True
    request_queue_size = 128

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        """Close without the polite end that would turn a reset into a plain close."""
        self.close_request(request)

    def handle_error(self, *_: object) -> None:
        """Say nothing: broken connections are the purpose."""


@dataclass(frozen=True)
class Place:
    """A running proxy: where it is, and what it did so far."""

    endpoint: str
    log: Path
    pid: int

    def counts(self) -> Counter[str]:
        """Return how often each fault happened."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return Counter(line.split()[0] for line in lines)


@contextmanager
def fault_proxy(endpoint: str, folder: Path, faults: Faults) -> Iterator[Place]:
    """Run a proxy in front of an S3 server until the block ends."""
    port, log = free_port(), folder / f"faults-{free_port()}.log"
    upstream = endpoint.rpartition(":")[2]
    command = [sys.executable, "-m", "tests.infra.fault_proxy", str(port), upstream, str(log)]
    with served([*command, json.dumps(asdict(faults))], port) as server:
        yield Place(f"http://127.0.0.1:{port}", log, server.pid)


def main(port: str, upstream: str, log: str, faults: str) -> None:
    """Serve until killed."""
    Proxy.weather = Weather(Faults(**json.loads(faults)), Path(log))
    Proxy.upstream = int(upstream)
    Bad(("127.0.0.1", int(port)), Proxy).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])

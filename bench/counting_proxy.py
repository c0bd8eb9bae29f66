"""Counting proxy: an HTTP proxy that counts the requests that reach an S3 server, and answers each a little late.

Inputs: the port of a server on this machine. Outputs: its answers, and a log with a line for each request. Run it as
`python -m bench.counting_proxy PORT UPSTREAM_PORT LOG LATENCY`. A process and not a thread, as the server behind it:
some clients hold the interpreter's lock while they wait.
"""

import re
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, local
from typing import IO, ClassVar

_NOT_FORWARDED = {"connection", "transfer-encoding", "keep-alive", "server", "date"}
_LIST_QUERY = re.compile(r"[?&]list-type=2|[?&]uploads\b|[?&]versions\b")


@dataclass(frozen=True)
class Request:
    """One request: LIST, GET, HEAD, PUT, POST or DELETE, and the object's path or the listing's query."""

    kind: str
    path: str


def read_requests(log: Path, first: int = 0) -> list[Request]:
    """Return the requests of a log from the line `first` on."""
    lines = log.read_text("utf-8").splitlines()[first:] if log.exists() else []
    return [Request(*line.split(" ", 1)) for line in lines]


def count_kinds(requests: Iterable[Request]) -> Counter[str]:
    """Return how many requests there are of each kind."""
    return Counter(request.kind for request in requests)


class _Handler(BaseHTTPRequestHandler):
    """One connection of a client; the connections to the server behind are kept, one for each thread."""

    protocol_version = "HTTP/1.1"
    upstream: ClassVar[int]
    latency: ClassVar[float]
    log: ClassVar[IO[str]]
    lock: ClassVar[Lock] = Lock()
    connections: ClassVar[local] = local()

    def forward(self) -> None:
        """Count one request, wait, and pass it on."""
        path, _, query = self.path.partition("?")
        is_list = self.command == "GET" and _LIST_QUERY.search(self.path) is not None
        with self.lock:
            self.log.write(f"LIST {query}\n" if is_list else f"{self.command} {path}\n")
            self.log.flush()
        body = self._body()
        time.sleep(self.latency)
        self._answer(*self._ask(body))

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

    def _ask(self, body: bytes) -> tuple[HTTPResponse, bytes]:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_FORWARDED}
        headers = {name: value for name, value in headers.items() if name.lower() != "expect"}
        headers["Content-Length"] = str(len(body))
        for attempt in range(2):
            connection = getattr(self.connections, "upstream", None) or HTTPConnection("127.0.0.1", self.upstream)
            self.connections.upstream = connection
            try:
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                return answer, answer.read()
            except (HTTPException, OSError):
                connection.close()
                if attempt:
                    raise
        raise AssertionError

    def _answer(self, answer: HTTPResponse, data: bytes) -> None:
        self.send_response_only(answer.status)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        for name, value in answer.getheaders():
            if name.lower() not in _NOT_FORWARDED | {"content-length"}:
                self.send_header(name, value)
        self.send_header("Date", self.date_time_string())
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        self.wfile.write(data)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def main(port: str, upstream: str, log: str, latency: str) -> None:
    """Serve until killed."""
    _Handler.upstream, _Handler.latency = int(upstream), float(latency)
    with Path(log).open("a", encoding="utf-8") as file:
        _Handler.log = file
        _Server(("127.0.0.1", int(port)), _Handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])

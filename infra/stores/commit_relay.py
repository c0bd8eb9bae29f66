"""Commit relay: lets deltalake commit to a bucket whose server refuses conditional puts, for a single writer.

Inputs: how the bucket is reached, and deltalake's requests over loopback. Outputs: the same requests, signed anew; a
conditional put becomes a look for the key and then a plain put. Between the two another writer could come: who promises
to be the only one (PACKSHOT_SINGLE_WRITER=1) accepts that, and nobody else gets here.

The relay is a process of its own, since deltalake holds the interpreter's lock while it waits. It listens on loopback
below a random name that only its parent knows, serves one bucket, and ends when its parent does. Credentials are found
there as everywhere, from the environment; deltalake gets none.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex
from threading import Lock, Thread
from typing import Any

from infra.errors import StoreError
from infra.stores.s3_client import CONNECT_TIMEOUT_SECONDS, MAX_CONNECTIONS, READ_TIMEOUT_SECONDS, S3Access

MAX_BODY_BYTES = 64 * 2**20
"""More than a part of deltalake's uploads, which are 5 to 10 MB."""

_FORWARDED = ("content-type", "content-md5", "range", "x-amz-checksum-", "x-amz-copy-source", "x-amz-meta-")
_RETURNED = ("content-type", "content-range", "etag", "last-modified", "x-amz-version-id", "accept-ranges")


@dataclass(frozen=True)
class Relay:
    """A running relay: deltalake's options for it, and its process, whose pipes stay open as long as it is kept."""

    options: dict[str, str]
    process: "subprocess.Popen[bytes]"


def open_relay(access: S3Access, bucket: str) -> Relay:
    """Return this process's one relay to a bucket, started at the first call, and again where it died."""
    with _LOCK:
        relay = _RELAYS.get((access, bucket))
        if relay is None or relay.process.poll() is not None:
            relay = _RELAYS[access, bucket] = _start(access, bucket)
        return relay


_LOCK = Lock()
_RELAYS: dict[tuple[S3Access, str], Relay] = {}


def _start(access: S3Access, bucket: str) -> Relay:
    token = token_hex(16)
    command = [sys.executable, "-c", f"from {__name__} import main; main()"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101
    process.stdin.write(json.dumps({"access": asdict(access), "bucket": bucket, "token": token}).encode() + b"\n")
    process.stdin.flush()  # and stays open: its end tells the relay that this process is gone
    port = process.stdout.readline().strip().decode()
    if not port:
        raise StoreError("The relay of table commits did not start, so nothing can be committed to this store.")
    options = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}/{token}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_SKIP_SIGNATURE": "true",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "false",
        "proxy_excludes": "127.0.0.1",
    }
    return Relay(options, process)


class Upstream:
    """The bucket's own server: signs requests and sends them."""

    def __init__(self, access: S3Access, bucket: str) -> None:
        from botocore.httpsession import URLLib3Session
        from botocore.session import get_session

        self._session: Any = get_session()
        self._region = access.region or self._session.get_config_variable("region") or "us-east-1"
        endpoint = access.endpoint_of(bucket) or f"https://s3.{self._region}.amazonaws.com"
        self._base = endpoint.rstrip("/") if access.addressing == "virtual" else f"{endpoint.rstrip('/')}/{bucket}"
        self._http: Any = URLLib3Session(
            proxies=_proxies(self._base),
            timeout=(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS),
            max_pool_connections=MAX_CONNECTIONS,
        )

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Any:
        """Send a request about a path in the bucket, with its query, and return botocore's answer."""
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(method, self._base + path, dict(headers), body)
        request.context["payload_signing_enabled"] = True
        credentials = self._session.get_credentials()
        if credentials is not None:
            S3SigV4Auth(credentials.get_frozen_credentials(), "s3", self._region).add_auth(request)
        return self._http.send(request.prepare())


def _proxies(url: str) -> dict[str, str]:
    from botocore.utils import get_environ_proxies

    proxies: dict[str, str] = get_environ_proxies(url)
    return proxies


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream: Upstream
    prefix: str

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
        """Log nothing: the path holds the token."""

    def _serve(self) -> None:
        size, end = int(self.headers.get("Content-Length") or 0), len(self.prefix)
        own, path = self.path[:end], self.path[end:]
        allowed = compare_digest(own.encode(), self.prefix.encode()) and path[:1] in {"", "/", "?"}
        if not allowed or size > MAX_BODY_BYTES:
            self.close_connection = True
            self._answer(403, {}, b"")
            return
        body = self.rfile.read(size)
        try:
            if self.headers.get("If-None-Match") and self.upstream.send("HEAD", path, {}, b"").status_code == 200:
                self._answer(412, {"content-type": "application/xml"}, _EXISTS)
                return
            answer = self.upstream.send(self.command, path, self._forwarded(), body)
        except Exception as error:  # deltalake repeats what a server could not do
            self._answer(503, {}, type(error).__name__.encode())
            return
        returned = {name.lower(): value for name, value in answer.headers.items()}
        size_told = returned.get("content-length") if self.command == "HEAD" else None
        kept = {name: value for name, value in returned.items() if name.startswith(_RETURNED)}
        self._answer(answer.status_code, kept, answer.content, size_told)

    def _forwarded(self) -> dict[str, str]:
        return {name: value for name, value in self.headers.items() if name.lower().startswith(_FORWARDED)}

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes, size: str | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", size or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815 - the base class's names


_EXISTS = b"<Error><Code>PreconditionFailed</Code><Message>The key is taken.</Message></Error>"


def new_server(access: S3Access, bucket: str, token: str) -> ThreadingHTTPServer:
    """Return a relay's server, which listens on a free port of loopback."""
    handler = type(
        "_BucketHandler", (_Handler,), {"upstream": Upstream(access, bucket), "prefix": f"/{token}/{bucket}"}
    )
    return ThreadingHTTPServer(("127.0.0.1", 0), handler)


def main() -> None:
    """Serve until standard input ends, which is when the parent does."""
    wanted = json.loads(sys.stdin.readline())
    server = new_server(S3Access(**wanted["access"]), wanted["bucket"], wanted["token"])
    Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)  # noqa: T201 - read by the parent
    sys.stdin.read()

"""Server: start a console or a gallery, say where it is, and end it.

Inputs: a store's URL, the catalogues and parts to show, `ServerOptions`. Outputs: a running server, until SIGTERM or
Ctrl-C. It listens on loopback unless told otherwise, and elsewhere only where people have keys or a named proxy signs
them in. Uvicorn's own trust in forwarding headers is off: what a proxy may say is `TrustedProxy`'s affair.
"""

import errno
import logging
import re
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

import uvicorn

from catalogs.answers.person import Scope
from catalogs.errors import OptionError
from catalogs.runs.job import new_run_id
from flows.web.addresses import WebAddresses, check_public_url, is_loopback
from flows.web.app import create_app
from flows.web.entrance import Entrance, StartLink, TrustedProxy, parse_networks
from flows.web.shown_catalogues import ShownCatalogues
from flows.web.web_context import WebContext, WebPart
from infra.interfaces import ObjectStore, TableStore
from infra.process_memory import return_freed_memory
from tasks.access.access_keys import AccessKeyring
from tasks.access.access_log import AccessLog

MAX_CONNECTIONS = 200
"""Requests that are answered at once; beyond, 503. Ten reviewers with eight images loaded ahead each make 90."""
_HEADER = re.compile("[A-Za-z0-9-]{1,100}")
_HEADER_OF_ANY_REQUEST = re.compile(
    "accept|authorization|connection|cookie|date|dnt|forwarded|host|keep-alive|origin|pragma|priority|range|referer|te"
    "|upgrade|user-agent|via|x-real-ip|x-forwarded-(for|host|port|proto)|(accept|cache|content|if|sec|transfer)-.*",
    re.IGNORECASE,
)
"""What browsers and proxies send with every request, and so says of nobody that they signed in."""
KEEP_ALIVE_SECONDS, STOP_SECONDS = 30, 5
MAX_HEADER_BYTES = 64 * 2**10


@dataclass(frozen=True)
class ServerOptions:
    """Where a server listens, and who signs people in."""

    host: str = "127.0.0.1"
    port: int = 8420
    public_url: str = ""
    trust_header: str = ""
    proxies: Sequence[str] = ()
    header_scopes: frozenset[Scope] = frozenset()


def open_listener(host: str, port: int) -> socket.socket:
    """Return a socket that can listen; port 0 takes a free one. Raises `OptionError` where that is not possible."""
    is_loopback(host)  # an unknown host is named before its port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), port))
    except OSError as error:
        listener.close()
        option = "--host" if error.errno == errno.EADDRNOTAVAIL else "--port"
        raise OptionError(f"{option}: {host}:{port} cannot be listened on ({error.strerror}); give another.") from None
    return listener


def open_context(
    store: ObjectStore,
    tables: TableStore,
    catalogues: ShownCatalogues,
    parts: Sequence[WebPart],
    options: ServerOptions,
    listener: socket.socket,
    announce: Callable[[str], None] = lambda _: None,
) -> WebContext:
    """Return what a server's pages share; `announce` is told each next start link.

    Raises `OptionError` for options under which strangers could come in.
    """
    public_url = check_public_url(options.public_url) if options.public_url else ""
    return WebContext(
        store,
        tables,
        catalogues,
        WebAddresses(options.host, listener.getsockname()[1], public_url),
        open_entrance(store, options),
        AccessLog(store, new_run_id(store.now())),
        parts,
        announce=announce,
    )


def open_entrance(store: ObjectStore, options: ServerOptions) -> Entrance:
    """Return the ways in: a proxy where one is named, else keys; a start link on loopback where there are none."""
    keyring = AccessKeyring(store)
    if options.trust_header:
        if not options.proxies:
            raise OptionError("--trust-header: say by --proxy from which address the header may come; nobody else may.")
        if _HEADER.fullmatch(options.trust_header) is None:
            raise OptionError(f"--trust-header: {options.trust_header!r} is no header's name, such as X-Remote-User.")
        if _HEADER_OF_ANY_REQUEST.fullmatch(options.trust_header):
            raise OptionError(
                f"--trust-header: requests of anybody carry {options.trust_header!r}, so it names nobody; let the proxy"
                " set one such as X-Remote-User."
            )
        proxy = TrustedProxy(options.trust_header, parse_networks(options.proxies), options.header_scopes)
        return Entrance(keyring, proxy=proxy)
    if options.proxies or options.header_scopes:
        raise OptionError("--proxy and --header-scopes say whom --trust-header believes; give that too.")
    if not keyring.is_empty():
        return Entrance(keyring)
    if not is_loopback(options.host) or options.public_url:
        raise OptionError(
            f"--host: others can reach {options.host}, and nobody has a key. Make one for each person with"
            " `packshot keys add NAME --scope look,answer`, or let a proxy sign people in: --trust-header and --proxy."
        )
    return Entrance(keyring, StartLink())


@contextmanager
def running_server(context: WebContext, listener: socket.socket) -> Iterator[uvicorn.Server]:
    """Give a server that is ready to run; when the block ends, its access log is written."""
    return_freed_memory()
    config = uvicorn.Config(
        create_app(context),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
    )
    listener.listen(config.backlog)
    try:
        yield uvicorn.Server(config)
    finally:
        context.access_log.close()
        listener.close()


def serve(context: WebContext, listener: socket.socket, say_where: Callable[[], None]) -> None:
    """Say where the server is, and answer until a signal ends it (KeyboardInterrupt, by the caller's handlers).

    What the first pages show is read meanwhile.
    """
    with running_server(context, listener) as server:
        say_where()
        for part in context.parts:
            Thread(target=part.prepare, args=(context,), name="prepare", daemon=True).start()
        server.run(sockets=[listener])


@contextmanager
def logging_to_stderr() -> Iterator[None]:
    """Let the request log, and the warnings of everything else, appear on stderr while the block lasts.

    Whoever goes on in this process may close its stderr: a handler that stayed would write to a closed file.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    root, own = logging.getLogger(), logging.getLogger("flows.web")
    level = own.level
    root.addHandler(handler)
    own.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.removeHandler(handler)
        own.setLevel(level)

"""Serving: the options of a command that opens a console or a gallery, and its course from start to end.

Inputs: a store's URL, catalogues, parts, where to listen. Outputs: the address on stdout, one line of log a request on
stderr, exit code 0 after Ctrl-C or SIGTERM. Imports are inside, so that `--help` stays quick.
"""

import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from catalogs.answers.person import parse_scopes
from catalogs.errors import OptionError
from flows.cli.console import open_console, print_json, read_settings

if TYPE_CHECKING:
    from flows.web.server import ServerOptions
    from flows.web.shown_catalogues import ShownCatalogues
    from flows.web.web_context import WebContext, WebPart
    from infra.interfaces import ObjectStore

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8420

Catalogues = Annotated[
    list[str] | None,
    typer.Option("--catalogue", help="Only this catalogue; may be repeated; by default all of the store"),
]
Host = Annotated[str, typer.Option("--host", help="Where to listen; beyond loopback only with keys or a proxy")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one")]
PublicUrl = Annotated[
    str | None, typer.Option("--public-url", help="Its address behind a proxy, as https://shop.example")
]
TrustHeader = Annotated[
    str | None,
    typer.Option("--trust-header", help="Header in which a proxy names whom it signed in: X-Remote-User"),
]
Proxy = Annotated[
    list[str] | None, typer.Option("--proxy", help="Address or network of that proxy: 10.0.0.4; may be repeated")
]
HeaderScopes = Annotated[
    str | None,
    typer.Option("--header-scopes", help="What those may do whom the proxy names and who have no key: look"),
]
Open = Annotated[bool, typer.Option("--open", help="Open a browser of this machine")]


@dataclass(frozen=True)
class ServingOptions:
    """Where a command listens, as its options say."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    public_url: str | None = None
    trust_header: str | None = None
    proxies: Sequence[str] = ()
    header_scopes: str | None = None

    def server_options(self) -> "ServerOptions":
        """Return them checked."""
        from flows.web.server import ServerOptions

        scopes = parse_scopes(self.header_scopes, "--header-scopes") if self.header_scopes else frozenset()
        header = self.trust_header or ""
        return ServerOptions(self.host, self.port, self.public_url or "", header, tuple(self.proxies), scopes)


@dataclass(frozen=True)
class Serving:
    """What a command serves: a store's catalogues, by these parts."""

    store: str
    catalogues: Sequence[str]
    parts: Callable[[], Sequence["WebPart"]]
    read_only: bool = False


def serve_until_ended(serving: Serving, options: ServingOptions, *, opens: bool, as_json: bool) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    from flows.web.browser_opening import opened_browser
    from flows.web.server import logging_to_stderr, open_context, open_listener, serve
    from flows.wiring.open_store import open_existing, open_for_writing

    checked = options.server_options()
    if serving.read_only:
        store, tables = open_existing(serving.store)
    else:
        store, tables = open_for_writing(serving.store, read_settings())
    catalogues = choose_catalogues(store, serving.catalogues)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with logging_to_stderr(), open_listener(checked.host, checked.port) as listener:
            context = open_context(store, tables, catalogues, serving.parts(), checked, listener, _announce_next)
            with opened_browser(context.start_url, _announce_no_browser, wanted=opens):
                serve(context, listener, lambda: _announce(context, as_json))
    except KeyboardInterrupt:
        open_console(stderr=True).print("Ended.")
    finally:
        signal.signal(signal.SIGTERM, before)


def choose_catalogues(store: "ObjectStore", chosen: Sequence[str]) -> "ShownCatalogues":
    """Return the catalogues to show: those that were named, or all that have a release or an open run, later ones too.

    Raises `OptionError` for a name that the store does not know.
    """
    from flows.web.shown_catalogues import ShownCatalogues
    from tasks.runs.release_history import list_known_catalogues

    known = list_known_catalogues(store)
    if unknown := [name for name in chosen if name not in known]:
        names = ", ".join(known) or "none"
        raise OptionError(f"--catalogue: the store {store.url} has no {unknown[0]!r}; it has {names}")
    if chosen:
        return ShownCatalogues(list(dict.fromkeys(chosen)))
    return ShownCatalogues(known, lambda: list_known_catalogues(store))


def _announce(context: "WebContext", as_json: bool) -> None:
    if as_json:
        print_json({"url": context.start_url, "port": context.addresses.port, "catalogues": list(context.catalogues)})
        return
    console = open_console()
    what = "Open (it works once)" if context.entrance.start_link else "Open"
    console.print(f"{what}  {context.start_url}\nCtrl-C ends it.", soft_wrap=True, markup=False, highlight=False)


def _announce_next(url: str) -> None:
    """Print the start link that works next: on stderr, since stdout may be one JSON document."""
    open_console(stderr=True).print(f"Next start link  {url}", soft_wrap=True, markup=False, highlight=False)


def _announce_no_browser() -> None:
    open_console(stderr=True).print("--open: no browser of this machine could be opened; open the address yourself.")

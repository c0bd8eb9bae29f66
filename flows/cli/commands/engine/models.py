"""Commands engine models, register, canary, promote and rollback: which version of a model generates the images."""

import getpass
from typing import Annotated, Any

import typer

from flows.cli import options
from flows.cli.console import open_console, print_json, read_settings

ModelName = Annotated[str, typer.Argument(help="The model's name in the registry", show_default=False)]
VersionNumber = Annotated[int, typer.Argument(help="The version's number", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the change")]


def models(
    name: Annotated[str | None, typer.Argument(help="One model; by default all", show_default=False)] = None,
    *,
    store: options.Store,
    as_json: options.Json = False,
) -> None:
    """List the models of a store's registry with their versions."""
    from flows.cli.views.models import show_models
    from flows.engines.model_versions import list_models
    from infra.stores import open_store

    documents = list_models(open_store(store), name)
    if as_json:
        print_json({"models": documents})
    else:
        show_models(open_console(), documents)


def register(
    name: ModelName,
    source: Annotated[str, typer.Option("--source", help="A local folder, hub-id@commit, or stub/N to rehearse")],
    store: options.Store,
    precision: options.Precision = None,
    weights_digest: Annotated[
        str | None, typer.Option("--weights-digest", help="What the weights of a hub's model must hold, if it is known")
    ] = None,
    reason: Reason = "",
    as_json: options.Json = False,
) -> None:
    """Add a version of a model, as a candidate that generates nothing yet."""
    from flows.engines.model_versions import ChangeAuthor, resolve_weights
    from flows.engines.model_versions import register as register_version
    from infra.stores import open_store

    weights = resolve_weights(source, precision, weights_digest)
    document = register_version(
        open_store(store), name, weights, ChangeAuthor(getpass.getuser(), reason), read_settings()
    )
    _print_result(document, as_json, f"Version {document['changes'][-1]['version']} of {name} is a candidate.")


def canary(
    name: ModelName,
    version: VersionNumber,
    share: Annotated[int, typer.Argument(help="Per cent of the SKUs: 5, 20, 50 or 100", show_default=False)],
    store: options.Store,
    reason: Reason = "",
    as_json: options.Json = False,
) -> None:
    """Give a candidate a share of the SKUs: it generates what is new or has changed of them."""
    from flows.engines.model_versions import ChangeAuthor, start_canary
    from infra.stores import open_store

    document = start_canary(
        open_store(store), name, version, share, ChangeAuthor(getpass.getuser(), reason), read_settings()
    )
    _print_result(
        document, as_json, f"Version {version} of {name} makes what is new or has changed of {share} % of the SKUs."
    )


def promote(
    name: ModelName,
    version: VersionNumber,
    store: options.Store,
    accept_worse: Annotated[
        str | None, typer.Option("--accept-worse", help="Promote it all the same, and why; kept with the change")
    ] = None,
    reason: Reason = "",
    as_json: options.Json = False,
) -> None:
    """Put a candidate into production, unless stored runs show that it is worse, or too little of it."""
    from flows.cli.views.models import show_comparison
    from flows.engines.model_versions import ChangeAuthor
    from flows.engines.model_versions import promote as promote_version
    from infra.stores import open_store

    author = ChangeAuthor(getpass.getuser(), reason)
    document = promote_version(open_store(store), name, version, author, read_settings(), accept_worse)
    if not as_json:
        show_comparison(open_console(), document)
    _print_result(document, as_json, f"Version {version} of {name} is in production." if document["promoted"] else "")
    if document["refused"]:
        raise typer.Exit(1)


def rollback(name: ModelName, store: options.Store, reason: Reason = "", as_json: options.Json = False) -> None:
    """Take back the latest change: a canary that is under way, else the version in production."""
    from flows.engines.model_versions import ChangeAuthor, roll_back
    from infra.stores import open_store

    document = roll_back(open_store(store), name, ChangeAuthor(getpass.getuser(), reason), read_settings())
    message = (
        f"Version {document['taken_back']} of {name} is retired; version {document['production']} is in production."
    )
    _print_result(
        document,
        as_json,
        f"{message} What it made stays live until it changes, or a refresh brings it back: --backfill.",
    )


def _print_result(document: dict[str, Any], as_json: bool, message: str) -> None:
    if as_json:
        print_json(document)
    elif message:
        open_console().print(message, soft_wrap=True, markup=False, highlight=False)

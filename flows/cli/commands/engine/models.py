"""engine models, register, canary, promote, rollback: which version of a model makes a shop's pictures."""

import getpass
from typing import Annotated, Any

import typer

from flows.cli import options
from flows.cli.console import console, print_json, read_settings

Name = Annotated[str, typer.Argument(help="The model's name in the registry", show_default=False)]
Number = Annotated[int, typer.Argument(help="The version's number", show_default=False)]
Why = Annotated[str, typer.Option("--reason", help="Why; kept with the change")]


def models(
    name: Annotated[str | None, typer.Argument(help="One model; by default all", show_default=False)] = None,
    *,
    store: options.Store,
    as_json: options.Json = False,
) -> None:
    """List the models of a store's registry with their versions."""
    from flows.cli.views.models import show_models
    from flows.engines.model_versions import all_models
    from infra.stores import open_store

    found = all_models(open_store(store), name)
    if as_json:
        print_json({"models": found})
    else:
        show_models(console(), found)


def register(
    name: Name,
    source: Annotated[str, typer.Option("--source", help="A local folder, hub-id@commit, or stub/N to rehearse")],
    store: options.Store,
    precision: options.Precision = None,
    weights_digest: Annotated[
        str | None, typer.Option("--weights-digest", help="What the weights of a hub's model must hold, if it is known")
    ] = None,
    reason: Why = "",
    as_json: options.Json = False,
) -> None:
    """Add a version of a model, as a candidate that makes nothing yet."""
    from flows.engines.model_versions import Word, read_source
    from flows.engines.model_versions import register as add
    from infra.stores import open_store

    weights = read_source(source, precision, weights_digest)
    done = add(open_store(store), name, weights, Word(getpass.getuser(), reason), read_settings())
    _say(done, as_json, f"Version {done['changes'][-1]['version']} of {name} is a candidate.")


def canary(
    name: Name,
    version: Number,
    share: Annotated[int, typer.Argument(help="Per cent of the SKUs: 5, 20, 50 or 100", show_default=False)],
    store: options.Store,
    reason: Why = "",
    as_json: options.Json = False,
) -> None:
    """Give a candidate a share of the SKUs: it makes what is new or has changed of them."""
    from flows.engines.model_versions import Word, put_on_canary
    from infra.stores import open_store

    done = put_on_canary(open_store(store), name, version, share, Word(getpass.getuser(), reason), read_settings())
    _say(done, as_json, f"Version {version} of {name} makes what is new or has changed of {share} % of the SKUs.")


def promote(
    name: Name,
    version: Number,
    store: options.Store,
    accept_worse: Annotated[
        str | None, typer.Option("--accept-worse", help="Promote it all the same, and why; kept with the change")
    ] = None,
    reason: Why = "",
    as_json: options.Json = False,
) -> None:
    """Put a candidate into production, unless stored runs show that it is worse, or too little of it."""
    from flows.cli.views.models import show_comparison
    from flows.engines.model_versions import Word
    from flows.engines.model_versions import promote as put
    from infra.stores import open_store

    word = Word(getpass.getuser(), reason)
    done = put(open_store(store), name, version, word, read_settings(), accept_worse)
    if not as_json:
        show_comparison(console(), done)
    _say(done, as_json, f"Version {version} of {name} is in production." if done["promoted"] else "")
    if done["refused"]:
        raise typer.Exit(1)


def rollback(name: Name, store: options.Store, reason: Why = "", as_json: options.Json = False) -> None:
    """Take back what came last: a canary that is under way, else the version in production."""
    from flows.engines.model_versions import Word, roll_back
    from infra.stores import open_store

    done = roll_back(open_store(store), name, Word(getpass.getuser(), reason), read_settings())
    words = f"Version {done['taken_back']} of {name} is retired; version {done['production']} is in production."
    _say(done, as_json, f"{words} What it made stays live until it changes, or a refresh brings it back: --backfill.")


def _say(done: dict[str, Any], as_json: bool, words: str) -> None:
    if as_json:
        print_json(done)
    elif words:
        console().print(words, soft_wrap=True, markup=False, highlight=False)

"""Options that several commands share, with their environment variables.

`--recipe`, `--engine`, `--model`, `--precision` and `--catalogue` stand for recipe fields; the rest says where and
how fast.
"""

from typing import Annotated

import typer

Source = Annotated[str, typer.Argument(help="The catalogue: Parquet, CSV, JSON lines, or a folder of Parquet")]
Store = Annotated[
    str, typer.Option("--store", envvar="PACKSHOT_STORE", help="Where images and manifest are kept: folder or URL")
]
StoreArgument = Annotated[str, typer.Argument(envvar="PACKSHOT_STORE", help="The store: folder or URL")]
Catalogue = Annotated[
    str | None, typer.Option("--catalogue", envvar="PACKSHOT_CATALOGUE", help="The catalogue's name in the store")
]
Recipe = Annotated[
    str,
    typer.Option("--recipe", envvar="PACKSHOT_RECIPE", help="A recipe file, or default, shopify, sample, rehearsal"),
]
Policy = Annotated[
    str | None, typer.Option("--policy", envvar="PACKSHOT_POLICY", help="A policy file, or default, rehearsal")
]
Engine = Annotated[
    str | None, typer.Option("--engine", envvar="PACKSHOT_ENGINE", help="torch, tensorrt, or stub to rehearse")
]
Model = Annotated[
    str | None,
    typer.Option("--model", envvar="PACKSHOT_MODEL", help="The recipe's name, a folder, hub-id@commit, registry:NAME"),
]
Precision = Annotated[str | None, typer.Option("--precision", envvar="PACKSHOT_PRECISION", help="fp32, bf16 or fp8")]
Scope = Annotated[
    str, typer.Option("--scope", envvar="PACKSHOT_SCOPE", help="full, or partial: adds and changes, never retires")
]
StubSeconds = Annotated[
    float | None,
    typer.Option("--stub-seconds", envvar="PACKSHOT_STUB_SECONDS", help="Seconds the stub engine takes an image"),
]
MaxCost = Annotated[
    float | None,
    typer.Option("--max-cost", envvar="PACKSHOT_MAX_COST", help="What the images may cost; the rest is deferred"),
]
MaxHours = Annotated[
    float | None,
    typer.Option("--max-hours", envvar="PACKSHOT_MAX_HOURS", help="Hours after which no further image is begun"),
]
Backfill = Annotated[
    int | None,
    typer.Option(
        "--backfill",
        envvar="PACKSHOT_BACKFILL",
        help="Per cent of the SKUs (5, 20, 50, 100) to bring to the model version that they get",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables")]

"""Commands stage add and make: scenes that were photographed, or that the engine makes once, offered to a library."""

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalogs.errors import OptionError
from flows.cli import options
from flows.cli.console import open_console, print_json, read_settings

if TYPE_CHECKING:
    from infra.interfaces import ObjectStore
    from tasks.stages.stage_changes import OfferedStage, SceneTerms, StageOffers

MAX_SEED = 2**31

Library = Annotated[str, typer.Option("--library", help="The library; it is made where there is none of that name")]
Category = Annotated[
    list[str] | None, typer.Option("--category", help="A category whose products may stand there; by default all may")
]
Light = Annotated[str, typer.Option("--light", help="Whence the light comes: left or right; else from above")]
Fill = Annotated[float | None, typer.Option("--fill", help="Larger side of the product, as a share of the picture")]
LeastFill = Annotated[float | None, typer.Option("--least-fill", help="Least fill of a photo with few pixels")]
Centre = Annotated[float | None, typer.Option("--centre", help="The product's middle, as a share of the width")]
Foot = Annotated[float | None, typer.Option("--foot", help="Where the product stands, as a share of the height")]
Create = Annotated[bool, typer.Option("--create", help="Make the store too, where there is none yet")]
Who = Annotated[str | None, typer.Option("--by", help="Who adds it; by default the user of this computer")]


def add(
    files: Annotated[list[Path], typer.Argument(help="Pictures of empty scenes: JPEG, PNG, WebP", show_default=False)],
    library: Library,
    store: options.Store,
    name: Annotated[str, typer.Option("--name", help="What the stage is called; by default as its file")] = "",
    category: Category = None,
    light: Light = "",
    fill: Fill = None,
    least_fill: LeastFill = None,
    centre: Centre = None,
    foot: Foot = None,
    made: Annotated[bool, typer.Option("--made", help="A model made the pictures, which the marks then say")] = False,
    policy: options.Policy = None,
    create: Create = False,
    by: Who = None,
    as_json: options.Json = False,
) -> None:
    """Add pictures of empty scenes to a library; what has something in its drop zone is not taken."""
    from flows.parameters import read_policy
    from tasks.stages.stage_changes import StageOffers
    from tasks.stages.stage_gate import StageGate

    if name and len(files) > 1:
        raise OptionError(f"--name: {len(files)} files cannot have one name; leave it out, or give one file")
    placement = {"fill": fill, "least_fill": least_fill, "centre": centre, "foot": foot}
    terms = _terms("made" if made else "photo", by, category, light, placement)
    terms.stage(name or "stage")
    gate = StageGate(read_policy(policy))
    offers = StageOffers(_open(store, library, create=create), library, gate, terms)
    _show((_offer_file(offers, file, name or _name_of(file)) for file in files), library, as_json)


def make(
    library: Library,
    recipe: options.Recipe,
    prompt: Annotated[str, typer.Option("--prompt", help="The empty scene, in words")],
    store: options.Store,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=64, help="Scenes to make, each with its seed")] = 4,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, max=MAX_SEED, help="The first one's seed; by default any")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="What they are called, before their seeds")] = "",
    category: Category = None,
    light: Light = "",
    fill: Fill = None,
    least_fill: LeastFill = None,
    centre: Centre = None,
    foot: Foot = None,
    policy: options.Policy = None,
    engine: Annotated[str | None, options.option("engine")] = None,
    model: options.Model = None,
    precision: options.Precision = None,
    create: Create = False,
    by: Who = None,
    as_json: options.Json = False,
) -> None:
    """Make empty scenes with the engine, once, and add those that the gate does not block to a library."""
    from flows.cli.views.progress import ProgressObserver
    from flows.stage_making import SceneRequest, make_stages

    placement = {"fill": fill, "least_fill": least_fill, "centre": centre, "foot": foot}
    terms = _terms("made", by, category, light, placement)
    request = SceneRequest(library, prompt, count, secrets.randbelow(MAX_SEED) if seed is None else seed, name)
    parameters = options.parse_parameters(
        source="stages.csv",  # a refresh's; no catalogue is read
        store=store,
        recipe=recipe,
        catalogue=library,
        policy=policy,
        engine=engine,
        model=model,
        precision=precision,
    )
    opened = _open(store, library, create=create)
    with ProgressObserver() as observer:
        offered = make_stages(opened, parameters, read_settings(), request, terms, observer)
    _show(offered, library, as_json)


def _terms(
    origin: str, by: str | None, category: list[str] | None, light: str, placement: dict[str, float | None]
) -> "SceneTerms":
    from catalogs.answers.person import check_person_name
    from catalogs.stages.stage import Stage
    from flows.run.job_policy import current_person
    from tasks.stages.stage_changes import SceneTerms

    if light not in ("", "left", "right"):
        raise OptionError(f"--light: {light!r} is none of left, right; leave it out for light from above")
    person = check_person_name(by, "--by") if by is not None else current_person()
    given = {name: value for name, value in placement.items() if value is not None}
    if "fill" in given:  # a small fill is also the least one, unless another was given
        given.setdefault("least_fill", min(given["fill"], Stage.model_fields["least_fill"].default))
    return SceneTerms("made" if origin == "made" else "photo", person, tuple(category or ()), light, given)  # type: ignore[arg-type]


def _open(store: str, library: str, *, create: bool) -> "ObjectStore":
    from flows.wiring.open_store import open_before_run, open_for_writing, require_store
    from tasks.stages.stage_libraries import check_library_name

    check_library_name(library)
    if not create:
        try:
            require_store(open_before_run(store)[0])
        except OptionError as error:
            raise OptionError(f"{error}, or make a store there: --create") from None
    return open_for_writing(store, read_settings(), create=create)[0]


def _name_of(file: Path) -> str:
    from slugify import slugify

    return slugify(file.stem)[:63].strip("-") or "stage"


def _offer_file(offers: "StageOffers", file: Path, name: str) -> "OfferedStage":
    from infra.photos.file_kinds import MAX_PHOTO_BYTES
    from infra.photos.invalid_photo import InvalidPhoto
    from tasks.stages.stage_changes import STAGE_KNOWN, not_read
    from tasks.stages.stage_pictures import decode_stage_picture

    if not file.is_file():  # a pipe would be waited for
        return not_read(name, "photo.missing", f"{file} is not there, or is no file; check its path")
    try:
        if file.stat().st_size > MAX_PHOTO_BYTES:
            return not_read(name, "photo.too-many-bytes", f"{file} has more than {MAX_PHOTO_BYTES:,} bytes")
        pixels = decode_stage_picture(file.read_bytes())
        return offers.offer(name, pixels, {"file": file.name})
    except InvalidPhoto as error:
        return not_read(name, error.reason, f"{file}: {error}")
    except OSError as error:
        return not_read(name, "photo.missing", f"{file} cannot be read: {error.strerror}")
    except OptionError as error:
        return not_read(name, STAGE_KNOWN, str(error))


def _show(offered: "Iterable[OfferedStage]", library: str, as_json: bool) -> None:
    from flows.cli.views.stages import show_offers

    results = list(offered)
    if as_json:
        print_json({"library": library, "scenes": [result.document() for result in results]})
    else:
        show_offers(open_console(), library, results)
    if any(result.stage is None for result in results):
        raise typer.Exit(1)

"""Parameters of the flows: validated once, for the command line, Prefect's forms and deployments alike.

Inputs: text and numbers. Outputs: a `RefreshJob` with its recipe and policy read and checked, or an `InputError` that
names the option. No parameter holds a secret: credentials come from the environment.

The command line resolves a job to refuse wrong input before a server is started; the flow, which gets plain values from
Prefect, resolves it again. Only the weights' digest is expensive, and it is computed once a process (see
`infra.models.model_files`).
"""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from slugify import slugify

from catalogs.errors import OptionError, RuleFileError
from catalogs.models.registry import validate_model_name
from catalogs.models.weights import ModelEntry
from catalogs.near_matches import near_match
from catalogs.policy.audit_suite import built_in_audit_suite
from catalogs.policy.schema import BUILT_IN_POLICIES, NEWEST_POLICY, Policy, built_in_policy, load_policy
from catalogs.recipe.built_in import DEFAULT_RECIPE, BuiltInId, built_in_recipe_names, find_built_in
from catalogs.recipe.loading import built_in_recipe, extended_built_in, load_recipe, with_engine_options
from catalogs.recipe.release_rule import asking_always
from catalogs.recipe.schema import CATALOGUE_NAME, Recipe
from catalogs.recipe.source_settings import SourceSettings, parse_read_as
from catalogs.runs.job import RefreshJob
from infra.errors import EngineError, UnreadableSource
from infra.models.model_files import check_model_folder, model_folder_digest
from infra.source_address import URL_PATTERN, parse_source_scheme
from infra.stores.addresses import has_credentials

HUB_COMMIT = re.compile(r"[0-9a-f]{40}")
REGISTRY_PREFIX = "registry:"
"""Prefix of a `--model` that names a model of the store's registry."""


def _refuse_password(value: str) -> str:
    if has_credentials(value):
        raise ValueError("a URL with a user or password is refused; credentials come from the environment")
    return value


def _check_source(value: str) -> str:
    try:
        parse_source_scheme(value)
    except UnreadableSource as error:
        raise PydanticCustomError("source", "{why}", {"why": str(error)}) from None
    return value


SourceLocation = Annotated[str, AfterValidator(_check_source), Field(json_schema_extra={"pattern": URL_PATTERN})]
"""A path, or a URL that holds no password, signature or token."""

StoreLocation = Annotated[
    str,
    AfterValidator(_refuse_password),
    # For Prefect's server, which only reads the schema: it must not keep a run that names a password.
    Field(json_schema_extra={"pattern": "^(?!.*://[^/]*@).+$"}),
]
"""A path or URL that holds no password."""


def _check_read_as(texts: list[str]) -> list[str]:
    parse_read_as(texts)
    return texts


class RefreshParameters(BaseModel):
    """Parameters of a refresh: the source of the command line's options and of Prefect's form."""

    # Errors do not repeat the value: it may hold a password.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    source: SourceLocation = Field(
        title="Catalogue file",
        description="The catalogue: Parquet (a file or a folder), CSV or JSON lines; a path, or a URL that the worker"
        " can read",
    )
    store: StoreLocation = Field(
        title="Store", description="The store of images and manifest: a folder, file:///… or s3://bucket/prefix"
    )
    catalogue: str | None = Field(
        None,
        title="Catalogue's name",
        description="The catalogue's name in the store: 1 to 63 of a-z, 0-9 and dashes",
        json_schema_extra={"pattern": f"^{CATALOGUE_NAME.pattern}$"},
    )
    read_as: Annotated[list[str], AfterValidator(_check_read_as)] = Field(
        [],
        title="How to read it",
        description="How the file is read, where that is not found out rightly: NAME=VALUE, repeatable;"
        f" {', '.join(SourceSettings.model_fields)}",
    )
    recipe: str = Field(
        DEFAULT_RECIPE,
        title="Recipe",
        description="The recipe, which decides the pixels: a YAML file, or default, shopify, options, sample, rehearsal"
        "; a number freezes it, as default@1 does, and without one it is number 1",
        json_schema_extra={"minLength": 1},
    )
    policy: str | None = Field(
        None,
        title="Policy",
        description="The policy, which decides what is published: a YAML file, or default, rehearsal; by default"
        " the one in force. Another one is refused: packshot policy apply puts it in force",
    )
    engine: Literal["torch", "tensorrt", "stub"] | None = Field(
        None, title="Engine", description="Engine in place of the recipe's; stub draws cards and needs no GPU"
    )
    model: str | None = Field(
        None, title="Model", description="A name from the recipe, a local folder, hub-id@commit, or registry:NAME"
    )
    precision: Literal["fp32", "bf16", "fp8"] | None = Field(
        None, title="Precision", description="Precision of the weights, in place of the recipe's"
    )
    scope: Literal["full", "partial"] = Field(
        "full", title="Scope", description="full retires what the catalogue no longer holds; partial never does"
    )
    stub_seconds: float | None = Field(
        None,
        ge=0,
        le=3600,
        title="Stub's seconds",
        description="Seconds that the stub engine takes for an image: 0 to 3600",
    )
    max_cost: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        title="Budget",
        description="Limit of the images' cost, in the price list's currency; images beyond it wait for the next run",
    )
    max_hours: float | None = Field(
        None, gt=0, allow_inf_nan=False, title="Hours", description="Hours after which no further image is started"
    )
    backfill: Literal[5, 20, 50, 100] | None = Field(
        None,
        title="Backfill",
        description="Percentage of the SKUs to bring to the model version, or the stage, that is assigned to them",
    )
    ask: bool = Field(
        False,
        title="Look before live",
        description="Hold the batch until a person has looked at it, whatever the recipe's `release` says",
    )
    wait: bool = Field(True, title="Wait", description="Wait for another full run of the catalogue, or fail at once")

    def resolve_job(self) -> tuple[RefreshJob, list[str]]:
        """Return the job, and warnings for its report. Raises `InputError` naming the option that is wrong."""
        recipe = with_engine_options(
            read_recipe(self.recipe), engine=self.engine, model=self._resolve_model(), precision=self.precision
        )
        if self.ask:
            recipe = recipe.model_copy(update={"release": asking_always(recipe.release)})
        name, warnings = self._resolve_catalogue_name(recipe)
        policy = read_policy(self.policy)
        limits, read_as = (self.max_cost, self.max_hours), parse_read_as(self.read_as)
        options = (self.scope, *limits, self.backfill, read_as)
        return RefreshJob(self.source, self.store, name, recipe, policy, *options), warnings

    def _resolve_model(self) -> ModelEntry | str | None:
        if self.model is None or self.engine == "stub":
            return None
        if Path(self.model).is_dir():
            return resolve_local_model(Path(self.model).resolve(), "--model")
        if self.model.startswith(REGISTRY_PREFIX):
            return ModelEntry(registry=validate_model_name(self.model.removeprefix(REGISTRY_PREFIX)))
        return parse_hub_model(self.model, "--model") or self.model

    def _resolve_catalogue_name(self, recipe: Recipe) -> tuple[str, list[str]]:
        name, warnings = self.catalogue or recipe.catalogue, []
        if name is None:
            stem = self.source.rstrip("/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
            name = slugify(stem)[:63].strip("-")
            warnings.append(f"The catalogue has no name; taking {name!r} from its file. Say --catalogue to be sure")
        if not CATALOGUE_NAME.fullmatch(name):
            raise OptionError(
                f"--catalogue: {name!r} must be 1 to 63 of a-z, 0-9 and dashes, and not begin with a dash"
            )
        return name, warnings


class PartParameters(BaseModel):
    """Parameters of a part of a run, for another process: at most 700 shards of its plan."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    store: StoreLocation = Field(title="Store", description="The store that the run is kept in")
    run: str = Field(title="Run", description="The run's id", json_schema_extra={"minLength": 1})
    part: str = Field(title="Part", description="The part's name in the run's plan", json_schema_extra={"minLength": 1})
    stub_seconds: float | None = Field(None, ge=0, le=3600, title="Stub's seconds", description="As the run was given")


class SweepParameters(BaseModel):
    """Parameters of a sweep."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    store: StoreLocation = Field(title="Store", description="A folder, file:///… or s3://bucket/prefix")
    keep_releases: int | None = Field(
        None,
        ge=1,
        le=10_000,
        title="Releases to keep",
        description="Releases of each catalogue that can be gone back to, in place of PACKSHOT_KEEP_RELEASES",
    )
    dry_run: bool = Field(False, title="Dry run", description="Report what would be deleted, and delete nothing")


def read_recipe(name: str) -> Recipe:
    """Return a recipe by its file or its built-in name."""
    if find_built_in(name) is not None or ("@" in name and not Path(name).exists()):
        return built_in_recipe(name)
    return load_recipe(_read_rule_file(name, "--recipe", built_in_recipe_names()), name)


def built_in_base(name: str) -> BuiltInId | None:
    """Return the built-in recipe that a recipe is, or that its file extends; None where it is all of its own."""
    found = find_built_in(name)
    return found or extended_built_in(_read_rule_file(name, "--recipe", built_in_recipe_names()), name)


def read_policy(name: str | None) -> Policy:
    """Return a policy by its file or its built-in name. Its audit suite must exist too."""
    name = NEWEST_POLICY if name is None else name
    policy = (
        built_in_policy(name)
        if name in BUILT_IN_POLICIES
        else load_policy(_read_rule_file(name, "--policy", list(BUILT_IN_POLICIES)), name)
    )
    built_in_audit_suite(policy.audit)
    return policy if policy.logos.library is None else _with_absolute_logo_library(policy, policy.logos.library, name)


def _with_absolute_logo_library(policy: Policy, folder: str, name: str) -> Policy:
    """Return the policy with the absolute path of its brand library: a run may be resumed from another folder."""
    library = (Path(name).parent / folder).resolve()
    if not library.is_dir():
        raise OptionError(f"--policy: {name}: logos.library: {folder!r} is no folder ({library})")
    return policy.model_copy(update={"logos": policy.logos.model_copy(update={"library": str(library)})})


def resolve_local_model(folder: Path, option: str) -> ModelEntry:
    """Return the model in a folder, identified by its digest. Raises `OptionError` for a folder that is refused."""
    try:
        check_model_folder(folder)
        return ModelEntry(source=str(folder), weights_digest=model_folder_digest(folder))
    except EngineError as error:
        raise OptionError(f"{option}: {error}") from None


def parse_hub_model(text: str, option: str) -> ModelEntry | None:
    """Return the model of hub-id@commit; None for text without `@`.

    Raises `OptionError` for a URL, which may hold a token and is not repeated, and for a shortened commit.
    """
    if "://" in text:
        raise OptionError(f"{option}: a model is a folder, hub-id@commit or a name, and no URL")
    name, separator, revision = text.partition("@")
    if not separator:
        return None
    if not HUB_COMMIT.fullmatch(revision):
        raise OptionError(f"{option}: the revision {revision!r} is no full hub commit (40 hex digits)")
    return ModelEntry(source=name, revision=revision)


def _read_rule_file(name: str, option: str, built_in_names: list[str]) -> str:
    try:
        return Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise (RuleFileError if option == "--recipe" else OptionError)(
            f"{option}: {name!r} cannot be read ({reason}), nor one of {', '.join(built_in_names)}"
            + (f"; did you mean {near!r}?" if (near := near_match(name, built_in_names)) else "")
        ) from None

"""What a refresh is asked for, as a person types it: in a terminal, in a form, in a deployment.

Comes in: text and numbers. Goes out: a `Job` with its recipe and policy read and checked, or an `InputError` that names
the option. Nothing here holds a secret: credentials come from the environment.
"""

import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from slugify import slugify

from catalogs.errors import OptionError, RecipeError
from catalogs.job import Job
from catalogs.policy import Policy, default_policy, load_policy
from catalogs.recipe import CATALOGUE_NAME, Model, Recipe
from catalogs.recipes import built_in_recipe, built_in_recipes, load_recipe, with_engine
from catalogs.suite import default_suite
from infra.engines.weights import check_folder, folder_digest
from infra.errors import EngineError

COMMIT = re.compile(r"[0-9a-f]{40}")


class RefreshParameters(BaseModel):
    """A refresh to be done."""

    # What was given is not repeated in errors: it may hold a password.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    source: str = Field(description="The catalogue: a Parquet, CSV or JSON lines file, a folder of Parquet, or a URL")
    store: str = Field(description="Where images and manifest are kept: a folder, file:///… or s3://bucket/prefix")
    catalogue: str | None = Field(None, description="The catalogue's name in the store: a-z, 0-9 and dashes")
    recipe: str = Field("default", description="A recipe file, or a built-in one: default, shopify, sample")
    policy: str | None = Field(None, description="A policy file; without it the built-in one")
    engine: Literal["torch", "tensorrt", "stub"] | None = Field(None, description="Stands for the recipe's engine")
    model: str | None = Field(None, description="A name from the recipe, a local folder, or hub-id@commit")
    precision: Literal["fp32", "bf16", "fp8"] | None = Field(None, description="Stands for the models' precision")
    scope: Literal["full", "partial"] = Field("full", description="partial never retires a picture")
    stub_seconds: float | None = Field(None, ge=0, le=3600, description="How long the stub engine takes an image")
    max_cost: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="What the images may cost, in the price list's currency"
    )
    max_hours: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="Hours after which no further image is begun"
    )
    wait: bool = Field(True, description="Wait for another full run of the catalogue to end")

    @field_validator("source", "store")
    @classmethod
    def _holds_no_password(cls, value: str) -> str:
        if "://" in value and "@" in value.split("://", 1)[1].split("/", 1)[0]:
            raise ValueError("a URL with a user or password is refused; credentials come from the environment")
        return value

    def job(self) -> tuple[Job, list[str]]:
        """Return the job and what to warn of. Raises `InputError` naming the option that is wrong."""
        recipe = with_engine(
            read_recipe(self.recipe), engine=self.engine, model=self._model(), precision=self.precision
        )
        name, warnings = self._name(recipe)
        policy = read_policy(self.policy)
        limits = (self.max_cost, self.max_hours)
        return Job(self.source, self.store, name, recipe, policy, self.scope, *limits), warnings

    def _model(self) -> Model | str | None:
        if self.model is None or self.engine == "stub":
            return None
        if Path(self.model).is_dir():
            return _local_model(Path(self.model).resolve())
        name, separator, revision = self.model.partition("@")
        if separator:
            if not COMMIT.fullmatch(revision):
                raise OptionError(f"--model: the revision {revision!r} is no full hub commit (40 hex digits)")
            return Model(source=name, revision=revision)
        return self.model

    def _name(self, recipe: Recipe) -> tuple[str, list[str]]:
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


def read_recipe(name: str) -> Recipe:
    """Return a recipe by its file or its built-in name."""
    if name in built_in_recipes():
        return built_in_recipe(name)
    return load_recipe(_read(name, "--recipe", built_in_recipes()), name)


def read_policy(name: str | None) -> Policy:
    """Return a policy by its file, or the built-in one. The suite that it names must be there too."""
    policy = default_policy() if name is None else load_policy(_read(name, "--policy", ()), name)
    default_suite(policy.audit)
    return policy


def _local_model(folder: Path) -> Model:
    try:
        check_folder(folder)
        return Model(source=str(folder), weights_digest=folder_digest(folder))
    except EngineError as error:
        raise OptionError(f"--model: {error}") from None


def _read(name: str, option: str, known: "list[str] | tuple[str, ...]") -> str:
    try:
        return Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        others = f", nor one of {', '.join(known)}" if known else ""
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise (RecipeError if option == "--recipe" else OptionError)(
            f"{option}: {name!r} cannot be read ({reason}){others}"
        ) from None

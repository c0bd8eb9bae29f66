"""The recipe: everything that changes the pixels, as versioned YAML.

Comes in: YAML text, and the few command-line options that stand for recipe fields (engine, model, precision). Goes
out: a frozen, checked `Recipe`, and the `Slice` of it that reaches one (category, view, variant, tier, model). A
slice's digest is what tells whether an edit of the recipe touches a slot: editing one category's template moves that
category's slices and no others.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from catalogs.errors import RecipeError
from catalogs.keys import digest
from catalogs.templates import Renderer, compile_template

CATALOGUE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")
RESERVED = ("view", "phrase", "variant")
"""Names that templates get from the slot, not from a column."""

OVERRIDES = (
    "prompt", "negative_prompt", "seed", "width", "height", "model", "quality", "priority", "views", "num_images",
    "created_at", "deadline", "reference_image", "category",
)  # fmt: skip
"""Fields with a meaning of their own: one row's word against the recipe's."""

REACHING = ("prompt", "negative_prompt", "seed", "width", "height")
"""Overrides whose values reach the request key as they stand; the rest choose a slice."""

Size = Annotated[int, Field(ge=64, le=4096, multiple_of=16)]
"""Pixels. Z-Image's latents are 8 times smaller and patched by 2; 4096 is beyond what it was trained on."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Model(_Strict):
    """One set of weights, by name: where it is, and what it is known by."""

    family: Literal["z-image", "stub"] = "z-image"
    source: str | None = Field(None, description="A local folder, or a hub id")
    revision: str | None = Field(None, pattern=r"^[0-9a-f]{40}$", description="The hub commit, in full")
    weights_digest: str | None = Field(None, description="Checked when the weights are loaded")
    precision: Literal["fp32", "bf16", "fp8"] = "bf16"

    @property
    def pinned(self) -> bool:
        """Tell whether the weights are known: a digest, or a hub commit, or the stub that has none."""
        return bool(self.family == "stub" or self.weights_digest or self.revision)

    @property
    def identity(self) -> dict[str, object]:
        """Return what the request key knows of the model: content, never a path."""
        if self.family == "stub":
            return {"family": "stub", "weights": "stub/1", "precision": self.precision}
        if self.weights_digest:
            return {"family": self.family, "weights": self.weights_digest, "precision": self.precision}
        return {"family": self.family, "weights": f"{self.source}@{self.revision}", "precision": self.precision}


class Tier(_Strict):
    """A quality tier: size in pixels, steps, and how many attempts a request may spend."""

    width: Size = 1024
    height: Size = 1024
    steps: int = Field(8, ge=1, le=100)
    guidance: float = Field(0.0, ge=0.0, le=20.0)
    attempts: int = Field(3, ge=1, le=10)


class Finish(_Strict):
    """What happens after the model. Changing it needs no GPU while the staged image is kept."""

    quality: int = Field(90, ge=50, le=100, description="JPEG quality; 4:4:4 always")
    whiten: bool = Field(True, description="Push the near-white background to exactly 255")
    canvas: Literal["none", "square"] = "none"
    mark: bool = Field(True, description="Write IPTC DigitalSourceType trainedAlgorithmicMedia into the file")

    @property
    def digest(self) -> str:
        """Return the sha256 of the finish."""
        return digest({"finish": self.model_dump(mode="json")})


class Rules(_Strict):
    """What a category (or a variant) says of its pictures; None leaves the word to the more general rule."""

    template: str | None = None
    negative: str | None = None
    views: tuple[str, ...] | None = None
    quality: str | None = None
    model: str | None = None
    num_images: int | None = Field(None, ge=1, le=16)
    finish: Finish | None = None


class Variant(Rules):
    """An A/B arm: the share of SKUs that get it, and what differs there."""

    share: float = Field(1.0, ge=0.0, le=1.0)


class Inherit(_Strict):
    """Rows that leave fields empty take them from the first row with the same value in `by`."""

    by: str
    fields: tuple[str, ...]


class Recipe(_Strict):
    """Everything that changes the pixels, and how a catalogue's columns are read."""

    version: Literal[1] = 1
    catalogue: str | None = Field(None, pattern=f"^{CATALOGUE_NAME.pattern}$")
    columns: dict[str, str] = Field(description="Field -> source column, or a text with {{ Column }} in it")
    optional: tuple[str, ...] = Field((), description="Fields whose column may be absent from the source")
    required: tuple[str, ...] = Field(("sku", "title"), description="Fields that may not be empty")
    html: tuple[str, ...] = Field((), description="Fields that hold HTML; tags are dropped")
    ignore_when_empty: tuple[str, ...] = Field((), description="A row with all these columns empty is no product")
    inherit: Inherit | None = None
    engine: Literal["torch", "tensorrt", "stub"] = "torch"
    models: dict[str, Model] = Field(default_factory=lambda: {"turbo": Model()})
    tiers: dict[str, Tier] = Field(default_factory=lambda: {"standard": Tier()})
    views: dict[str, str] = Field(description="View -> the phrase that templates call {{ phrase }}")
    defaults: Rules
    categories: dict[str, Rules] = Field(default_factory=dict)
    variants: dict[str, Variant] = Field(default_factory=lambda: {"a": Variant()})
    finish: Finish = Finish()
    salt: str = Field("", description="Keeps this recipe's images apart from others' with the same prompts")
    render_version: int = Field(1, ge=1, description="Bump it by hand to make every picture anew")

    @field_validator("columns", "models", "tiers", "views", "variants")
    @classmethod
    def _names_are_plain(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} must match {_NAME.pattern}")
        if not value:
            raise ValueError("at least one is needed")
        return value

    @model_validator(mode="after")
    def _references_exist(self) -> "Recipe":
        for field in self.columns:
            if not _IDENTIFIER.fullmatch(field) or field in RESERVED:
                raise ValueError(f"columns: {field!r} must be lower case letters, digits and _, and not {RESERVED}")
        for name in self._mentioned():
            if name not in self.columns:
                raise ValueError(f"columns: the field {name!r} is used but has no column")
        for where, rules in self._all_rules():
            self._check_rules(where, rules)
        if self.defaults.template is None or self.defaults.views is None:
            raise ValueError("defaults: `template` and `views` are needed")
        if abs(sum(variant.share for variant in self.variants.values()) - 1) > 1e-6:
            raise ValueError("variants: the shares must add up to 1")
        return self

    def _mentioned(self) -> tuple[str, ...]:
        inherited = self.inherit.fields if self.inherit else ()
        return ("sku", *self.optional, *self.required, *self.html, *inherited)

    def _all_rules(self) -> list[tuple[str, Rules]]:
        return [
            ("defaults", self.defaults),
            *((f"categories.{name}", rules) for name, rules in self.categories.items()),
            *((f"variants.{name}", rules) for name, rules in self.variants.items()),
        ]

    def _check_rules(self, where: str, rules: Rules) -> None:
        for field, known in (("quality", self.tiers), ("model", self.models)):
            value = getattr(rules, field)
            if value is not None and value not in known:
                raise ValueError(f"{where}.{field}: {value!r} is none of {sorted(known)}")
        if rules.views is not None and (not rules.views or set(rules.views) - set(self.views)):
            raise ValueError(f"{where}.views: choose from {sorted(self.views)}")
        for field in ("template", "negative"):
            text = getattr(rules, field)
            if text is not None:
                try:
                    compile_template(text, self.template_fields, f"{where}.{field}")
                except RecipeError as error:
                    raise ValueError(str(error)) from None

    @property
    def template_fields(self) -> tuple[str, ...]:
        """Return the names that templates may use."""
        return (*self.columns, *RESERVED)

    @property
    def digest(self) -> str:
        """Return the sha256 of the whole recipe."""
        return digest(self.model_dump(mode="json"))

    @property
    def default_model(self) -> str:
        """Return the model's name where neither row, variant nor category says one."""
        return self.defaults.model or next(iter(self.models))

    @property
    def default_tier(self) -> str:
        """Return the tier's name where neither row, variant nor category says one."""
        return self.defaults.quality or next(iter(self.tiers))

    @property
    def finishes(self) -> dict[str, Finish]:
        """Return every finish that the recipe can ask for, by its digest."""
        given = [self.finish, *(rules.finish for _, rules in self._all_rules() if rules.finish is not None)]
        return {finish.digest: finish for finish in given}

    def rule(self, field: str, category: str, variant: str) -> Any:
        """Return the most particular word on `field`: the variant's, else the category's, else the default's."""
        for rules in (self.variants[variant], self.categories.get(category), self.defaults):
            value = getattr(rules, field) if rules is not None else None
            if value is not None:
                return value
        return None


@dataclass(frozen=True)
class Slice:
    """What of a recipe reaches the slots of one (category, view, variant, tier, model)."""

    view: str
    phrase: str
    variant: str
    template: Renderer
    negative: Renderer
    tier: Tier
    model: str
    identity: Mapping[str, object]
    finish: Finish
    finish_digest: str
    salt: str
    render_version: int
    fields: tuple[str, ...]
    digest: bytes

    def parameters(self, prompt: str, negative: str, width: int, height: int) -> dict[str, object]:
        """Return what the request key is made of, before a row's own seed and the index."""
        parameters: dict[str, object] = {
            "prompt": prompt,
            "negative": negative,
            "width": width,
            "height": height,
            "steps": self.tier.steps,
            "guidance": self.tier.guidance,
            "render_version": self.render_version,
            **self.identity,
        }
        if self.salt:
            parameters["salt"] = self.salt
        return parameters


class Slices:
    """The slices of one recipe, each made once."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.get = lru_cache(maxsize=None)(self._make)

    def _make(self, category: str, view: str, variant: str, tier: str, model: str) -> Slice:
        recipe = self.recipe
        template = recipe.rule("template", category, variant)
        negative = recipe.rule("negative", category, variant) or ""
        finish = recipe.rule("finish", category, variant) or recipe.finish
        compiled = compile_template(template, recipe.template_fields, "template")
        compiled_negative = compile_template(negative, recipe.template_fields, "negative")
        read = compiled.fields | compiled_negative.fields
        fields = tuple(sorted((read - set(RESERVED)) | (set(REACHING) & set(recipe.columns))))
        finish_digest = finish.digest
        identity = recipe.models[model].identity
        content = {
            "view": view,
            "variant": variant if "variant" in read else "",
            "phrase": recipe.views[view] if "phrase" in read else "",
            "template": template,
            "negative": negative,
            "tier": recipe.tiers[tier].model_dump(mode="json"),
            "identity": identity,
            "finish": finish_digest,
            "salt": recipe.salt,
            "render_version": recipe.render_version,
            "fields": fields,
        }
        return Slice(
            view=view,
            phrase=recipe.views[view],
            variant=variant,
            template=compiled,
            negative=compiled_negative,
            tier=recipe.tiers[tier],
            model=model,
            identity=identity,
            finish=finish,
            finish_digest=finish_digest,
            salt=recipe.salt,
            render_version=recipe.render_version,
            fields=fields,
            digest=bytes.fromhex(digest(content)),
        )


def load_recipe(text: str, name: str) -> Recipe:
    """Return the recipe in a YAML text; `name` is its file in errors.

    Raises `RecipeError` naming the file, the field and what to do.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"{name}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise RecipeError(f"{name}: a recipe is a mapping of fields; this is a {type(content).__name__}")
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise RecipeError(f"{name}: {where + ': ' if where else ''}{message}") from None


def built_in_recipe(name: str = "default") -> Recipe:
    """Return a recipe that ships with Packshot: `default`, `shopify` or `sample`."""
    file = resources.files("catalogs") / "data" / "recipes" / f"{name}.yaml"
    if not file.is_file():
        raise RecipeError(f"There is no built-in recipe {name!r}; choose from {', '.join(built_in_recipes())}")
    return load_recipe(file.read_text("utf-8"), f"the built-in recipe {name}")


def built_in_recipes() -> list[str]:
    """Return the names of the recipes that ship with Packshot."""
    folder = resources.files("catalogs") / "data" / "recipes"
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def with_engine(recipe: Recipe, *, engine: str | None, model: Model | str | None, precision: str | None) -> Recipe:
    """Return the recipe under the command line's words: another engine, model or precision, hashed like its own."""
    content = recipe.model_dump(mode="json")
    if engine:
        content["engine"] = engine
    if isinstance(model, str):
        if model not in recipe.models:
            raise RecipeError(f"--model: {model!r} is no folder, no id@revision, and none of {sorted(recipe.models)}")
        content["defaults"]["model"] = model
    elif model is not None:
        content["models"] = {**content["models"], "chosen": model.model_dump(mode="json")}
        content["defaults"]["model"] = "chosen"
    if content["engine"] == "stub":
        # Every name stays, so that a row's own choice of model still resolves; what it stands for is the stub.
        content["models"] = {name: Model(family="stub", precision="fp32").model_dump() for name in content["models"]}
    if precision:
        for entry in content["models"].values():
            entry["precision"] = precision
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise RecipeError(f"The options do not fit the recipe: {error.errors()[0]['msg']}") from None

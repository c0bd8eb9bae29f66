"""The recipe: everything that changes the pixels, as versioned YAML.

Comes in: the content of a recipe file (`catalogs.recipe.loading` reads it). Goes out: a frozen, checked `Recipe`; which
of its words reach which slot is `catalogs.recipe.effective_recipe`' work.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from catalogs.errors import RuleFileError
from catalogs.keys import digest
from catalogs.models.weights import ModelEntry, ModelProvenance, WeightsSpec
from catalogs.policy.channels import Channel, resolve_channels
from catalogs.recipe.templates import compile_template

CATALOGUE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")
RESERVED_FIELDS = ("view", "phrase", "variant")
"""Names that templates get from the slot, not from a column."""

REQUEST_KEY_OVERRIDES = ("prompt", "negative_prompt", "seed", "width", "height")
"""Overrides whose values reach the request key as they stand; the rest choose a slice."""

DEFAULT_LANGUAGES = ("en",)

PROMPT_GATE_FIELDS = (*REQUEST_KEY_OVERRIDES, "brand")
"""Fields whose values reach the prompt gates' verdict on a slot, whether or not its template reads them."""

PixelSize = Annotated[int, Field(ge=64, le=4096, multiple_of=16)]
"""Pixels. Z-Image's latents are 8 times smaller and patched by 2; 4096 is beyond what it was trained on."""


class _RecipeModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tier(_RecipeModel):
    """A quality tier: size in pixels, steps, and how many attempts a request may spend."""

    width: PixelSize = Field(1024, description="Width in pixels")
    height: PixelSize = Field(1024, description="Height in pixels")
    steps: int = Field(8, ge=1, le=100, description="Denoising steps; Z-Image-Turbo is made for 8")
    guidance: float = Field(0.0, ge=0.0, le=20.0, description="Guidance scale; exactly 0 for Z-Image-Turbo")
    attempts: int = Field(3, ge=1, le=10, description="Seeds that a request may spend, over all runs")


class Finish(_RecipeModel):
    """What happens after the model. Changing it needs no GPU while the staged image is kept."""

    quality: int = Field(90, ge=50, le=100, description="JPEG quality; 4:4:4 always")
    whiten: bool = Field(True, description="Push the near-white background to exactly 255")
    canvas: Literal["none", "square", "portrait"] = Field(
        "none", description="White is added round the picture until it is square, or upright 1 : 1.44"
    )
    enlarge: int | None = Field(
        None, ge=64, le=8192, description="Long side in pixels that smaller pictures are enlarged to; better none"
    )
    mark: bool = Field(True, description="Write IPTC DigitalSourceType trainedAlgorithmicMedia into the file")
    watermark: str | None = Field(
        None, pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$", description="An invisible watermark by its name and version"
    )

    @property
    def digest(self) -> str:
        """Return the sha256 of the finish. What was added later counts only where it is used: old digests stand."""
        added = {name for name in ("watermark", "enlarge") if getattr(self, name) is None}
        return digest({"finish": self.model_dump(mode="json", exclude=added)})


class RecipeRules(_RecipeModel):
    """What a category (or a variant) says of its pictures; None leaves the word to the more general rule."""

    template: str | None = Field(None, description="The prompt: Jinja without loops over the recipe's fields")
    negative: str | None = Field(None, description="The negative prompt, a template too")
    views: tuple[str, ...] | None = Field(None, description="Names of views to make, each in `views` of the recipe")
    quality: str | None = Field(None, description="The tier's name")
    model: str | None = Field(None, description="The model's name in `models`")
    num_images: int | None = Field(None, ge=1, le=16, description="Images a view; each has an index and a seed")
    finish: Finish | None = Field(None, description="Another finish than the recipe's")


class Variant(RecipeRules):
    """An A/B arm: the share of SKUs that get it, and what differs there."""

    share: float = Field(1.0, ge=0.0, le=1.0, description="Share of SKUs; the shares of all variants add up to 1")


class InheritRule(_RecipeModel):
    """Rows that leave fields empty take them from the first row with the same value in `by`."""

    by: str = Field(description="The source column that rows of one product share, such as Handle")
    fields: tuple[str, ...] = Field(description="Fields of the recipe that an empty row takes from the first one")


class Recipe(_RecipeModel):
    """Everything that changes the pixels, and how a catalogue's columns are read."""

    version: Literal[1] = Field(1, description="The version of this format")
    catalogue: str | None = Field(
        None, pattern=f"^{CATALOGUE_NAME.pattern}$", description="The catalogue's name where `--catalogue` gives none"
    )
    columns: dict[str, str] = Field(description="Field -> source column, or a text with {{ Column }} in it")
    optional: tuple[str, ...] = Field((), description="Fields whose column may be absent from the source")
    required: tuple[str, ...] = Field(("sku", "title"), description="Fields that may not be empty")
    html: tuple[str, ...] = Field((), description="Fields that hold HTML; tags are dropped")
    languages: tuple[Annotated[str, Field(pattern=r"^[a-z]{2}$")], ...] = Field(
        DEFAULT_LANGUAGES, min_length=1, description="The catalogue's (ISO 639-1); prompts in others are for a person"
    )
    ignore_when_empty: tuple[str, ...] = Field((), description="A row with all these columns empty is no product")
    inherit: InheritRule | None = Field(None, description="Empty fields taken from another row of the same product")
    engine: Literal["torch", "tensorrt", "stub"] = Field(
        "torch", description="What generates: diffusers, TensorRT engines, or drawn cards for rehearsals"
    )
    models: dict[str, ModelEntry] = Field(
        default_factory=lambda: {"turbo": ModelEntry()}, description="Name -> weights; rows and rules name these"
    )
    tiers: dict[str, Tier] = Field(
        default_factory=lambda: {"standard": Tier()}, description="Name -> quality tier; rows and rules name these"
    )
    views: dict[str, str] = Field(description="View -> the phrase that templates call {{ phrase }}")
    defaults: RecipeRules = Field(description="Rules for every slot; `template` and `views` are needed")
    categories: dict[str, RecipeRules] = Field(
        default_factory=dict, description="Product category -> what differs from the defaults"
    )
    variants: dict[str, Variant] = Field(
        default_factory=lambda: {"a": Variant()}, description="A/B arm -> its share and what differs there"
    )
    finish: Finish = Field(Finish(), description="What happens after the model")
    channels: dict[str, Channel] = Field(
        default_factory=dict,
        description="Where the pictures are meant to be used: names, or names with rules of your own",
    )
    salt: str = Field("", description="Keeps this recipe's images apart from others' with the same prompts")
    render_version: int = Field(1, ge=1, description="Bump it by hand to make every picture anew")

    @field_validator("channels", mode="before")
    @classmethod
    def _channels_are_known(cls, value: Any) -> Any:
        return resolve_channels(value)

    @field_validator("categories")
    @classmethod
    def _categories_are_named(cls, value: dict[str, RecipeRules]) -> dict[str, RecipeRules]:
        if "" in value:
            raise ValueError("a category needs a name; rows without one take the defaults")
        return value

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
            if not _IDENTIFIER.fullmatch(field) or field in RESERVED_FIELDS:
                raise ValueError(
                    f"columns: {field!r} must be lower case letters, digits and _, and not {RESERVED_FIELDS}"
                )
        for name in self._mentioned_fields():
            if name not in self.columns:
                raise ValueError(f"columns: the field {name!r} is used but has no column")
        for where, rules in self._all_rules():
            self._check_rules(where, rules)
        if self.defaults.template is None or self.defaults.views is None:
            raise ValueError("defaults: `template` and `views` are needed")
        if abs(sum(variant.share for variant in self.variants.values()) - 1) > 1e-6:
            raise ValueError("variants: the shares must add up to 1")
        return self

    @model_validator(mode="after")
    def _models_fit_the_engine(self) -> "Recipe":
        for name, model in self.models.items():
            for called, weights in model.weights_by_name(name).items():
                if (weights.family == "stub") != (self.engine == "stub"):
                    # Else the stub's pictures would be staged under the keys of a real model's.
                    words = f"the engine {self.engine!r} does not paint family {weights.family!r}"
                    raise ValueError(f"models.{called}: {words}")
        return self

    def _mentioned_fields(self) -> tuple[str, ...]:
        inherited = self.inherit.fields if self.inherit else ()
        return ("sku", *self.optional, *self.required, *self.html, *inherited)

    def _all_rules(self) -> list[tuple[str, RecipeRules]]:
        return [
            ("defaults", self.defaults),
            *((f"categories.{name}", rules) for name, rules in self.categories.items()),
            *((f"variants.{name}", rules) for name, rules in self.variants.items()),
        ]

    def _check_rules(self, where: str, rules: RecipeRules) -> None:
        for field, known in (("quality", self.tiers), ("model", self.models)):
            value = getattr(rules, field)
            if value is not None and value not in known:
                raise ValueError(f"{where}.{field}: {value!r} is none of {sorted(known)}")
        if rules.views is not None and (not rules.views or set(rules.views) - set(self.views)):
            raise ValueError(f"{where}.views: choose from {sorted(self.views)}")
        if rules.views is not None and len(set(rules.views)) < len(rules.views):
            raise ValueError(f"{where}.views: name each view once")
        if rules.template is not None and not rules.template.strip():
            raise ValueError(f"{where}.template: it is empty; leave it out, or say what to paint")
        for field in ("template", "negative"):
            text = getattr(rules, field)
            if text is not None:
                try:
                    compile_template(text, self.template_fields, f"{where}.{field}")
                except RuleFileError as error:
                    raise ValueError(str(error)) from None

    @property
    def template_fields(self) -> tuple[str, ...]:
        """Return the names that templates may use."""
        return (*self.columns, *RESERVED_FIELDS)

    @property
    def digest(self) -> str:
        """Return the sha256 of the whole recipe, as it was asked for: whatever its models' versions are by now."""
        content = self.model_dump(mode="json")
        for model in content["models"].values():
            del model["standing"]
            if model["registry"] is None:
                del model["registry"]  # added later; counts only where it is used
        return digest(content)

    @property
    def default_model(self) -> str:
        """Return the model's name where neither row, variant nor category says one."""
        return self.defaults.model or next(iter(self.models))

    @property
    def default_tier(self) -> str:
        """Return the tier's name where neither row, variant nor category says one."""
        return self.defaults.quality or next(iter(self.tiers))

    @property
    def weights_by_name(self) -> dict[str, WeightsSpec]:
        """Return all that may paint, by the names that requests use: a model's own, or `model@version`."""
        return {
            called: one for name, model in self.models.items() for called, one in model.weights_by_name(name).items()
        }

    @property
    def provenance_by_name(self) -> dict[str, ModelProvenance]:
        """Return what the manifest says of each of `weights`, by the same names."""
        return {
            called: one for name, model in self.models.items() for called, one in model.provenance_by_name(name).items()
        }

    @property
    def finishes_by_digest(self) -> dict[str, Finish]:
        """Return every finish that the recipe can ask for, by its digest."""
        given = [self.finish, *(rules.finish for _, rules in self._all_rules() if rules.finish is not None)]
        return {finish.digest: finish for finish in given}

    def resolve_rule(self, field: str, category: str, variant: str) -> Any:
        """Return the most particular word on `field`: the variant's, else the category's, else the default's."""
        for rules in (self.variants[variant], self.categories.get(category), self.defaults):
            value = getattr(rules, field) if rules is not None else None
            if value is not None:
                return value
        return None

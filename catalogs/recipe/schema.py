"""Recipe schema: everything that changes the pixels, as versioned YAML, and how a catalogue's columns are read.

Inputs: the content of a recipe file (`catalogs.recipe.loading` reads it). Outputs: a frozen, checked `Recipe` and its
digest; `catalogs.recipe.effective_recipe` computes which of its fields reach a slot.
"""

import re
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from catalogs.errors import RuleFileError
from catalogs.keys import digest
from catalogs.models.weights import ModelEntry, ModelProvenance, WeightsSpec
from catalogs.photos.kept_request import KEPT_MODEL
from catalogs.policy.channels import KEPT_FIELDS, Channel, resolve_channels
from catalogs.recipe.photo_rule import PhotoRule, PhotoSettings
from catalogs.recipe.release_rule import ReleaseRuleField
from catalogs.recipe.render_settings import Finish, RecipeModel, RecipeRules, Tier, Variant
from catalogs.recipe.rendered_size import MAX_VALUE_CHARACTERS
from catalogs.recipe.row_settings import ColumnChoice, FilterValues, InheritRule
from catalogs.recipe.source_settings import SourceSettings
from catalogs.recipe.templates import compile_template

CATALOGUE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")
RESERVED_FIELDS = ("view", "phrase", "variant")
"""Names that templates take from the slot, not from a column."""

REQUEST_KEY_OVERRIDES = ("prompt", "negative_prompt", "seed", "width", "height")
"""Overrides whose values reach the request key unchanged; the others choose an effective recipe."""

DEFAULT_LANGUAGES = ("en",)

_LATER_FIELDS = ("entities", "placeholders", "only", "fill_down", "split", "source", "photo")
"""Fields that this format did not have at first. They count in a recipe's digest where they are set."""

PROMPT_GATE_FIELDS = (*REQUEST_KEY_OVERRIDES, "brand")
"""Fields whose values affect the prompt gates' verdict on a slot, whether or not its template reads them."""


class Recipe(RecipeModel):
    """Everything that changes the pixels, and how a catalogue's columns are read."""

    version: Literal[1] = Field(1, description="The version of this format")
    catalogue: str | None = Field(
        None, pattern=f"^{CATALOGUE_NAME.pattern}$", description="The catalogue's name where `--catalogue` gives none"
    )
    columns: dict[str, ColumnChoice] = Field(
        description="Field -> source column, or a text with {{ Column }} in it, or several: the first filled one"
    )
    optional: tuple[str, ...] = Field((), description="Fields whose column may be absent from the source")
    required: tuple[str, ...] = Field(("sku", "title"), description="Fields that may not be empty")
    html: tuple[str, ...] = Field((), description="Fields that hold HTML; tags are removed")
    entities: tuple[str, ...] = Field((), description="Fields in which HTML's entities (&amp;) are decoded")
    placeholders: tuple[str, ...] = Field(
        (), description="Fields in which N/A, NULL and the like count as empty, as they always do in required ones"
    )
    languages: tuple[Annotated[str, Field(pattern=r"^[a-z]{2}$")], ...] = Field(
        DEFAULT_LANGUAGES,
        min_length=1,
        description="The catalogue's languages (ISO 639-1); policies judge others",
    )
    source: SourceSettings | None = Field(None, description="How the catalogue's files are read, where that is needed")
    ignore_when_empty: tuple[ColumnChoice, ...] = Field(
        (), description="A row with all of these columns empty is ignored"
    )
    only: dict[str, FilterValues] = Field(
        default_factory=dict,
        description="Column -> the values of rows to read, whatever their case; others are ignored. '' stands for rows"
        " without a value, and then the column may be absent",
    )
    fill_down: tuple[str, ...] = Field(
        (), description="A row with the first of these columns empty belongs to the row above and takes them from there"
    )
    split: dict[Literal["sku"], Annotated[str, Field(min_length=1, max_length=5)]] = Field(
        default_factory=dict, description="The separator of cells with several SKUs; each of them counts as a row"
    )
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
    views: dict[str, str] = Field(description="View -> the text of {{ phrase }} in templates")
    defaults: RecipeRules = Field(description="Rules for every slot; `template` and `views` are needed")
    categories: dict[str, RecipeRules] = Field(
        default_factory=dict, description="Product category -> what differs from the defaults"
    )
    variants: dict[str, Variant] = Field(
        default_factory=lambda: {"a": Variant()}, description="A/B arm -> its share and what differs there"
    )
    finish: Finish = Field(Finish(), description="What happens after the model")
    photo: PhotoSettings | None = Field(
        None, description="How rows' own photos are used; left out, as its defaults say"
    )
    channels: dict[str, Channel] = Field(
        default_factory=dict,
        description="The channels that images are judged for: names, or names with rules of your own",
    )
    release: ReleaseRuleField = Field(
        None, description="When a batch waits for a person's look before it goes live: ask, or a mapping"
    )
    salt: str = Field("", description="Keeps this recipe's images apart from other recipes' with equal prompts")
    render_version: int = Field(1, ge=1, description="Increase it by hand to regenerate every image")

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

    @field_validator("views")
    @classmethod
    def _phrases_are_short(cls, value: dict[str, str]) -> dict[str, str]:
        for view, phrase in value.items():
            if len(phrase) > MAX_VALUE_CHARACTERS:
                raise ValueError(f"{view}: it has {len(phrase):,} characters, more than {MAX_VALUE_CHARACTERS:,}")
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
            for weights_name, weights in model.weights_by_name(name).items():
                if (weights.family == "stub") != (self.engine == "stub"):
                    # Else the stub's images would be staged under the keys of a real model's images.
                    problem = f"the engine {self.engine!r} does not run models of the family {weights.family!r}"
                    raise ValueError(f"models.{weights_name}: {problem}")
        return self

    def _mentioned_fields(self) -> tuple[str, ...]:
        inherited = self.inherit.fields if self.inherit else ()
        listed = (*self.optional, *self.required, *self.html, *self.entities, *self.placeholders)
        return ("sku", *listed, *inherited)

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
            raise ValueError(f"{where}.template: it is empty; leave it out, or describe the image")
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
        """Return the sha256 of the recipe as it was written, without its models' current versions and `release`."""
        content = self.model_dump(mode="json", exclude={"release"})
        for model in content["models"].values():
            del model["standing"]
            if model["registry"] is None:
                del model["registry"]  # added later; counts only if it is set
        if not content.get("photo"):  # what channels say of kept products counts only where there are some
            for channel, name in product(content["channels"].values(), KEPT_FIELDS):
                del channel[name]
        for name in _LATER_FIELDS:
            if not content[name]:
                del content[name]
        for rules in (content["defaults"], *content["categories"].values(), *content["variants"].values()):
            if not rules["photo"]:
                del rules["photo"]
        if content["inherit"] and not content["inherit"]["parent"]:
            del content["inherit"]["parent"]
        return digest(content)

    @property
    def silent_after_hours(self) -> float | None:
        """Return how long a held batch waits before its silence is said; None where the recipe does not say."""
        return self.release.silent_after_hours if self.release is not None else None

    @property
    def default_model(self) -> str:
        """Return the name of the model where neither row, variant nor category names one."""
        return self.defaults.model or next(iter(self.models))

    @property
    def default_tier(self) -> str:
        """Return the name of the tier where neither row, variant nor category names one."""
        return self.defaults.quality or next(iter(self.tiers))

    @property
    def weights_by_name(self) -> dict[str, WeightsSpec]:
        """Return all weights by the names that requests use: a model's own name, or `model@version`."""
        found = (model.weights_by_name(name) for name, model in self.models.items())
        return {name: weights for each in found for name, weights in each.items()}

    @property
    def provenance_by_name(self) -> dict[str, ModelProvenance]:
        """Return the manifest's provenance by the names that requests use: of `weights_by_name`, and of photos."""
        provenance: dict[str, ModelProvenance] = {KEPT_MODEL: ModelProvenance("photo", None, "")}
        for name, model in self.models.items():
            provenance |= model.provenance_by_name(name)
        return provenance

    @property
    def finishes_by_digest(self) -> dict[str, Finish]:
        """Return every finish of the recipe, by its digest; of one that enlarges also that of kept products."""
        finishes = [self.finish, *(rules.finish for _, rules in self._all_rules() if rules.finish is not None)]
        return {each.digest: each for finish in finishes for each in (finish, finish.of_kept_products)}

    @property
    def shows_article(self) -> bool:
        """Tell whether the recipe says that its photos show the very articles that are sold."""
        return self.photo is not None and self.photo.shows_article

    def photo_rule(self, category: str, variant: str) -> PhotoRule:
        """Return how the photos of a category's rows are used in a variant."""
        rule: PhotoRule | None = self.resolve_rule("photo", category, variant)
        return rule or self.photo or PhotoRule()

    def resolve_rule(self, field: str, category: str, variant: str) -> Any:
        """Return the most specific value of `field`: the variant's, else the category's, else the default."""
        for rules in (self.variants[variant], self.categories.get(category), self.defaults):
            value = getattr(rules, field) if rules is not None else None
            if value is not None:
                return value
        return None

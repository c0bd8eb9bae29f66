"""Effective recipe: what of a recipe reaches the slots of one (category, view, variant, tier, model), and its digest.

Inputs: a recipe. Outputs: an `EffectiveRecipe` for each combination. Its digest tells whether an edit of the recipe
reaches a slot: editing one category's template moves the digests of that category and no others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from catalogs.keys import digest
from catalogs.photos.kept_request import KEPT_MODEL, KeptRequest
from catalogs.recipe.option_words import option_words_digest
from catalogs.recipe.render_settings import Finish, Tier
from catalogs.recipe.schema import DEFAULT_LANGUAGES, PROMPT_GATE_FIELDS, RESERVED_FIELDS, Recipe
from catalogs.recipe.templates import TemplateRenderer, compile_template
from catalogs.stages.library import StageLibrary


@dataclass(frozen=True)
class EffectiveRecipe:
    """What of a recipe reaches the slots of one (category, view, variant, tier, model)."""

    view: str
    phrase: str
    variant: str
    template: TemplateRenderer
    negative: TemplateRenderer
    tier: Tier
    model: str
    model_identity: Mapping[str, object]
    finish: Finish
    finish_digest: str
    salt: str
    render_version: int
    fields: tuple[str, ...]
    digest: bytes
    kept: KeptRequest | None = None
    """What is asked for where a photo's product is kept, still without photos; None where a model generates."""

    def request_key_parameters(self, negative: str, width: int, height: int) -> dict[str, object]:
        """Return the parameters of the request key other than the prompt, a row's own seed and the index."""
        parameters: dict[str, object] = {
            "negative": negative,
            "width": width,
            "height": height,
            "steps": self.tier.steps,
            "guidance": self.tier.guidance,
            "render_version": self.render_version,
            **self.model_identity,
        }
        if self.salt:
            parameters["salt"] = self.salt
        return parameters


class EffectiveRecipes:
    """The effective recipes of one recipe, each resolved once.

    `cutters` are the versions of those at hand, `stages` the libraries that the recipe names. In place of a model's
    name, `kept_on(stage)` stands for keeping a photo's product.
    """

    def __init__(
        self,
        recipe: Recipe,
        cutters: Mapping[str, str] | None = None,
        stages: Mapping[str, StageLibrary] | None = None,
    ) -> None:
        self.recipe = recipe
        self._cutters = {} if cutters is None else cutters
        self._stages = {} if stages is None else stages
        self.get = lru_cache(maxsize=None)(self._resolve)

    def _resolve(self, category: str, view: str, variant: str, tier: str, model: str) -> EffectiveRecipe:
        if model.startswith(KEPT_MODEL):
            return self._resolve_kept(category, view, variant, tier, model.removeprefix(kept_on("")))
        recipe = self.recipe
        template = recipe.resolve_rule("template", category, variant)
        negative = recipe.resolve_rule("negative", category, variant) or ""
        finish = recipe.resolve_rule("finish", category, variant) or recipe.finish
        compiled = compile_template(template, recipe.template_fields, "template")
        compiled_negative = compile_template(negative, recipe.template_fields, "negative")
        used_fields = compiled.fields | compiled_negative.fields
        fields = tuple(sorted((used_fields - set(RESERVED_FIELDS)) | (set(PROMPT_GATE_FIELDS) & set(recipe.columns))))
        identity = recipe.weights_by_name[model].identity
        content = {
            "view": view,
            "variant": variant if "variant" in used_fields else "",
            "phrase": recipe.views[view] if "phrase" in used_fields else "",
            "template": template,
            "negative": negative,
            "tier": recipe.tiers[tier].model_dump(mode="json"),
            "identity": identity,
            "finish": finish.digest,
            "fields": fields,
            **_common_digest_content(recipe),
        }
        if option_tests := compiled.option_tests | compiled_negative.option_tests:
            content["option_words"] = option_words_digest(option_tests)
        return EffectiveRecipe(
            view=view,
            phrase=recipe.views[view],
            variant=variant,
            template=compiled,
            negative=compiled_negative,
            tier=recipe.tiers[tier],
            model=model,
            model_identity=identity,
            finish=finish,
            finish_digest=finish.digest,
            salt=recipe.salt,
            render_version=recipe.render_version,
            fields=fields,
            digest=bytes.fromhex(digest(content)),
        )

    def _resolve_kept(self, category: str, view: str, variant: str, tier: str, stage_sha: str) -> EffectiveRecipe:
        """Return what reaches the slots that keep a photo: no template, no phrase and no model."""
        recipe = self.recipe
        finish = (recipe.resolve_rule("finish", category, variant) or recipe.finish).of_kept_products
        rule = recipe.photo_rule(category, variant)
        stage = self._stages[rule.stages].get(stage_sha) if rule.stages in self._stages else None
        kept = rule.kept_request(self._cutters, stage)
        nothing = compile_template("", (), "template")
        size = recipe.tiers[tier].model_copy(update={"steps": 0, "guidance": 0.0, "attempts": 1})
        fields = (*sorted({"width", "height"} & set(recipe.columns)), photos_column(view))
        content = {
            "kept": kept.text if kept is not None else "",
            "size": [size.width, size.height],
            "finish": finish.digest,
            "fields": fields[:-1],
            **_common_digest_content(recipe),
        }
        if recipe.channels:
            content["channels"] = {name: channel.kept_rules_digest for name, channel in recipe.channels.items()}
            content["shows_article"] = recipe.shows_article
        return EffectiveRecipe(
            view=view,
            phrase="",
            variant=variant,
            template=nothing,
            negative=nothing,
            tier=size,
            model=KEPT_MODEL,
            model_identity={},
            finish=finish,
            finish_digest=finish.digest,
            salt=recipe.salt,
            render_version=recipe.render_version,
            fields=fields,
            digest=bytes.fromhex(digest(content)),
            kept=kept,
        )


def kept_on(stage_sha: str) -> str:
    """Return what stands in a model's place for keeping a photo's product on this stage."""
    return f"{KEPT_MODEL}/{stage_sha}"


def photos_column(view: str) -> str:
    """Return the name of the column of a batch that holds what a view's photos are; no field is named so."""
    return f"@photos {view}"


def _common_digest_content(recipe: Recipe) -> dict[str, object]:
    """Return what all slots of a recipe have in their digests; fields added later count only if they are set."""
    content: dict[str, object] = {"salt": recipe.salt, "render_version": recipe.render_version}
    if recipe.languages != DEFAULT_LANGUAGES:
        content["languages"] = sorted(recipe.languages)
    if recipe.channels:
        content["channels"] = {name: channel.rules_digest for name, channel in recipe.channels.items()}
    return content

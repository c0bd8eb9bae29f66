"""Kept requests of a batch: images that keep the product of a row's photo.

Inputs: the rows of a batch with the tokens of their photos, an effective recipe for photos. Outputs: requests without
a prompt, a seed or a model, whose key holds the photos' digests and the rule for them.

Where no photo can be used the request is refused with the photos' reasons, as by a prompt gate: nothing is generated
from the row's title in its place. Once a photo is mended, its tokens and so the slot's source are others. The same
holds where a stage is asked for and none is there: once one is approved, the slot is planned with it.
"""

from dataclasses import replace

from catalogs.ingest.rows import BatchRows
from catalogs.ingest.values.time_text import parse_time
from catalogs.keys import request_key
from catalogs.photos.kept_request import STAGE_MISSING, KeptRequest
from catalogs.planning.current_state import OutcomeIndex
from catalogs.planning.plan import Request
from catalogs.planning.request_builder import RequestBuilder
from catalogs.planning.resolved_photos import refusals, usable_photos
from catalogs.recipe.effective_recipe import EffectiveRecipe, photos_column
from catalogs.verdict import PASS, Verdict


def open_request_builder(
    rows: BatchRows, recipe: EffectiveRecipe, index: int, outcomes: OutcomeIndex
) -> RequestBuilder:
    """Return the builder of a batch's requests: of those that a model generates, or of those that keep a photo."""
    if recipe.kept is None:
        return RequestBuilder(rows, recipe, index, outcomes)
    return KeptRequestBuilder(rows, recipe, recipe.kept, outcomes)


class KeptRequestBuilder(RequestBuilder):
    """Builds the requests and slots of rows with photos for one view and variant. A view has one image."""

    def __init__(self, rows: BatchRows, recipe: EffectiveRecipe, kept: KeptRequest, outcomes: OutcomeIndex) -> None:
        super().__init__(rows, recipe, 0, outcomes)
        self._kept = kept
        self._tokens = rows.column(photos_column(recipe.view))

    def before_exponents(self) -> RequestBuilder | None:
        """Return None: no earlier version kept photos."""
        return None

    def build_request(self, position: int, _edited_prompt: str = "") -> Request:
        """Return the request of the row at `position`; a person's prompt has no effect on it."""
        recipe, tokens = self.effective_recipe, self._tokens[position]
        width, height = self.size_of(position)
        photos = usable_photos(tokens)
        # A refused request is never made; its tokens keep those of other reasons apart.
        kept = replace(self._kept, photos=photos or tuple(tokens.split())).text
        reasons = () if photos else refusals(tokens)
        if self._kept.lacks_stage:
            reasons = (*reasons, STAGE_MISSING)
        key = self._key(kept, width, height)
        first_attempt, allowed = self._attempts(key)
        return Request(
            key=key,
            prompt="",
            negative="",
            seed=None,
            width=width,
            height=height,
            steps=recipe.tier.steps,
            guidance=recipe.tier.guidance,
            model=recipe.model,
            finish_digest=recipe.finish_digest,
            first_attempt=first_attempt,
            attempts_allowed=allowed,
            category=self._slot_columns.category[position],
            verdict=Verdict("BLOCK", reasons) if reasons else PASS,
            priority=self._slot_columns.priority[position].lower() or "normal",
            deadline=parse_time(deadline) if (deadline := self._slot_columns.deadline[position]) else None,
            kept=kept,
        )

    def _key(self, kept: str, width: int, height: int) -> bytes:
        parameters = self.effective_recipe.request_key_parameters("", width, height)
        return bytes.fromhex(request_key({**parameters, "prompt": "", "kept": kept}))

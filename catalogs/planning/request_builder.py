"""Request builder: renders a row's prompt under an effective recipe, applies its overrides and computes its key.

Inputs: the rows of a batch, an effective recipe, an index. Outputs: a `Request` and a `Slot` for each requested row. A
first run builds millions, so what all rows of a batch have in common is computed once.

At guidance 0 the model never sees a negative prompt, so it is empty there and does not reach the key. Versions before
hashed it all the same: `build_former` gives the keys under which their images may be live, refused or withdrawn.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from catalogs.ingest.overrides import parse_whole_number
from catalogs.ingest.rows import BatchRows
from catalogs.ingest.values.time_text import parse_time
from catalogs.keys import RequestKeyHasher
from catalogs.planning.current_state import OutcomeIndex
from catalogs.planning.plan import Request, Slot
from catalogs.recipe.effective_recipe import EffectiveRecipe
from catalogs.recipe.schema import REQUEST_KEY_OVERRIDES
from catalogs.recipe.templates import PromptRenderError, TemplateRenderer, normalize_prompt
from catalogs.verdict import PASS


class _SlotColumns(NamedTuple):
    """Columns that a slot takes over unchanged."""

    sku: list[str]
    category: list[str]
    priority: list[str]
    created_at: list[str]
    deadline: list[str]


class RequestBuilder:
    """Builds the requests and slots of a batch's rows for one view, variant and index."""

    def __init__(self, rows: BatchRows, effective_recipe: EffectiveRecipe, index: int, outcomes: OutcomeIndex) -> None:
        self.effective_recipe = effective_recipe
        self.index = index
        self._rows = rows
        self._outcomes = outcomes
        self._slot_values = {
            "view": effective_recipe.view,
            "phrase": effective_recipe.phrase,
            "variant": effective_recipe.variant,
        }
        self._of_exponents: RequestBuilder | None = None
        self._cached_keys: tuple[tuple[object, ...], RequestKeyHasher] | None = None

    @cached_property
    def _override_columns(self) -> list[tuple[str, list[str]]]:
        return [(name, self._rows.column(name)) for name in REQUEST_KEY_OVERRIDES]

    @cached_property
    def _size_columns(self) -> tuple[list[str], list[str]]:
        return self._rows.column("width"), self._rows.column("height")

    @cached_property
    def _template_columns(self) -> list[tuple[str, list[str]]]:
        return [(name, self._rows.column(name)) for name in self.effective_recipe.fields]

    @cached_property
    def _slot_columns(self) -> _SlotColumns:
        return _SlotColumns(*map(self._rows.column, _SlotColumns._fields))

    def before_exponents(self) -> "RequestBuilder | None":
        """Return the builder of the same rows with their numbers as exponents; None where they read the same."""
        rows = self._rows.as_exponents(self.effective_recipe.fields)
        if rows is None:
            return None
        if self._of_exponents is None:
            self._of_exponents = RequestBuilder(rows, self.effective_recipe, self.index, self._outcomes)
        return self._of_exponents

    def size_of(self, position: int) -> tuple[int, int]:
        """Return width and height of the image of the row at `position`: its own, else those of its tier."""
        tier, (widths, heights) = self.effective_recipe.tier, self._size_columns
        return parse_whole_number(widths[position]) or tier.width, parse_whole_number(heights[position]) or tier.height

    def build_request(self, position: int, edited_prompt: str = "") -> Request:
        """Return the request of the row at `position`, or with a person's prompt. Raises `PromptRenderError`."""
        recipe, tier = self.effective_recipe, self.effective_recipe.tier
        overrides = {name: text for name, column in self._override_columns if (text := column[position])}
        values = {name: column[position] for name, column in self._template_columns}
        values.update(self._slot_values)
        own_prompt = normalize_prompt(edited_prompt or overrides.get("prompt", ""))
        prompt = own_prompt or recipe.template.render(values)
        if not prompt:
            raise PromptRenderError("it is empty")
        negative = ""
        if tier.guidance > 0:
            negative = normalize_prompt(overrides.get("negative_prompt", "")) or recipe.negative.render(values)
        width, height = self.size_of(position)
        seed = parse_whole_number(overrides.get("seed", ""))
        key = self._request_keys(negative, width, height, seed).key_for(prompt)
        first_attempt, allowed = self._attempts(key)
        return Request(
            key=key,
            prompt=prompt,
            negative=negative,
            seed=seed,
            width=width,
            height=height,
            steps=tier.steps,
            guidance=tier.guidance,
            model=recipe.model,
            finish_digest=recipe.finish_digest,
            first_attempt=first_attempt,
            attempts_allowed=allowed,
            category=self._slot_columns.category[position],
            verdict=PASS,
            priority=self._slot_columns.priority[position].lower() or "normal",
            deadline=parse_time(deadline) if (deadline := self._slot_columns.deadline[position]) else None,
        )

    def key_of(self, request: Request) -> bytes:
        """Return the key that a request has under the model version of this builder's recipe."""
        return self._request_keys(request.negative, request.width, request.height, request.seed).key_for(request.prompt)

    def build_former(
        self, position: int, request: Request, templates: Callable[[], Iterable[TemplateRenderer]]
    ) -> Iterator[Request]:
        """Yield a request as older versions keyed it, with a negative prompt at guidance 0; they kept no photo.

        The row's own is tried, or the recipe's, and then those of `templates`, which an older recipe had.
        """
        if self.effective_recipe.tier.guidance > 0 or request.kept is not None:
            return
        tried = {""}
        for negative in self._former_negatives(position, templates):
            if negative not in tried:
                tried.add(negative)
                key = self._request_keys(negative, request.width, request.height, request.seed).key_for(request.prompt)
                first_attempt, allowed = self._attempts(key)
                yield replace(request, key=key, first_attempt=first_attempt, attempts_allowed=allowed)

    def _former_negatives(
        self, position: int, read_templates: Callable[[], Iterable[TemplateRenderer]]
    ) -> Iterator[str]:
        with suppress(PromptRenderError):  # no version could have made anything of it
            yield normalize_prompt(dict(self._override_columns)["negative_prompt"][position])
        for templates in (lambda: [self.effective_recipe.negative], read_templates):
            for template in templates():
                fields = template.fields - self._slot_values.keys()
                values = {name: self._rows.column(name)[position] for name in fields}
                with suppress(PromptRenderError):
                    yield template.render(values | self._slot_values)

    def _attempts(self, key: bytes) -> tuple[int, int]:
        """Return a request's first attempt of this run, and how many it may spend."""
        failed, own_fault = self._outcomes.attempts_failed(key) if len(self._outcomes) else (0, 0)
        allowed = self.effective_recipe.tier.attempts + own_fault
        return min(failed, allowed - 1), allowed

    def build_slot(
        self,
        position: int,
        slot_id: bytes,
        source_digest: bytes,
        kind: str,
        request_key: bytes,
        live_file_sha: bytes | None,
    ) -> Slot:
        """Return the slot of the row at `position`: the plan's findings and the row's own columns."""
        recipe, columns = self.effective_recipe, self._slot_columns
        created_at, deadline = columns.created_at[position], columns.deadline[position]
        return Slot(
            slot_id=slot_id,
            sku=columns.sku[position],
            category=columns.category[position],
            view=recipe.view,
            variant=recipe.variant,
            index=self.index,
            kind=kind,
            request_key=request_key,
            source_digest=source_digest,
            finish_digest=recipe.finish_digest,
            attempts_allowed=recipe.tier.attempts,
            live_file_sha=live_file_sha,
            priority=columns.priority[position].lower() or "normal",
            created_at=parse_time(created_at) if created_at else None,
            deadline=parse_time(deadline) if deadline else None,
        )

    def _request_keys(self, negative: str, width: int, height: int, seed: int | None) -> RequestKeyHasher:
        key = (negative, width, height, seed)
        # Rows without overrides, which are nearly all, have the same parameters.
        if self._cached_keys is None or self._cached_keys[0] != key:
            parameters = self.effective_recipe.request_key_parameters(negative, width, height)
            if seed is not None:
                parameters["seed"] = seed
            if self.index:
                parameters["index"] = self.index
            self._cached_keys = (key, RequestKeyHasher(parameters))
        return self._cached_keys[1]

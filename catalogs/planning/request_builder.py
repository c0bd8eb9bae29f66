"""A row under a slice becomes a request and a slot: the prompt is rendered, overrides are followed, the key is taken.

Comes in: the rows of a batch, a slice, an index. Goes out: a `Request` and a `Slot` for each row that is asked for. A
first night makes millions, so what all rows of a batch have in common is worked out once.
"""

from functools import cached_property
from typing import NamedTuple

from catalogs.ingest.overrides import parse_time, whole_number
from catalogs.ingest.rows import Rows
from catalogs.keys import RequestKeys
from catalogs.planning.current_state import Refused
from catalogs.planning.plan import Request, Slot
from catalogs.recipe.effective_recipe import Slice
from catalogs.recipe.schema import REACHING
from catalogs.recipe.templates import PromptFault, one_prompt
from catalogs.verdict import PASS


class _Told(NamedTuple):
    """Columns that travel with a slot as they are."""

    sku: list[str]
    category: list[str]
    priority: list[str]
    created_at: list[str]
    deadline: list[str]


class Drafts:
    """The requests and slots of a batch's rows for one view, variant and index."""

    def __init__(self, rows: Rows, part: Slice, index: int, refused: Refused) -> None:
        self.part = part
        self.index = index
        self._rows = rows
        self._refused = refused
        self._slot = {"view": part.view, "phrase": part.phrase, "variant": part.variant}
        self._keyed: tuple[tuple[object, ...], RequestKeys] | None = None

    @cached_property
    def _own(self) -> list[tuple[str, list[str]]]:
        return [(name, self._rows.column(name)) for name in REACHING]

    @cached_property
    def _fields(self) -> list[tuple[str, list[str]]]:
        return [(name, self._rows.column(name)) for name in self.part.fields]

    @cached_property
    def _told(self) -> _Told:
        return _Told(*map(self._rows.column, _Told._fields))

    def request(self, position: int) -> Request:
        """Return the request of the row at `position`. Raises `PromptFault`."""
        part, tier = self.part, self.part.tier
        own = {name: text for name, column in self._own if (text := column[position])}
        values = {name: column[position] for name, column in self._fields}
        values.update(self._slot)
        prompt = one_prompt(own.get("prompt", "")) or part.template.render(values)
        if not prompt:
            raise PromptFault("it is empty")
        negative = one_prompt(own.get("negative_prompt", "")) or part.negative.render(values)
        width = whole_number(own.get("width", "")) or tier.width
        height = whole_number(own.get("height", "")) or tier.height
        seed = whole_number(own.get("seed", ""))
        key = self._keys(negative, width, height, seed).of(prompt)
        return Request(
            key=key,
            prompt=prompt,
            negative=negative,
            seed=seed,
            width=width,
            height=height,
            steps=tier.steps,
            guidance=tier.guidance,
            model=part.model,
            finish_digest=part.finish_digest,
            first_attempt=min(self._refused.attempts_failed(key), tier.attempts - 1) if len(self._refused) else 0,
            attempts_allowed=tier.attempts,
            category=self._told.category[position],
            verdict=PASS,
            priority=self._told.priority[position].lower() or "normal",
            deadline=parse_time(deadline) if (deadline := self._told.deadline[position]) else None,
        )

    def slot(
        self, position: int, slot_id: bytes, source: bytes, kind: str, key: bytes, live_file_sha: bytes | None
    ) -> Slot:
        """Return the slot of the row at `position`: what the plan found out about it, and what its row says."""
        part, told = self.part, self._told
        created_at, deadline = told.created_at[position], told.deadline[position]
        return Slot(
            slot_id=slot_id,
            sku=told.sku[position],
            category=told.category[position],
            view=part.view,
            variant=part.variant,
            index=self.index,
            kind=kind,
            request_key=key,
            source_digest=source,
            finish_digest=part.finish_digest,
            attempts_allowed=part.tier.attempts,
            live_file_sha=live_file_sha,
            priority=told.priority[position].lower() or "normal",
            created_at=parse_time(created_at) if created_at else None,
            deadline=parse_time(deadline) if deadline else None,
        )

    def _keys(self, negative: str, width: int, height: int, seed: int | None) -> RequestKeys:
        asked = (negative, width, height, seed)
        if self._keyed is None or self._keyed[0] != asked:  # rows without overrides, nearly all, ask for the same
            parameters = self.part.parameters(negative, width, height)
            if seed is not None:
                parameters["seed"] = seed
            if self.index:
                parameters["index"] = self.index
            self._keyed = (asked, RequestKeys(parameters))
        return self._keyed[1]

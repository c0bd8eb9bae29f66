"""The drift of a simulated shop: SKUs come, change, go and come back; templates are edited.

Inputs: a shop, the naive model beside it, random numbers. Outputs: both changed alike.
"""

from collections import deque
from dataclasses import dataclass, field
from random import Random

from .naive_model import NaiveShop
from .shop_facts import Row
from .simulated_shop import CATEGORIES, SimulatedShop

KINDS = {"good": 10, "middling": 6, "doubtful": 3, "bad": 2, "second": 2, "copycat": 2, "twin": 3}
"""First word of a title -> how often it occurs."""
NOUNS = ("mug", "bowl", "lamp", "chair", "basket", "kettle")
FEWEST, MOST = 8, 18
EDITED_AGAIN = 0.4
"""How often a SKU that goes or changes is one of the three that were edited last."""
ONE_VIEW = ("copycat", "twin")
"""Kinds whose views would resemble one another."""


@dataclass
class Drift:
    """Changes the catalogue a little at a time."""

    shop: SimulatedShop
    model: NaiveShop
    dice: Random
    _gone: dict[str, Row] = field(default_factory=dict)
    _made: int = 0
    _recent: deque[str] = field(default_factory=lambda: deque(maxlen=3))

    def open_shop(self, skus: int) -> None:
        """Fill the catalogue."""
        for _ in range(skus):
            self._add()

    def happen(self) -> str:
        """Let one thing happen; return what."""
        rows = self.shop.rows
        kinds = ["change", "views", "template"]
        kinds += ["add", "back"] * (len(rows) < MOST) + ["remove"] * (len(rows) > FEWEST)
        kind = self.dice.choices(kinds, [6 if each in ("change", "add", "remove") else 2 for each in kinds])[0]
        return {
            "add": self._add,
            "remove": self._remove,
            "back": self._bring_back,
            "change": self._retitle,
            "views": self._change_views,
            "template": self._edit_template,
        }[kind]()

    def _add(self) -> str:
        self._made += 1
        title = self._title()
        return self._put(Row(f"sku-{self._made}", title, self.dice.choice(CATEGORIES), self._views(title)))

    def _retitle(self) -> str:
        row, title = self._any(), self._title()
        return self._put(Row(row.sku, title, row.category, self._views(title)))

    def _change_views(self) -> str:
        row = self._any()
        return self._put(Row(row.sku, row.title, row.category, self._views(row.title)))

    def _remove(self) -> str:
        row = self._any()
        self._gone[row.sku] = self.shop.rows.pop(row.sku)
        self.model.remove(row.sku)
        return f"{row.sku} goes"

    def _bring_back(self) -> str:
        if not self._gone:
            return self._add()
        return self._put(self._gone.pop(self.dice.choice(sorted(self._gone))))

    def _edit_template(self) -> str:
        category = self.dice.choice(CATEGORIES)
        now = self.shop.templates.get(category, 0)
        version = self.dice.randint(0, now) if self.dice.random() < 0.3 else now + 1
        self.shop.templates[category] = version
        self.model.edit_template(category, version)
        return f"template {category} becomes {version}"

    def _put(self, row: Row) -> str:
        self.shop.rows[row.sku] = row
        self.shop.all_skus.add(row.sku)
        self._recent.append(row.sku)
        self.model.put(row)
        return f"{row.sku} is {row.title!r} in {row.category}, {' and '.join(row.views)}"

    def _any(self) -> Row:
        """Choose a SKU; often one that was edited just now, since a run may be at work on it."""
        recent = [sku for sku in self._recent if sku in self.shop.rows]
        if recent and self.dice.random() < EDITED_AGAIN:
            return self.shop.rows[self.dice.choice(recent)]
        return self.shop.rows[self.dice.choice(sorted(self.shop.rows))]

    def _title(self) -> str:
        kind = self.dice.choices(list(KINDS), list(KINDS.values()))[0]
        if kind == "copycat":
            return f"copycat [copycat] {self.dice.choice(NOUNS)} {self.dice.randint(1, 6)}"
        if kind == "twin":
            return f"twin {self.dice.choice('abc')} {self.dice.choice(NOUNS)} {self.dice.randint(1, 6)}"
        return f"{kind} {self.dice.choice(NOUNS)} {self.dice.randint(1, 9)}"

    def _views(self, title: str) -> tuple[str, ...]:
        if title.split()[0] in ONE_VIEW or self.dice.random() < 0.7:
            return ("front",)
        return ("front", "side")

"""Brand learning: which brands the rows of a catalogue name as their own goods'.

Inputs: a policy, a recipe, what is known already, and accepted rows, batch by batch. Outputs: the brands that enough
titles name. A row names the brand of its brand column, or, where it has none, those of the texts that its prompt is
made of. Only rows that may name a brand which is not known yet are looked at one by one: its first word and its second
stand in them. First words alone are often colours, such as those of Red Bull or Black+Decker.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.policy.brands.shop_brands import NO_SHOP_BRANDS, ShopBrands, SoldBrandCounter
from catalogs.policy.schema import Policy
from catalogs.recipe.schema import RESERVED_FIELDS, Recipe
from catalogs.recipe.templates import compile_template
from infra.scanners.text_normalization import WORD, fold
from tasks.gates.prompt_gate import PolicyPromptGate

_NOT_READ = frozenset({"sku", "brand", *RESERVED_FIELDS})
_PUNCTUATION = "()[]{}<>,.;:!?'\"/|*+-"


class BrandLearner:
    """Learns which brands a shop sells from accepted rows. Memory: a few hashes a brand."""

    def __init__(self, policy: Policy, recipe: Recipe, known: ShopBrands = NO_SHOP_BRANDS) -> None:
        """Look for brands of the policy that are neither sold nor refused already."""
        self._gate = PolicyPromptGate(policy, recipe.languages)
        self._names = self._gate.brand_names
        self._open = policy.brands.known_brands - known.names - known.refused
        self._counter = SoldBrandCounter()
        self._fields = prompt_fields(recipe)
        self._first_words = self._list_first_words()

    @property
    def learned(self) -> list[str]:
        """Return the brands that enough titles name and that were not known before, sorted."""
        return self._counter.sold

    def add(self, rows: pa.Table) -> None:
        """Learn from one batch of accepted rows."""
        fields = [name for name in self._fields if name in rows.column_names]
        if not rows.num_rows or not self._open:
            return
        empty = pa.chunked_array([pa.array([""] * rows.num_rows, pa.string())])
        texts = pc.binary_join_element_wise(*(rows[name] for name in fields), "\n") if fields else empty
        owners = rows["brand"] if "brand" in rows.column_names else empty
        titles = rows["title"] if "title" in rows.column_names else texts
        candidates = self._find_candidates(pc.binary_join_element_wise(owners, texts, "\n"))
        columns = (column.take(candidates).to_pylist() for column in (titles, texts, owners))
        for title, text, owner in zip(*columns, strict=True):
            self._counter.add(title, self._gate.sold_brands(text, owner) & self._open)
        if not self._open.isdisjoint(self._counter.sold):
            self._open -= frozenset(self._counter.sold)
            self._first_words = self._list_first_words()

    def _find_candidates(self, texts: pa.ChunkedArray) -> pa.Array:
        """Return the positions of the texts that hold the first word of an open brand's name."""
        lowered = pc.utf8_lower(texts).combine_chunks()
        words = pc.ascii_split_whitespace(lowered)
        bare = pc.ascii_trim(words.flatten(), characters=_PUNCTUATION)
        found = pc.is_in(bare, value_set=pa.array(self._first_words, pa.string()))
        rows = pc.list_parent_indices(words).filter(found)
        begun = zip(rows.to_pylist(), bare.filter(found).to_pylist(), lowered.take(rows).to_pylist(), strict=True)
        named = {row: None for row, word, text in begun if any(map(text.__contains__, self._first_words[word]))}
        return pa.array(named, pa.int64())

    def _list_first_words(self) -> dict[str, set[str]]:
        """Return how the names of open brands may begin in a text, in lower case, and what must stand there too."""
        names = {name.lower() for brand in self._open for name in (brand, *self._names.get(brand, ()))}
        first_words: dict[str, set[str]] = {}
        for name in names | set(map(fold, names)):
            for spelling, second in _spellings(name):
                first_words.setdefault(spelling, set()).add(second)
        return first_words


def prompt_fields(recipe: Recipe) -> tuple[str, ...]:
    """Return the columns that any template of a recipe reads, without SKU and brand, and the title."""
    texts = [
        rules.template
        for rules in (recipe.defaults, *recipe.categories.values(), *recipe.variants.values())
        if rules.template is not None
    ]
    read = {name for text in texts for name in compile_template(text, recipe.template_fields, "template").fields}
    return tuple(sorted((read | {"title", "prompt"}) & recipe.columns.keys() - _NOT_READ))


def _spellings(name: str) -> Iterator[tuple[str, str]]:
    """Yield the first words of a name as it is spelled, without what joins its parts, and joined; each with its second.

    The second is the empty text, which every text holds, where the first word is the whole name.
    """
    words = WORD.findall(name)
    if words:
        second = words[1] if len(words) > 1 else ""
        yield from ((name.split()[0].strip(_PUNCTUATION), second), (words[0], second))
        yield from (("-".join(words), ""), ("".join(words), ""))

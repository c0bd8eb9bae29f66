"""Brand learning: which brands the rows of a catalogue name as their own goods'.

Inputs: a policy, a recipe, what is known already, and accepted rows, batch by batch. Outputs: the brands that enough
titles name. A row names the brand of its brand column, or, where it has none, those of the texts that its prompt is
made of. Only rows that may name a brand which is not known yet are looked at one by one: their column names it, or the
first word of a name and its second stand in their texts. First words alone are often colours, such as that of Red Bull.
Invariant: a row that is not looked at names no such brand (`PolicyPromptGate.sold_brands`).
"""

import pyarrow as pa
import pyarrow.compute as pc

from catalogs.policy.brands.shop_brands import NO_SHOP_BRANDS, ShopBrands, SoldBrandCounter
from catalogs.policy.schema import Policy
from catalogs.recipe.schema import RESERVED_FIELDS, Recipe
from catalogs.recipe.templates import compile_template
from infra.scanners.text_normalization import WORD, fold
from tasks.gates.prompt_gate import PolicyPromptGate

_NOT_READ = frozenset({"sku", "brand", *RESERVED_FIELDS})
_BETWEEN_WORDS = "[^a-z0-9ß-öø-ſ]+"
_NOT_LATIN = r"[^\t\n -~®©°·ß-öø-ſÀ-ÖØ-Þ–—‘’“”„…™€×]"
"""Characters beyond the letters and signs of which `space_words` knows all that `WORD` and `fold` do."""


class BrandLearner:
    """Learns which brands a shop sells from accepted rows. Memory: a few hashes a brand."""

    def __init__(self, policy: Policy, recipe: Recipe, known: ShopBrands = NO_SHOP_BRANDS) -> None:
        """Look for brands of the policy that are neither sold nor refused already."""
        self._gate = PolicyPromptGate(policy, recipe.languages)
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
        candidates = self.find_candidates(owners, texts)
        columns = (column.take(candidates).to_pylist() for column in (titles, texts, owners))
        for title, text, owner in zip(*columns, strict=True):
            self._counter.add(title, self._gate.sold_brands(text, owner) & self._open)
        if not self._open.isdisjoint(self._counter.sold):
            self._open -= frozenset(self._counter.sold)
            self._first_words = self._list_first_words()

    def find_candidates(self, owners: pa.ChunkedArray, texts: pa.ChunkedArray) -> pa.Array:
        """Return the positions of the rows whose column names an open brand, or has none and their texts may."""
        encoded = owners.combine_chunks().dictionary_encode()
        named = [self._gate.column_brands(owner) for owner in encoded.dictionary.to_pylist()]
        is_open = pa.array([brands is not None and not self._open.isdisjoint(brands) for brands in named], pa.bool_())
        is_unnamed = pa.array([brands is None for brands in named], pa.bool_())
        unnamed = pc.indices_nonzero(is_unnamed.take(encoded.indices))
        by_text = unnamed.take(self._find_texts(texts.take(unnamed).combine_chunks()))
        return pa.concat_arrays([pc.indices_nonzero(is_open.take(encoded.indices)), by_text])

    def _find_texts(self, texts: pa.Array) -> pa.Array:
        """Return the positions of the texts that hold the first word of an open brand's name and its second."""
        spaced = space_words(texts)
        words = pc.ascii_split_whitespace(spaced)
        found = pc.is_in(words.flatten(), value_set=pa.array(self._first_words, pa.string()))
        rows = pc.list_parent_indices(words).filter(found)
        columns = (rows, words.flatten().filter(found), spaced.take(rows))
        begun = zip(*(column.to_pylist() for column in columns), strict=True)
        named = {row: None for row, word, text in begun if any(map(text.__contains__, self._first_words[word]))}
        return pa.array(named, pa.int64())

    def _list_first_words(self) -> dict[str, set[str]]:
        """Return how the names of open brands begin in a text, folded, and the word that must stand there too.

        It is the empty text, which every text holds, where the first word is the whole name.
        """
        first_words: dict[str, set[str]] = {}
        for brand in self._open:
            for name in self._gate.text_names(brand):
                for words in (WORD.findall(fold(name)), WORD.findall(fold(f"{name}s"))):
                    if words:
                        first_words.setdefault(words[0], set()).add(words[1] if len(words) > 1 else "")
        return first_words


def space_words(texts: pa.Array) -> pa.Array:
    """Return the words of each text as `BrandContext` reads them, a space between two: cut, and then folded.

    Letter by letter only where a text has others than those of Latin: that takes ten times as long.
    """
    lowered = pc.replace_substring_regex(pc.utf8_lower(texts), pattern=_BETWEEN_WORDS, replacement=" ")
    bare = pc.replace_substring_regex(pc.utf8_normalize(lowered, "NFKD"), pattern=r"\p{Mn}", replacement="")
    latin = pc.replace_substring(bare, pattern="ß", replacement="ss")
    is_other = pc.match_substring_regex(texts, _NOT_LATIN)
    others = [fold(" ".join(WORD.findall(text))) for text in texts.filter(is_other).to_pylist()]
    return pc.replace_with_mask(latin, is_other, pa.array(others, pa.string()))


def prompt_fields(recipe: Recipe) -> tuple[str, ...]:
    """Return the columns that any template of a recipe reads, without SKU and brand, and the title."""
    texts = [
        rules.template
        for rules in (recipe.defaults, *recipe.categories.values(), *recipe.variants.values())
        if rules.template is not None
    ]
    read = {name for text in texts for name in compile_template(text, recipe.template_fields, "template").fields}
    return tuple(sorted((read | {"title", "prompt"}) & recipe.columns.keys() - _NOT_READ))

"""Synthetic catalogues of any size, with a known number of changed, dropped and added rows.

Inputs: the number of SKUs, a seed, and how many rows changed, were dropped or added since the previous run. Outputs:
record batches, equal for equal numbers whatever the batch size.
Every word is drawn from the row's own number and the seed, so a row needs no other row, and a million take seconds.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

SYNTHETIC_SCHEMA = pa.schema(
    [
        ("sku", pa.string()),
        ("title", pa.string()),
        ("category", pa.string()),
        ("color", pa.string()),
        ("material", pa.string()),
        ("description", pa.string()),
        ("brand", pa.string()),
        ("price", pa.float64()),
        ("created_at", pa.timestamp("us", tz="UTC")),
        ("variant_group", pa.string()),
    ]
)

FIRST_DAY = np.datetime64("2024-01-01T00:00:00", "us")
CREATED_DAYS = 1000
SPLITMIX64_CONSTANTS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
"""The constants of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014)."""

PRODUCT_TYPES = {
    "mugs": ("Mug", "Espresso Cup", "Tea Bowl", "Travel Mug"),
    "bottles": ("Water Bottle", "Carafe", "Thermos Flask", "Oil Bottle"),
    "shirts": ("Oxford Shirt", "T-Shirt", "Polo Shirt", "Overshirt"),
    "trousers": ("Chinos", "Joggers", "Cargo Trousers", "Shorts"),
    "jackets": ("Rain Jacket", "Bomber Jacket", "Blazer", "Puffer Vest"),
    "dresses": ("Wrap Dress", "Shift Dress", "Pinafore", "Maxi Dress"),
    "knitwear": ("Cardigan", "Crew-Neck Sweater", "Turtleneck", "Poncho"),
    "shoes": ("Sneaker", "Loafer", "Sandal", "Derby Shoe"),
    "boots": ("Chelsea Boot", "Rain Boot", "Hiking Boot", "Desert Boot"),
    "bags": ("Tote Bag", "Backpack", "Weekender", "Crossbody Bag"),
    "wallets": ("Bifold Wallet", "Card Holder", "Coin Purse", "Passport Sleeve"),
    "belts": ("Dress Belt", "Braided Belt", "Web Belt", "Reversible Belt"),
    "hats": ("Beanie", "Bucket Hat", "Sun Hat", "Flat Cap"),
    "scarves": ("Scarf", "Snood", "Bandana", "Shawl"),
    "watches": ("Field Watch", "Dive Watch", "Dress Watch", "Chronograph"),
    "rings": ("Signet Ring", "Stacking Ring", "Band Ring", "Cocktail Ring"),
    "necklaces": ("Pendant Necklace", "Chain Necklace", "Choker", "Locket"),
    "earrings": ("Hoop Earrings", "Stud Earrings", "Drop Earrings", "Ear Cuffs"),
    "cushions": ("Cushion", "Floor Cushion", "Bolster", "Seat Pad"),
    "blankets": ("Throw", "Bedspread", "Picnic Blanket", "Quilt"),
    "towels": ("Bath Towel", "Hand Towel", "Beach Towel", "Tea Towel"),
    "lamps": ("Table Lamp", "Floor Lamp", "Pendant Lamp", "Reading Lamp"),
    "chairs": ("Armchair", "Dining Chair", "Stool", "Rocking Chair"),
    "tables": ("Side Table", "Coffee Table", "Desk", "Console Table"),
    "shelves": ("Wall Shelf", "Bookcase", "Shoe Rack", "Plate Rack"),
    "boxes": ("Storage Box", "Bread Box", "Jewellery Box", "Letter Tray"),
    "vases": ("Bud Vase", "Floor Vase", "Jug", "Plant Pot"),
    "cookware": ("Saucepan", "Skillet", "Casserole", "Milk Pan"),
    "cutlery": ("Chef's Knife", "Dinner Fork", "Soup Spoon", "Bread Knife"),
    "glasses": ("Tumbler", "Wine Glass", "Highball Glass", "Champagne Flute"),
    "clocks": ("Wall Clock", "Alarm Clock", "Mantel Clock", "Kitchen Timer"),
    "toys": ("Building Blocks", "Pull-Along Train", "Spinning Top", "Stacking Rings"),
    "balls": ("Football", "Basketball", "Yoga Ball", "Beach Ball"),
    "notebooks": ("Notebook", "Sketchbook", "Weekly Planner", "Address Book"),
    "candles": ("Pillar Candle", "Taper Candle", "Tea Light Set", "Scented Candle"),
    "umbrellas": ("Umbrella", "Folding Umbrella", "Parasol", "Walking-Stick Umbrella"),
}
STYLES = (
    "Classic", "Modern", "Rustic", "Slim", "Oversized", "Compact", "Vintage", "Minimal", "Everyday", "Heritage",
    "Nordic", "Coastal", "Artisan", "Lightweight", "Sturdy", "Foldable", "Ribbed", "Textured", "Scalloped", "Tapered",
)  # fmt: skip
MATERIALS = (
    "cotton", "linen", "merino wool", "leather", "suede", "canvas", "stoneware", "porcelain", "glass", "brass", "steel",
    "oak", "walnut", "bamboo", "rattan", "felt", "silicone", "recycled nylon", "velvet", "marble",
)  # fmt: skip
COLORS = (
    "white", "black", "charcoal", "oatmeal", "sand", "rust", "terracotta", "mustard", "olive", "sage", "emerald",
    "teal", "sky blue", "navy", "indigo", "lilac", "plum", "blush", "coral", "crimson",
)  # fmt: skip
BRANDS = ("Alder & Finch", "Brightwater", "Corvane", "Dunmore", "Elmsworth", "Fieldnote", "Galloway", "Hearthline")
DETAILS = (
    "Made in small batches.", "Finished by hand.", "Designed to last for years.", "Easy to clean.",
    "A gift that is used.", "Packed without plastic.", "Tested every day in our own kitchen.",
    "Made from leftover stock.",
)  # fmt: skip
CHANGED_TITLE_WORDS = ("Renewed", "Improved", "Second Edition", "Reworked")

VARIANT_GROUP_SIZE = 4
"""Adjacent rows that are variants of one product (sizes): same group, same words except for the SKU."""


def synthetic_batches(
    skus: int,
    seed: int = 0,
    *,
    changed: int = 0,
    dropped: int = 0,
    added: int = 0,
    share: float = 0.0,
    batch_rows: int = 65_536,
) -> Iterator[pa.RecordBatch]:
    """Yield a catalogue of `skus - dropped + added` rows, of which `changed` have a new title.

    The seed chooses the rows that change or are dropped; added rows come at the end. A `share` of the products come as
    `VARIANT_GROUP_SIZE` variants with equal words, and so equal prompts; all other titles are unique.
    Raises `ValueError` where more rows are changed and dropped than there are.
    """
    if changed + dropped > skus:
        raise ValueError(f"{changed} changed and {dropped} dropped are more than the {skus} SKUs there are.")
    # The rows with the smallest draws: a stable choice, and exactly the requested number.
    order = (
        np.argsort(_random_bits(np.arange(skus, dtype=np.uint64), seed, 0), kind="stable")
        if changed + dropped
        else None
    )
    state = np.zeros(skus + added, np.uint8)
    if order is not None:
        state[order[:changed]] = 1
        state[order[changed : changed + dropped]] = 2
    numbers = np.flatnonzero(state != 2).astype(np.uint64)
    for start in range(0, len(numbers), batch_rows):
        part = numbers[start : start + batch_rows]
        yield _batch(part, state[part] == 1, seed, share)


def _batch(numbers: npt.NDArray[np.uint64], changed: npt.NDArray[np.bool_], seed: int, share: float) -> pa.RecordBatch:
    groups = numbers // np.uint64(VARIANT_GROUP_SIZE)
    shared = _random_bits(groups, seed, 1) < np.uint64(int(share * (2**64 - 1)))
    # Variants of a shared product are drawn by their group's first number, all others by their own.
    product = np.where(shared, groups * np.uint64(VARIANT_GROUP_SIZE), numbers)
    categories = list(PRODUCT_TYPES)
    category = _random_indices(product, seed, 2, len(categories))
    kind = category * 4 + _random_indices(product, seed, 3, 4)
    style, material, color, brand, detail, new_word = (
        _take(words, _random_indices(product, seed, salt, len(words)))
        for salt, words in enumerate((STYLES, MATERIALS, COLORS, BRANDS, DETAILS, CHANGED_TITLE_WORDS), start=4)
    )
    kinds = _take([name for names in PRODUCT_TYPES.values() for name in names], kind)
    model = pc.utf8_lpad(pc.cast(pa.array(product), pa.string()), 6, "0")
    plain = _joined(" ", style, kinds, "No.", model)
    title = pc.if_else(pa.array(changed), _joined(" ", plain, new_word), plain)
    description = _joined("", style, " ", pc.utf8_lower(kinds), " in ", color, " ", material, ". ", detail)
    cents = _random_indices(product, seed, 20, 40_000) + 499
    created = FIRST_DAY + _random_indices(product, seed, 21, CREATED_DAYS * 86_400).astype("timedelta64[s]")
    columns = [
        _joined("", "SKU-", pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), 7, "0")),
        title,
        _take(categories, category),
        color,
        material,
        description,
        brand,
        pa.array(cents / 100),
        pa.array(created.astype("datetime64[us]"), SYNTHETIC_SCHEMA.field("created_at").type),
        _joined("", "G-", pc.utf8_lpad(pc.cast(pa.array(groups), pa.string()), 7, "0")),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SYNTHETIC_SCHEMA)


def _joined(separator: str, *parts: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, separator)


def _take(words: Sequence[str], positions: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array(words).take(pa.array(positions))


def _random_indices(numbers: npt.NDArray[np.uint64], seed: int, salt: int, count: int) -> npt.NDArray[np.int64]:
    return (_random_bits(numbers, seed, salt) % np.uint64(count)).astype(np.int64)


def _random_bits(numbers: npt.NDArray[np.uint64], seed: int, salt: int) -> npt.NDArray[np.uint64]:
    """Return 64 pseudo-random bits for each number: SplitMix64's finalizer over number, seed and salt."""
    start = (seed * SPLITMIX64_CONSTANTS[1] + salt * SPLITMIX64_CONSTANTS[2]) % 2**64
    bits = numbers * np.uint64(SPLITMIX64_CONSTANTS[0]) + np.uint64(start)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(SPLITMIX64_CONSTANTS[1])
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(SPLITMIX64_CONSTANTS[2])
    return np.asarray(bits ^ (bits >> np.uint64(31)), np.uint64)

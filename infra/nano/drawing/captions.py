"""Captions of the training images, in the words that recipes and catalogues use.

Inputs: a `Subject` (product, view, look) and a random generator. Outputs: a caption.
Every caption names product, colour and view; pattern and material are named where they differ from plain. Titles carry
words that change nothing ("Camping", "350 ml"), and sentences of a description may follow, so that the model learns to
ignore them.
"""

from dataclasses import dataclass

import numpy as np

from infra.nano.drawing.products import PRODUCTS
from infra.nano.drawing.rendering import COLOURS, FINISHES, PATTERNS, Look
from infra.nano.drawing.studio import VIEWS

PRODUCT_NAMES = {
    "mug": ("mug", "mug", "coffee mug", "cup"),
    "bottle": ("bottle", "bottle", "water bottle", "flask"),
    "t-shirt": ("t-shirt", "T-shirt", "tee", "shirt"),
    "sneaker": ("sneaker", "sneaker", "trainer", "running shoe"),
    "chair": ("chair", "chair", "dining chair"),
    "lamp": ("lamp", "lamp", "table lamp", "desk lamp"),
    "backpack": ("backpack", "backpack", "rucksack", "school bag"),
    "watch": ("watch", "watch", "wristwatch"),
    "book": ("book", "book", "notebook", "hardcover book"),
    "pan": ("pan", "pan", "frying pan", "skillet"),
    "plant pot": ("plant pot", "plant pot", "flower pot", "planter"),
    "headphones": ("headphones", "headphones", "headset"),
    "sofa": ("sofa", "sofa", "couch"),
    "hat": ("hat", "hat", "sun hat"),
    "ring": ("ring", "ring", "gemstone ring"),
    "phone": ("phone", "phone", "smartphone", "mobile phone"),
}
"""Catalogue names of each product; the most common one is listed twice, so it is drawn twice as often."""

VIEW_PHRASES = {
    "front": ("front view", "seen from the front", "from the front"),
    "side": ("seen from the side", "side view", "from the side"),
    "three-quarter": ("three-quarter view", "seen at three quarters", "from an angle"),
    "top": ("seen from above", "top view", "from above"),
}

PATTERN_WORDS = {
    "plain": ("", "", "", "plain", "solid"),
    "striped": ("striped", "striped", "stripes"),
    "dotted": ("dotted", "polka dot", "spotted"),
    "checked": ("checked", "checkered", "chequered"),
}

FINISH_MATERIALS = {
    "matte": ("", "", "matte", "stoneware", "cotton", "canvas", "felt", "linen", "wood", "rubber", "suede", "recycled"),
    "glossy": ("glossy", "glossy", "porcelain", "enamel", "lacquered", "patent leather", "polished", "glazed", "steel"),
}

TITLE_FILLERS = (
    "Classic", "Tall", "Camping", "Studio", "Everyday", "Small", "Large", "Premium", "Travel", "Kids", "City",
    "Harbour", "Nordic", "Vintage", "Modern", "Soft", "Light", "Urban", "Summer", "Winter", "Original", "Pro",
    "Essential", "Garden",
)  # fmt: skip

DESCRIPTIONS = (
    "holds 350 ml", "made to last", "for every day", "a gift for friends", "size M", "hand made in small batches",
    "easy to clean", "with a two year warranty", "for home and office", "designed in the north", "limited edition",
    "comfortable all day", "new this season", "stands safely on the table", "packed without plastic",
)  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """The content of an image: one of `PRODUCTS` from one of `VIEWS`, in a look."""

    product: str
    view: str
    look: Look


def random_subject(generator: np.random.Generator) -> Subject:
    """Return a random subject: products, views and colours equally likely, more than half of them plain."""
    pattern = _choose(PATTERNS, generator) if generator.random() < 0.6 else "plain"
    look = Look(_choose(tuple(COLOURS), generator), pattern, _choose(FINISHES, generator))
    return Subject(_choose(tuple(PRODUCTS), generator), _choose(tuple(VIEWS), generator), look)


def recipe_caption(subject: Subject, generator: np.random.Generator) -> str:
    """Return a caption in the form of the built-in recipes: title, colour and material, view."""
    look = subject.look
    title = _join_words(
        _choose(PATTERN_WORDS[look.pattern], generator), _choose(PRODUCT_NAMES[subject.product], generator)
    )
    if generator.random() < 0.5:
        title = _join_words(_choose(TITLE_FILLERS, generator), title)
    if generator.random() < 0.2:
        title = _join_words(_invented_brand(generator), title)
    if generator.random() < 0.5:
        title = title.title()
    material = _choose(FINISH_MATERIALS[look.finish], generator)
    long_form = f"{look.colour}, made of {material}" if material and generator.random() < 0.4 else None
    surface = long_form or _join_words(look.colour, material)
    return f"Studio product photograph of {title}, {surface}, {_choose(VIEW_PHRASES[subject.view], generator)}"


def random_caption(subject: Subject, generator: np.random.Generator) -> str:
    """Return a caption in one of several forms, with none to six sentences of description."""
    form = generator.random()
    if form < 0.55:
        caption = recipe_caption(subject, generator)
        caption += _choose(("", ", on a pure white background", ", centred on a pure white background"), generator)
        caption += _choose(("", ", soft even light", ", soft even light, sharp focus"), generator)
    else:
        look = subject.look
        kind = _join_words(
            _choose(PATTERN_WORDS[look.pattern], generator), _choose(PRODUCT_NAMES[subject.product], generator)
        )
        surface = _join_words(_choose(FINISH_MATERIALS[look.finish], generator), look.colour)
        view = _choose(VIEW_PHRASES[subject.view], generator)
        caption = f"{surface} {kind}, {view}" if form < 0.8 else f"{view} of a {surface} {kind}, product photo on white"
    for _ in range(generator.choice((0, 0, 0, 0, 1, 2, 6))):
        caption += ", " + _choose(DESCRIPTIONS, generator)
    return caption


def _invented_brand(generator: np.random.Generator) -> str:
    """Return an unknown word, as brand names are: it costs many tokens and means nothing."""
    syllables = (_choose(tuple("bdfhklmnprstvwz"), generator) + _choose(tuple("aeiouy"), generator) for _ in range(3))
    return "".join(syllables).title()


def _choose(options: tuple[str, ...], generator: np.random.Generator) -> str:
    return options[int(generator.integers(len(options)))]


def _join_words(*words: str) -> str:
    return " ".join(word for word in words if word)

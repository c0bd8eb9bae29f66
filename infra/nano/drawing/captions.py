"""What is said of a picture: captions in the words that recipes and catalogues use.

Comes in: a `Subject` (product, view, look) and a random generator. Goes out: a caption. Every caption names product,
colour and view; pattern and material are named where they are worth naming. Titles carry words that change nothing
("Camping", "350 ml"), and sentences of a description may follow, so that the model learns what to look past.
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
"""What catalogues call each product; the usual word twice as often."""

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
    """What a picture shows: one of `PRODUCTS` from one of `VIEWS`, wearing a look."""

    product: str
    view: str
    look: Look


def random_subject(generator: np.random.Generator) -> Subject:
    """Return any subject, all equally likely, but half of them plain."""
    pattern = _choose(PATTERNS, generator) if generator.random() < 0.6 else "plain"
    look = Look(_choose(tuple(COLOURS), generator), pattern, _choose(FINISHES, generator))
    return Subject(_choose(tuple(PRODUCTS), generator), _choose(tuple(VIEWS), generator), look)


def recipe_caption(subject: Subject, generator: np.random.Generator) -> str:
    """Return the words of the built-in recipes: title, colour and material, view, ground, light."""
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
    made = f"{look.colour}, made of {material}" if material and generator.random() < 0.4 else None
    stuff = made or _join_words(look.colour, material)
    return f"Studio product photograph of {title}, {stuff}, {_choose(VIEW_PHRASES[subject.view], generator)}"


def random_caption(subject: Subject, generator: np.random.Generator) -> str:
    """Return one of the many ways to say what is seen."""
    way = generator.random()
    if way < 0.55:
        said = recipe_caption(subject, generator)
        said += _choose(("", ", on a pure white background", ", centred on a pure white background"), generator)
        said += _choose(("", ", soft even light", ", soft even light, sharp focus"), generator)
    else:
        look = subject.look
        kind = _join_words(
            _choose(PATTERN_WORDS[look.pattern], generator), _choose(PRODUCT_NAMES[subject.product], generator)
        )
        stuff = _join_words(_choose(FINISH_MATERIALS[look.finish], generator), look.colour)
        view = _choose(VIEW_PHRASES[subject.view], generator)
        said = f"{stuff} {kind}, {view}" if way < 0.8 else f"{view} of a {stuff} {kind}, product photo on white"
    for _ in range(generator.choice((0, 0, 0, 0, 1, 2, 6))):
        said += ", " + _choose(DESCRIPTIONS, generator)
    return said


def _invented_brand(generator: np.random.Generator) -> str:
    """Return a word that nobody has seen, as brands are: it costs many tokens and means nothing."""
    syllables = (_choose(tuple("bdfhklmnprstvwz"), generator) + _choose(tuple("aeiouy"), generator) for _ in range(3))
    return "".join(syllables).title()


def _choose(options: tuple[str, ...], generator: np.random.Generator) -> str:
    return options[int(generator.integers(len(options)))]


def _join_words(*words: str) -> str:
    return " ".join(word for word in words if word)

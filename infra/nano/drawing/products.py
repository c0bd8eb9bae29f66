"""The sixteen products that packshot-nano draws, by name.

Inputs: a product's name and a random generator. Outputs: its solids, proportioned anew at each call.
A product is about 2 units large and stands anywhere: the studio finds and frames it. The order of `PRODUCTS` is part of
every seed and of the classifier's output: append, never reorder.
"""

from collections.abc import Callable

import numpy as np

from infra.nano.drawing import household_products, personal_products
from infra.nano.drawing.product_solids import ProductSolid, RandomProportions

PRODUCTS: dict[str, Callable[[RandomProportions], list[ProductSolid]]] = {
    "mug": household_products.mug,
    "bottle": household_products.bottle,
    "t-shirt": personal_products.shirt,
    "sneaker": personal_products.sneaker,
    "chair": household_products.chair,
    "lamp": household_products.lamp,
    "backpack": personal_products.backpack,
    "watch": personal_products.watch,
    "book": household_products.book,
    "pan": household_products.pan,
    "plant pot": household_products.plant_pot,
    "headphones": personal_products.headphones,
    "sofa": household_products.sofa,
    "hat": personal_products.hat,
    "ring": personal_products.finger_ring,
    "phone": personal_products.phone,
}


def product_solids(product: str, generator: np.random.Generator) -> list[ProductSolid]:
    """Return the solids of one product; each call draws new proportions."""
    return PRODUCTS[product](RandomProportions(generator))

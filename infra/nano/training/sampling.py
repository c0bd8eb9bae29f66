"""What the model draws when it is asked in a recipe's words, by the engine that production uses.

Comes in: the model's folder, subjects. Goes out: pictures, and a sheet of them. Subjects are spread evenly over
products, views and colours; captions, looks and seeds come from a generator.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from infra.engines import open_engine
from infra.engines.spec import EngineSpec
from infra.errors import EngineError
from infra.interfaces import Frame, Prompt
from infra.nano.drawing.captions import Subject, random_subject, recipe_caption
from infra.nano.drawing.products import PRODUCTS
from infra.nano.drawing.rendering import COLOURS, ImageArray, Look
from infra.nano.drawing.studio import SIDE, VIEWS

STEPS = 8
PROMPT_ENDING = ", on a pure white background, soft even light"


@dataclass(frozen=True)
class GeneratedSample:
    """A subject, how the model was asked for it, and what it drew."""

    subject: Subject
    prompt: Prompt
    image: ImageArray


def spread_subjects(count: int, generator: np.random.Generator) -> list[Subject]:
    """Return subjects over which products, views and colours come as equally often as `count` allows."""
    subjects = []
    for place in range(count):
        product = list(PRODUCTS)[place % len(PRODUCTS)]
        view = list(VIEWS)[place // len(PRODUCTS) % len(VIEWS)]
        # After every 48 pictures a product has met three colours; the next 48 are turned on by one.
        colour = list(COLOURS)[(5 * place + place // 48) % len(COLOURS)]
        look = random_subject(generator).look
        subjects.append(Subject(product, view, Look(colour, look.pattern, look.finish)))
    return subjects


def prompt_for(subject: Subject, generator: np.random.Generator, key: str) -> Prompt:
    """Return the prompt that a recipe would make of a subject, with a seed of its own."""
    text = recipe_caption(subject, generator) + PROMPT_ENDING
    seed = int(generator.integers(2**31))
    return Prompt(key=key, text=text, negative="", seed=seed, width=SIDE, height=SIDE, steps=STEPS, guidance=0.0)


def generate_samples(
    model: Path, subjects: Sequence[Subject], generator: np.random.Generator
) -> Iterator[GeneratedSample]:
    """Draw every subject; raises `EngineError` for one that the engine could not paint."""
    asked = {
        str(place): (subject, prompt_for(subject, generator, str(place))) for place, subject in enumerate(subjects)
    }
    engine = open_engine(EngineSpec("torch", str(model)))
    try:
        for answer in engine.generate(prompt for _, prompt in asked.values()):
            if not isinstance(answer, Frame):
                raise EngineError(f"The model could not draw {asked[answer.key][1].text!r}: {answer.reason}")
            yield GeneratedSample(*asked[answer.key], answer.pixels)
    finally:
        engine.close()


def contact_sheet(images: Sequence[ImageArray], columns: int, side: int) -> ImageArray:
    """Return the pictures side by side, row by row, each reduced to `side`; the last row is filled up with white."""
    small = [cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA) for picture in images]
    small += [np.full_like(small[0], 255)] * (-len(small) % columns)
    rows = [np.hstack(small[start : start + columns]) for start in range(0, len(small), columns)]
    return np.asarray(np.vstack(rows), np.uint8)

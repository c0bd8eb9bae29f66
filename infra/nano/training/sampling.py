"""Sampling: images from the trained model for prompts of a recipe's form, through the engine that production uses.

Inputs: the model's folder, subjects. Outputs: images, and a contact sheet of them.
Subjects are spread evenly over products, views and colours; captions, looks and seeds come from a generator.
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
    """A subject, its prompt, and the generated image."""

    subject: Subject
    prompt: Prompt
    image: ImageArray


def spread_subjects(count: int, generator: np.random.Generator) -> list[Subject]:
    """Return subjects in which products, views and colours are as evenly spread as `count` allows."""
    subjects = []
    for number in range(count):
        product = list(PRODUCTS)[number % len(PRODUCTS)]
        view = list(VIEWS)[number // len(PRODUCTS) % len(VIEWS)]
        # In every 48 images a product has three colours; the next 48 are shifted by one.
        colour = list(COLOURS)[(5 * number + number // 48) % len(COLOURS)]
        look = random_subject(generator).look
        subjects.append(Subject(product, view, Look(colour, look.pattern, look.finish)))
    return subjects


def prompt_for(subject: Subject, generator: np.random.Generator, key: str) -> Prompt:
    """Return the prompt that a recipe would render for a subject, with a random seed."""
    text = recipe_caption(subject, generator) + PROMPT_ENDING
    seed = int(generator.integers(2**31))
    return Prompt(key=key, text=text, negative="", seed=seed, width=SIDE, height=SIDE, steps=STEPS, guidance=0.0)


def generate_samples(
    model: Path, subjects: Sequence[Subject], generator: np.random.Generator
) -> Iterator[GeneratedSample]:
    """Yield a sample of every subject; raise `EngineError` where the engine fails."""
    requests = {
        str(number): (subject, prompt_for(subject, generator, str(number))) for number, subject in enumerate(subjects)
    }
    engine = open_engine(EngineSpec("torch", str(model)))
    try:
        for answer in engine.generate(prompt for _, prompt in requests.values()):
            if not isinstance(answer, Frame):
                raise EngineError(f"The model failed on {requests[answer.key][1].text!r}: {answer.reason}")
            yield GeneratedSample(*requests[answer.key], answer.pixels)
    finally:
        engine.close()


def contact_sheet(images: Sequence[ImageArray], columns: int, side: int) -> ImageArray:
    """Return the images in rows, each reduced to `side` pixels; the last row is filled up with white."""
    small = [cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA) for image in images]
    small += [np.full_like(small[0], 255)] * (-len(small) % columns)
    rows = [np.hstack(small[start : start + columns]) for start in range(0, len(small), columns)]
    return np.asarray(np.vstack(rows), np.uint8)

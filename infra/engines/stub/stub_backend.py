"""The stub backend: deterministic product cards, for rehearsals and tests.

Inputs: prompts. Outputs: a product on white, determined by text, seed and size alone: a silhouette that the text names
(or its digest chooses), in inks that its first words choose, printed with a pattern that the seed chooses. It answers
at once, or as slowly as a GPU would.
Images of different seeds are as different to a duplicate gate as photographs of different things; they are sharp, lit,
and fill the frame as a marketplace asks. Around a kept region it draws a scene that text and seed choose, and leaves
the product's pixels as they are.

Words in a prompt's text order a defect, so that a rehearsal shows each gate at work:

    [blank]        always a plain white image
    [blurred]      always far out of focus
    [second-try]   blank when the seed is even: another attempt may pass
    [copycat]      the same image whatever the text and the seed
    [poison]       generating it raises
    [expanded]     a kept product continues beyond its outline
"""

import hashlib
import re
import time
from collections.abc import Hashable, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from infra.engines.backend import unfit_region_reason
from infra.engines.stub.scenes import draw_scene
from infra.engines.stub.silhouettes import PRODUCTS, draw_silhouette
from infra.interfaces import Failure, Frame, Pixels, Prompt

SIDE_RANGE = (16, 8192)
"""The smallest and the largest side of an image, in pixels."""

PATTERN_CELLS = 16
"""Cells of the pattern along each side: PDQ uses the first 16 cosines, so the seed decides each of its bits."""

SCENE_CHANCE = PATTERN_CELLS * PATTERN_CELLS
"""Pseudo-random bytes that a scene is drawn from: one for each cell of its wall."""

PALETTES = (
    ((27, 38, 79), (214, 92, 66), (244, 205, 150), (250, 240, 215)),
    ((24, 71, 56), (104, 150, 116), (240, 210, 120), (247, 238, 205)),
    ((70, 22, 70), (200, 78, 116), (248, 180, 150), (250, 226, 215)),
    ((20, 33, 61), (30, 125, 140), (140, 210, 205), (228, 243, 240)),
    ((62, 39, 35), (176, 84, 46), (232, 170, 80), (245, 230, 205)),
    ((40, 44, 52), (90, 116, 145), (250, 212, 90), (245, 240, 224)),
    ((94, 16, 36), (188, 60, 60), (245, 160, 140), (248, 230, 222)),
    ((45, 35, 110), (116, 88, 196), (200, 175, 235), (238, 232, 248)),
    ((56, 62, 24), (124, 136, 58), (200, 215, 110), (242, 245, 215)),
    ((25, 56, 110), (74, 142, 206), (170, 210, 240), (230, 240, 247)),
    ((15, 66, 60), (196, 84, 108), (245, 175, 175), (248, 232, 228)),
    ((30, 30, 34), (196, 46, 42), (202, 196, 190), (244, 240, 234)),
)
"""RGB inks of the prints, dark to light; the lightest stays clear of white, which is the ground's."""

INK_BOUNDARIES = (76, 128, 180)
"""Borders between the inks on the pattern's scale of 0 to 255; the darkest and the palest ink cover the most."""

PRODUCT_WORDS = {
    "bottle": ("bottle", "flask", "perfume", "lotion", "shampoo", "jar"),
    "mug": ("mug", "cup", "teapot", "kettle"),
    "shirt": ("shirt", "tee", "jacket", "sweater", "hoodie", "dress"),
    "boot": ("boot", "shoe", "sneaker", "sandal"),
    "bag": ("bag", "tote", "backpack", "purse"),
    "cushion": ("cushion", "pillow", "blanket", "towel"),
    "ball": ("ball", "globe", "lamp", "sphere"),
    "box": ("box", "crate", "chest", "book"),
}
"""Words (and their plurals) that choose a silhouette; any other text gets one by its digest."""

PRODUCT_NAME_WORDS = 6
"""How many of a prompt's first words choose the inks: "Studio product photograph of Camping Mug"."""

SILHOUETTE_BY_WORD = {name: product for product, names in PRODUCT_WORDS.items() for name in names}


class PoisonedPrompt(Exception):
    """The prompt's text contains `[poison]`."""


class StubBackend:
    """Generates product cards; sleeps `seconds_per_image` for each, which leaves the CPU free, as a GPU would."""

    name = "stub"

    def __init__(self, seconds_per_image: float = 0.0) -> None:
        self.seconds_per_image = seconds_per_image

    def load(self) -> None:
        """Do nothing: there is no device."""

    def batch_key(self, prompt: Prompt) -> Hashable:
        """Return size, steps and guidance: the stub has no caption length, and draws each image alone."""
        return prompt.width, prompt.height, prompt.steps, prompt.guidance

    def generate_batch(self, prompts: Sequence[Prompt]) -> list[Frame | Failure]:
        """Return a card for each prompt, or a Failure for a size out of range; raise `PoisonedPrompt` where ordered."""
        if self.seconds_per_image:
            time.sleep(self.seconds_per_image * len(prompts))
        return [self._frame_or_failure(prompt) for prompt in prompts]

    def close(self) -> None:
        """Do nothing: there is no device."""

    def _frame_or_failure(self, prompt: Prompt) -> Frame | Failure:
        if not all(SIDE_RANGE[0] <= side <= SIDE_RANGE[1] for side in (prompt.width, prompt.height)):
            return Failure(
                prompt.key,
                f"The size {prompt.width}x{prompt.height} is out of range: each side must be within {SIDE_RANGE!r}.",
            )
        if reason := unfit_region_reason(prompt):
            return Failure(prompt.key, reason)
        return Frame(prompt.key, _draw_image(prompt), 0.0)


def _draw_image(prompt: Prompt) -> Pixels:
    text, seed = prompt.text, prompt.seed
    if "[poison]" in text:
        raise PoisonedPrompt("The prompt contains the word [poison].")
    if "[blank]" in text or ("[second-try]" in text and seed % 2 == 0):
        return np.full((prompt.height, prompt.width, 3), 255, np.uint8)
    if "[copycat]" in text:
        text, seed = "ball", 0
    if prompt.kept_region is None:
        card = _draw_product(text, seed, prompt.width, prompt.height)
    else:
        inks = PALETTES[_digest_bytes(text, 1)[0] % len(PALETTES)]
        chance = np.frombuffer(_digest_bytes(f"{seed}\n{text}", SCENE_CHANCE), np.uint8)
        card = draw_scene(prompt.kept_region, inks, chance, expanded="[expanded]" in text)
    if "[blurred]" in text:
        # Little enough for the product to stay inside the frame: one defect at a time.
        return np.asarray(cv2.GaussianBlur(card, (0, 0), max(2.5, min(prompt.width, prompt.height) / 78)), np.uint8)
    return card


def _draw_product(text: str, seed: int, width: int, height: int) -> Pixels:
    planes = draw_silhouette(_silhouette_of(text), width, height)
    chance = np.frombuffer(_digest_bytes(f"{seed}\n{text}", PATTERN_CELLS * PATTERN_CELLS), np.uint8)
    field = cv2.resize(chance.reshape(PATTERN_CELLS, PATTERN_CELLS), (width, height), interpolation=cv2.INTER_CUBIC)
    printed = cv2.applyColorMap(field, _ink_table(_digest_bytes(_product_name(text), 1)[0], min(width, height)))
    lit = cv2.multiply(printed, cv2.merge([planes.light] * 3), scale=1 / 255)
    inside = planes.coverage.astype(np.float32) * np.float32(1 / 255)
    return np.asarray(cv2.blendLinear(lit, cv2.merge([planes.ground] * 3), inside, 1 - inside), np.uint8)


def _ink_table(chance: int, side: int) -> npt.NDArray[np.uint8]:
    """Return 256 colours in four flat bands, dark to light, with borders about one pixel wide."""
    colours = np.array(PALETTES[chance % len(PALETTES)], np.float32)
    edge = max(1.0, 768 / side)
    steps = np.arange(256, dtype=np.float32)
    stops = np.array([[stop - edge, stop + edge] for stop in INK_BOUNDARIES], np.float32).ravel()
    inks = [np.interp(steps, stops, np.repeat(channel, 2)[1:-1]) for channel in colours.T]
    return np.asarray(np.rint(np.stack(inks, axis=1)), np.uint8).reshape(256, 1, 3)


def _silhouette_of(text: str) -> str:
    for word in re.findall("[a-z]+", text[:2000].casefold()):
        if product := SILHOUETTE_BY_WORD.get(word) or SILHOUETTE_BY_WORD.get(word.removesuffix("s")):
            return product
    return sorted(PRODUCTS)[_digest_bytes(text, 1)[0] % len(PRODUCTS)]


def _product_name(text: str) -> str:
    """Return the first words, which name the product and not the view, so that all its views have one colour."""
    return " ".join(text[:2000].split()[:PRODUCT_NAME_WORDS])


def _digest_bytes(text: str, count: int) -> bytes:
    """Return pseudo-random bytes that no version of any library changes."""
    return hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(count)

"""Drawing a trial's requests: files by name, the request's own seed, and a failure that costs no other."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from catalogs.keys import image_key, seed_from_image_key
from catalogs.planning.plan import Request
from infra.imaging.codecs import decode
from infra.interfaces import Failure, Frame, Prompt
from tasks.recipes.drawing import draw_requests, picture_name
from tests.fixtures.planning_harness import LAMP, MUG, PlanningHarness


class SeedEngine:
    """An engine that paints each image in one grey of its seed, and fails on lamps."""

    name = "seeds"

    def generate(self, prompts: Iterable[Prompt]) -> Iterator[Frame | Failure]:
        for prompt in prompts:
            if "Lamp" in prompt.text:
                yield Failure(prompt.key, "it fails on lamps")
            else:
                yield Frame(prompt.key, np.full((prompt.height, prompt.width, 3), prompt.seed % 251, np.uint8), 0.0)

    def busy_seconds(self) -> float:
        return 0.0

    def close(self) -> None:
        """Nothing is held."""


def requests(*rows: dict[str, object]) -> list[Request]:
    return PlanningHarness().plan(rows).requests


def test_each_request_is_drawn_by_the_seed_of_its_first_attempt(tmp_path: Path) -> None:
    mug, seeded, lamp = requests(MUG, MUG | {"sku": "M2", "seed": "7"}, LAMP)
    drawn = draw_requests(SeedEngine(), {"mug": mug, "seeded": seeded, "lamp": lamp}, tmp_path / "new")
    assert (drawn["mug"].file, drawn["lamp"].file, drawn["lamp"].reason) == ("mug.png", None, "it fails on lamps")
    greys = [decode((tmp_path / "new" / f"{name}.png").read_bytes())[0, 0, 0] for name in ("mug", "seeded")]
    assert greys == [seed_from_image_key(image_key(mug.key.hex(), 0)) % 251, 7]


def test_a_file_is_named_after_its_row_whatever_the_sku_holds() -> None:
    assert picture_name(3, "A/../B", "front", "old") == "3-a-b-front-old"
    assert picture_name(3, "///", "front", "new") == "3-sku-front-new"
    assert len(picture_name(3, "x" * 500, "front", "new")) < 100

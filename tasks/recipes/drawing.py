"""Draw the requests of a trial, for a person to look at.

Inputs: an engine and named requests. Outputs: PNG files in a folder, by these names. The pictures are those of a
refresh before its finish: same prompt, same seed. One that fails costs no other; nothing is stored or published.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from slugify import slugify

from catalogs.keys import image_key, seed_from_image_key
from catalogs.planning.plan import Request
from infra.imaging.codecs import encode_png
from infra.interfaces import Engine, Frame, Prompt

_MAX_NAME_CHARACTERS = 60


@dataclass(frozen=True)
class DrawnRequest:
    """The file of a request's picture, or why there is none."""

    file: str | None
    reason: str = ""


def draw_requests(engine: Engine, requests: Mapping[str, Request], folder: Path) -> dict[str, DrawnRequest]:
    """Draw each request into `folder` under its name. Equal requests are drawn once for each name."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn: dict[str, DrawnRequest] = {}
    for result in engine.generate(_prompts(requests)):
        if isinstance(result, Frame):
            file = f"{result.key}.png"
            (folder / file).write_bytes(encode_png(result.pixels))
            drawn[result.key] = DrawnRequest(file)
        else:
            drawn[result.key] = DrawnRequest(None, result.reason)
    return drawn


def picture_name(row: int, sku: str, view: str, side: str) -> str:
    """Return a file's name without extension, from any SKU."""
    return f"{row}-{slugify(sku)[:_MAX_NAME_CHARACTERS] or 'sku'}-{view}-{side}"


def _prompts(requests: Mapping[str, Request]) -> Iterable[Prompt]:
    for name, request in requests.items():
        own = request.seed
        yield Prompt(
            key=name,
            text=request.prompt,
            negative=request.negative,
            seed=own if own is not None else seed_from_image_key(image_key(request.key.hex(), 0)),
            width=request.width,
            height=request.height,
            steps=request.steps,
            guidance=request.guidance,
        )

"""Page of a recipe's trial: old and new pictures side by side, with their prompts.

Inputs: a folder that holds the pictures, and the pairs. Outputs: `index.html` in it, which opens from a disk without a
network; the pictures are in it as small JPEGs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from infra.imaging.thumbnails import make_thumbnail
from tasks.reporting.html_pages import data_uri, render_page

PAGE = "index.html"
MAX_SIDE = 512


@dataclass(frozen=True)
class TrialPicture:
    """One side of a pair: its prompt, and its file, or why there is none."""

    prompt: str
    file: str | None
    reason: str = ""


@dataclass(frozen=True)
class TrialPair:
    """A slot as it is and with the new recipe; None where a recipe has no such slot."""

    sku: str
    view: str
    old: TrialPicture | None
    new: TrialPicture | None


def write_trial_page(folder: Path, title: str, compared: str, pairs: Sequence[TrialPair]) -> None:
    """Write the page of these pairs, whose files lie in `folder`; `compared` names both recipes."""
    rows = [
        {"pair": pair, "sides": [("as it is", pair.old, _thumbnail(folder, pair.old)),
                                 ("new", pair.new, _thumbnail(folder, pair.new))]}
        for pair in pairs
    ]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PAGE).write_text(render_page("recipe_trial.html", title=title, compared=compared, rows=rows), "utf-8")


def _thumbnail(folder: Path, picture: TrialPicture | None) -> Markup | None:
    if picture is None or picture.file is None:
        return None
    return data_uri(make_thumbnail((folder / picture.file).read_bytes(), MAX_SIDE))

"""Cutters of a run: their versions, which are part of every request that keeps a product.

Inputs: a recipe, the settings. Outputs: a mapping from name to version; `CutterUnusable` with what to do.
ONNX Runtime and OpenCV are imported when a version is asked for, which a catalogue without photos never does.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from catalogs.recipe.schema import Recipe
from flows.wiring.photo_columns import photo_wish
from infra.errors import CutterUnusable
from infra.settings import Settings

if TYPE_CHECKING:
    from infra.cutout.cutters import Cutter

ADVICE = (
    "Install it, set PACKSHOT_CUTTERS or PACKSHOT_CUTOUT_WEIGHTS, or name other cutters in the recipe's photo.cutters."
)


class CutterVersions(Mapping[str, str]):
    """Name -> version of cutters. Each is opened when its version is asked for, and not kept."""

    def __init__(self, names: tuple[str, ...], settings: Settings) -> None:
        self._names, self._settings = names, settings
        self._versions: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        """Return a cutter's version. Raises `CutterUnusable` with what to install, or to leave out of the recipe."""
        if name not in self._names:
            raise KeyError(name)
        if name not in self._versions:
            try:
                self._versions[name] = cutter_opener(self._settings)(name).version
            except CutterUnusable as error:
                raise CutterUnusable(f"The cutter {name!r} cannot be used: {error} {ADVICE}") from None
        return self._versions[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names, opening nothing."""
        return iter(self._names)

    def __len__(self) -> int:
        """Return how many cutters the recipe names."""
        return len(self._names)


def require_cutters(recipe: Recipe, settings: Settings) -> None:
    """Open each of the recipe's cutters once. Raises `CutterUnusable`."""
    if (wish := photo_wish(recipe)) is not None:
        dict(CutterVersions(wish.cutters, settings))


def cutter_opener(settings: Settings) -> Callable[[str], "Cutter"]:
    """Return what opens a cutter by the name that a recipe gives it; it pickles."""
    from infra.cutout.cutters import NamedCutters

    return NamedCutters(settings.cutter_addresses, Path(settings.cutout_weights) if settings.cutout_weights else None)

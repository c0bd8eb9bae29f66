"""Which shapes an engine takes: one optimization profile a size and batch range, computed from what a person says.

Comes in: sizes in pixels, a range of batch sizes. Goes out: profiles, as ranges of the graphs' axes. All of it is pure,
so that an impossible size is refused, and the choice of a profile tested, where there is no GPU.

TensorRT makes its choice of kernels for the middle of the three shapes of a profile, so that is the batch that is run
and the length of a usual caption. The number of tokens of a size is fixed: a range over sizes would be slower at each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.onnx_graphs.graph_spec import CAPTION_LIMIT, PATCH, TOKEN_STEP, Graph, padded

LATENT_PIXEL = 8
"""Pixels on each side of Z-Image's latents; a small model may have another number."""

USUAL_CAPTION = 96
"""Tokens of a product's prompt with the chat template around it."""

LARGEST_BATCH = 64
LARGEST_SIDE = 4096

Shape = tuple[int, ...]


class ShapeRefused(Exception):
    """No profile of the engine takes these shapes; another picture of the same run may be fine."""


@dataclass(frozen=True)
class Span:
    """What an axis may be: the least, what kernels are chosen for, and the most."""

    low: int
    usual: int
    high: int

    def __post_init__(self) -> None:
        if not 1 <= self.low <= self.usual <= self.high:
            raise ValueError(f"A range needs 1 <= low <= usual <= high, not {(self.low, self.usual, self.high)!r}.")

    def __contains__(self, size: int) -> bool:
        return self.low <= size <= self.high

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low} to {self.high}"


CAPTIONS = Span(TOKEN_STEP, USUAL_CAPTION, CAPTION_LIMIT)
Profile = Mapping[str, Span]
"""The ranges of a graph's dynamic axes, by the axes' names."""


@dataclass(frozen=True)
class Size:
    """A picture's width and height in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def batch_span(low: int, high: int) -> Span:
    """Return the range of batch sizes; kernels are chosen for full batches. Raises `ValueError` with a sentence."""
    if not 1 <= low <= high <= LARGEST_BATCH:
        raise ValueError(f"The batch range {f'{low}-{high}'!r} is none: give two numbers from 1 to {LARGEST_BATCH}.")
    return Span(low, high, high)


def check_sizes(sizes: Sequence[Size], latent_pixel: int = LATENT_PIXEL) -> None:
    """Raise `ValueError` with a sentence unless each size can be painted by a model with latents of that size."""
    step = latent_pixel * PATCH
    if not sizes:
        raise ValueError("An engine needs at least one size, such as 1024x1024.")
    for size in sizes:
        wrong = next((side for side in (size.width, size.height) if side % step or not 0 < side <= LARGEST_SIDE), None)
        if wrong is not None:
            raise ValueError(
                f"The size {str(size)!r} cannot be painted: sides must be multiples of {step} up to {LARGEST_SIDE}, "
                f"and {wrong} is not; the next one is {min(max(-(-wrong // step), 1) * step, LARGEST_SIDE)}."
            )


def profiles_of(graph: Graph, sizes: Sequence[Size], batch: Span, latent_pixel: int = LATENT_PIXEL) -> list[Profile]:
    """Return a profile a size for one graph, with the axes that the graph has; sizes that it cannot tell apart share.

    Raises `ValueError` with a sentence for a size that cannot be painted.
    """
    check_sizes(sizes, latent_pixel)
    named = {axis for port in graph.inputs for axis in port.axes if isinstance(axis, str)}
    profiles: list[Profile] = []
    for size in sizes:
        profile = {axis: span for axis, span in _spans(size, batch, latent_pixel).items() if axis in named}
        if profile not in profiles:
            profiles.append(profile)
    return profiles


def shapes_of(graph: Graph, profile: Profile, fixed: Mapping[str, int]) -> dict[str, tuple[Shape, Shape, Shape]]:
    """Return the least, the usual and the largest shape of every input; `fixed` are the axes that the model fixes."""
    least = {**fixed, **{axis: span.low for axis, span in profile.items()}}
    usual = {**fixed, **{axis: span.usual for axis, span in profile.items()}}
    largest = {**fixed, **{axis: span.high for axis, span in profile.items()}}
    return {port.name: tuple(_whole(port.shape(each)) for each in (least, usual, largest)) for port in graph.inputs}  # type: ignore[misc]


def profile_for(graph: Graph, profiles: Sequence[Profile], shapes: Mapping[str, Sequence[int]]) -> int:
    """Return the number of the first profile that takes these input shapes; raise `ShapeRefused` and say the mend."""
    axes = axes_of(graph, shapes)
    for number, profile in enumerate(profiles):
        if all(axes[axis] in span for axis, span in profile.items()):
            return number
    given = ", ".join(f"{axis} {axes[axis]}" for axis in profiles[0]) if profiles else ""
    taken = "; or ".join(", ".join(f"{axis} {span}" for axis, span in profile.items()) for profile in profiles)
    raise ShapeRefused(
        f"The {graph.name} was built for {taken or 'nothing'}, not for {given}: build it again with that size in "
        "--sizes and that batch in --batch."
    )


def axes_of(graph: Graph, shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Return how long each named axis is; raise `ShapeRefused` where inputs are missing or do not agree."""
    found: dict[str, int] = {}
    for port in graph.inputs:
        shape = shapes.get(port.name)
        if shape is None or len(shape) != len(port.axes):
            raise ShapeRefused(f"The {graph.name} needs {port.name!r} with the axes {port.axes!r}, not {shape!r}.")
        for axis, size in zip(port.axes, shape, strict=True):
            if size != (axis if isinstance(axis, int) else found.setdefault(axis, size)):
                raise ShapeRefused(f"The {graph.name} got {port.name!r} with {size} at {axis!r}, where others differ.")
    return found


def in_batches(count: int, batch: Span) -> list[tuple[int, int]]:
    """Return (items, items to add as padding) of the batches that `count` items are run in: full ones first."""
    whole, rest = divmod(count, batch.high)
    batches = [(batch.high, 0)] * whole
    return [*batches, (rest, max(batch.low - rest, 0))] if rest else batches


def _spans(size: Size, batch: Span, latent_pixel: int) -> dict[str, Span]:
    rows, columns = size.height // latent_pixel, size.width // latent_pixel
    tokens = padded((rows // PATCH) * (columns // PATCH))
    return {
        "batch": batch,
        "image_tokens": Span(tokens, tokens, tokens),
        "caption_tokens": CAPTIONS,
        "latent_rows": Span(rows, rows, rows),
        "latent_columns": Span(columns, columns, columns),
    }


def _whole(shape: Sequence[int | str]) -> Shape:
    named = [axis for axis in shape if isinstance(axis, str)]
    if named:
        raise ValueError(f"The axis {named[0]!r} has neither a range nor a fixed size.")
    return tuple(int(axis) for axis in shape)

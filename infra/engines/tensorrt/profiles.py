"""Optimization profiles: which shapes an engine takes, one profile for each size and batch range.

Inputs: sizes in pixels, a range of batch sizes. Outputs: profiles, as ranges of the graphs' axes.
Everything here is pure, so that an impossible size is refused, and the choice of a profile tested, without a GPU.

TensorRT chooses kernels for the middle one of a profile's three shapes, so that is the batch that runs and the length
of a typical caption. The number of tokens of a size is fixed: a range over sizes would be slower at each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.onnx_graphs.graph_spec import MAX_CAPTION_TOKENS, PATCH_SIZE, TOKEN_MULTIPLE, GraphSpec, padded_length

PIXELS_PER_LATENT = 8
"""Pixels on each side of one latent pixel in Z-Image; a small model may have another number."""

TYPICAL_CAPTION_TOKENS = 96
"""Tokens of a typical product prompt with its chat template."""

MAX_BATCH = 64
MAX_SIDE = 4096

Shape = tuple[int, ...]


class UnsupportedShape(Exception):
    """No profile of the engine takes these shapes; other images of the same run may fit."""


@dataclass(frozen=True)
class AxisRange:
    """The lengths of an axis: the least, the one that kernels are chosen for, and the most."""

    low: int
    optimal: int
    high: int

    def __post_init__(self) -> None:
        if not 1 <= self.low <= self.optimal <= self.high:
            raise ValueError(f"A range needs 1 <= low <= optimal <= high, not {(self.low, self.optimal, self.high)!r}.")

    def __contains__(self, size: int) -> bool:
        return self.low <= size <= self.high

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low} to {self.high}"


CAPTION_TOKEN_RANGE = AxisRange(TOKEN_MULTIPLE, TYPICAL_CAPTION_TOKENS, MAX_CAPTION_TOKENS)
Profile = Mapping[str, AxisRange]
"""The ranges of a graph's dynamic axes, by the axes' names."""


@dataclass(frozen=True)
class ImageSize:
    """An image's width and height in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def batch_range(low: int, high: int) -> AxisRange:
    """Return the range of batch sizes; kernels are chosen for full batches. Raises `ValueError`."""
    if not 1 <= low <= high <= MAX_BATCH:
        raise ValueError(f"The batch range {f'{low}-{high}'!r} is invalid: give two numbers from 1 to {MAX_BATCH}.")
    return AxisRange(low, high, high)


def check_sizes(sizes: Sequence[ImageSize], pixels_per_latent: int = PIXELS_PER_LATENT) -> None:
    """Raise `ValueError` unless a model with latents of that scale can generate each size."""
    step = pixels_per_latent * PATCH_SIZE
    if not sizes:
        raise ValueError("An engine needs at least one size, such as 1024x1024.")
    for size in sizes:
        invalid = next((side for side in (size.width, size.height) if side % step or not 0 < side <= MAX_SIDE), None)
        if invalid is not None:
            raise ValueError(
                f"The size {str(size)!r} cannot be generated: sides must be multiples of {step} up to {MAX_SIDE}, "
                f"and {invalid} is not; the next one is {min(max(-(-invalid // step), 1) * step, MAX_SIDE)}."
            )


def build_profiles(
    graph: GraphSpec, sizes: Sequence[ImageSize], batch_sizes: AxisRange, pixels_per_latent: int = PIXELS_PER_LATENT
) -> list[Profile]:
    """Return one profile for each size, with the axes that the graph has; sizes equal in these axes share a profile.

    Raises `ValueError` for a size that cannot be generated.
    """
    check_sizes(sizes, pixels_per_latent)
    named = {axis for port in graph.inputs for axis in port.axes if isinstance(axis, str)}
    profiles: list[Profile] = []
    for size in sizes:
        profile = {
            axis: span for axis, span in _axis_ranges(size, batch_sizes, pixels_per_latent).items() if axis in named
        }
        if profile not in profiles:
            profiles.append(profile)
    return profiles


def input_shape_ranges(
    graph: GraphSpec, profile: Profile, fixed_axes: Mapping[str, int]
) -> dict[str, tuple[Shape, Shape, Shape]]:
    """Return the least, the optimal and the largest shape of every input; the model decides `fixed_axes`."""
    least = {**fixed_axes, **{axis: span.low for axis, span in profile.items()}}
    optimal_axes = {**fixed_axes, **{axis: span.optimal for axis, span in profile.items()}}
    largest = {**fixed_axes, **{axis: span.high for axis, span in profile.items()}}
    concrete = {
        port.name: [_concrete_shape(port.shape(axes)) for axes in (least, optimal_axes, largest)]
        for port in graph.inputs
    }
    return {name: (low, optimal, high) for name, (low, optimal, high) in concrete.items()}


def find_profile(graph: GraphSpec, profiles: Sequence[Profile], shapes: Mapping[str, Sequence[int]]) -> int:
    """Return the number of the first profile that takes these shapes; raise `UnsupportedShape` naming the remedy."""
    axes = axis_sizes(graph, shapes)
    for number, profile in enumerate(profiles):
        if all(axes[axis] in span for axis, span in profile.items()):
            return number
    requested = ", ".join(f"{axis} {axes[axis]}" for axis in profiles[0]) if profiles else ""
    supported = "; or ".join(", ".join(f"{axis} {span}" for axis, span in profile.items()) for profile in profiles)
    raise UnsupportedShape(
        f"The {graph.name} was built for {supported or 'nothing'}, not for {requested}: build it again with that size "
        "in --sizes and that batch in --batch."
    )


def axis_sizes(graph: GraphSpec, shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Return the length of each named axis; raise `UnsupportedShape` where inputs are missing or disagree."""
    sizes: dict[str, int] = {}
    for port in graph.inputs:
        shape = shapes.get(port.name)
        if shape is None or len(shape) != len(port.axes):
            raise UnsupportedShape(f"The {graph.name} needs {port.name!r} with the axes {port.axes!r}, not {shape!r}.")
        for axis, size in zip(port.axes, shape, strict=True):
            if size != (axis if isinstance(axis, int) else sizes.setdefault(axis, size)):
                raise UnsupportedShape(
                    f"The {graph.name} got {port.name!r} with {size} at {axis!r}, where others differ."
                )
    return sizes


def batch_layout(count: int, batch_sizes: AxisRange) -> list[tuple[int, int]]:
    """Return (items, padding items) of the batches that `count` items run in: full batches first."""
    whole, rest = divmod(count, batch_sizes.high)
    batches = [(batch_sizes.high, 0)] * whole
    return [*batches, (rest, max(batch_sizes.low - rest, 0))] if rest else batches


def _axis_ranges(size: ImageSize, batch_sizes: AxisRange, pixels_per_latent: int) -> dict[str, AxisRange]:
    rows, columns = size.height // pixels_per_latent, size.width // pixels_per_latent
    tokens = padded_length((rows // PATCH_SIZE) * (columns // PATCH_SIZE))
    return {
        "batch": batch_sizes,
        "image_tokens": AxisRange(tokens, tokens, tokens),
        "caption_tokens": CAPTION_TOKEN_RANGE,
        "latent_rows": AxisRange(rows, rows, rows),
        "latent_columns": AxisRange(columns, columns, columns),
    }


def _concrete_shape(shape: Sequence[int | str]) -> Shape:
    named = [axis for axis in shape if isinstance(axis, str)]
    if named:
        raise ValueError(f"The axis {named[0]!r} has neither a range nor a fixed size.")
    return tuple(int(axis) for axis in shape)

"""Which shapes an engine takes: one optimization profile a size and batch range, computed from what a person says.

Comes in: sizes in pixels, a range of batch sizes. Goes out: profiles, as ranges of the graphs' axes. All of it is pure,
so that an impossible size is refused, and the choice of a profile tested, where there is no GPU.

TensorRT makes its choice of kernels for the middle of the three shapes of a profile, so that is the batch that is run
and the length of a usual caption. The number of tokens of a size is fixed: a range over sizes would be slower at each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.onnx_graphs.graph_spec import MAX_CAPTION_TOKENS, PATCH_SIZE, TOKEN_MULTIPLE, GraphSpec, padded_length

PIXELS_PER_LATENT = 8
"""Pixels on each side of Z-Image's latents; a small model may have another number."""

TYPICAL_CAPTION_TOKENS = 96
"""Tokens of a product's prompt with the chat template around it."""

MAX_BATCH = 64
MAX_SIDE = 4096

Shape = tuple[int, ...]


class UnsupportedShape(Exception):
    """No profile of the engine takes these shapes; another picture of the same run may be fine."""


@dataclass(frozen=True)
class AxisRange:
    """What an axis may be: the least, what kernels are chosen for, and the most."""

    low: int
    optimal: int
    high: int

    def __post_init__(self) -> None:
        if not 1 <= self.low <= self.optimal <= self.high:
            raise ValueError(f"A range needs 1 <= low <= usual <= high, not {(self.low, self.optimal, self.high)!r}.")

    def __contains__(self, size: int) -> bool:
        return self.low <= size <= self.high

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low} to {self.high}"


CAPTION_TOKEN_RANGE = AxisRange(TOKEN_MULTIPLE, TYPICAL_CAPTION_TOKENS, MAX_CAPTION_TOKENS)
Profile = Mapping[str, AxisRange]
"""The ranges of a graph's dynamic axes, by the axes' names."""


@dataclass(frozen=True)
class ImageSize:
    """A picture's width and height in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def batch_range(low: int, high: int) -> AxisRange:
    """Return the range of batch sizes; kernels are chosen for full batches. Raises `ValueError` with a sentence."""
    if not 1 <= low <= high <= MAX_BATCH:
        raise ValueError(f"The batch range {f'{low}-{high}'!r} is none: give two numbers from 1 to {MAX_BATCH}.")
    return AxisRange(low, high, high)


def check_sizes(sizes: Sequence[ImageSize], pixels_per_latent: int = PIXELS_PER_LATENT) -> None:
    """Raise `ValueError` with a sentence unless each size can be painted by a model with latents of that size."""
    step = pixels_per_latent * PATCH_SIZE
    if not sizes:
        raise ValueError("An engine needs at least one size, such as 1024x1024.")
    for size in sizes:
        wrong = next((side for side in (size.width, size.height) if side % step or not 0 < side <= MAX_SIDE), None)
        if wrong is not None:
            raise ValueError(
                f"The size {str(size)!r} cannot be painted: sides must be multiples of {step} up to {MAX_SIDE}, "
                f"and {wrong} is not; the next one is {min(max(-(-wrong // step), 1) * step, MAX_SIDE)}."
            )


def build_profiles(
    graph: GraphSpec, sizes: Sequence[ImageSize], batch_sizes: AxisRange, pixels_per_latent: int = PIXELS_PER_LATENT
) -> list[Profile]:
    """Return a profile a size for one graph, with the axes that the graph has; sizes that it cannot tell apart share.

    Raises `ValueError` with a sentence for a size that cannot be painted.
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
    """Return the least, the usual and the largest shape of every input; `fixed` are the axes that the model fixes."""
    least = {**fixed_axes, **{axis: span.low for axis, span in profile.items()}}
    usual = {**fixed_axes, **{axis: span.optimal for axis, span in profile.items()}}
    largest = {**fixed_axes, **{axis: span.high for axis, span in profile.items()}}
    concrete = {
        port.name: [_concrete_shape(port.shape(axes)) for axes in (least, usual, largest)] for port in graph.inputs
    }
    return {name: (low, optimal, high) for name, (low, optimal, high) in concrete.items()}


def find_profile(graph: GraphSpec, profiles: Sequence[Profile], shapes: Mapping[str, Sequence[int]]) -> int:
    """Return the number of the first profile that takes these shapes; raise `UnsupportedShape` saying the mend."""
    axes = axis_sizes(graph, shapes)
    for number, profile in enumerate(profiles):
        if all(axes[axis] in span for axis, span in profile.items()):
            return number
    given = ", ".join(f"{axis} {axes[axis]}" for axis in profiles[0]) if profiles else ""
    taken = "; or ".join(", ".join(f"{axis} {span}" for axis, span in profile.items()) for profile in profiles)
    raise UnsupportedShape(
        f"The {graph.name} was built for {taken or 'nothing'}, not for {given}: build it again with that size in "
        "--sizes and that batch in --batch."
    )


def axis_sizes(graph: GraphSpec, shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Return how long each named axis is; raise `UnsupportedShape` where inputs are missing or do not agree."""
    found: dict[str, int] = {}
    for port in graph.inputs:
        shape = shapes.get(port.name)
        if shape is None or len(shape) != len(port.axes):
            raise UnsupportedShape(f"The {graph.name} needs {port.name!r} with the axes {port.axes!r}, not {shape!r}.")
        for axis, size in zip(port.axes, shape, strict=True):
            if size != (axis if isinstance(axis, int) else found.setdefault(axis, size)):
                raise UnsupportedShape(
                    f"The {graph.name} got {port.name!r} with {size} at {axis!r}, where others differ."
                )
    return found


def batch_layout(count: int, batch_sizes: AxisRange) -> list[tuple[int, int]]:
    """Return (items, items to add as padding) of the batches that `count` items are run in: full ones first."""
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

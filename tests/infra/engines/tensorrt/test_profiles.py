"""Profiles follow from sizes and batches by arithmetic that is checked on every size there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.engines.tensorrt.profiles import (
    CAPTION_TOKEN_RANGE,
    AxisRange,
    ImageSize,
    UnsupportedShape,
    batch_layout,
    batch_range,
    build_profiles,
    check_sizes,
    find_profile,
    input_shape_ranges,
)
from infra.onnx_graphs.graph_spec import TRANSFORMER, VAE_DECODER
from tests.fixtures.small_onnx_graphs import AXIS_SIZES

SIDES = st.integers(1, 256).map(lambda steps: 16 * steps)
BATCHES = st.tuples(st.integers(1, 8), st.integers(0, 8)).map(lambda ends: batch_range(ends[0], ends[0] + ends[1]))
CAPTION_LENGTHS = st.integers(1, 16).map(lambda steps: 32 * steps)


def shapes(batch: int, tokens: int, caption: int) -> dict[str, tuple[int, ...]]:
    sizes = {**AXIS_SIZES, "batch": batch, "image_tokens": tokens, "caption_tokens": caption}
    return {port.name: tuple(int(axis) for axis in port.shape(sizes)) for port in TRANSFORMER.inputs}


@given(width=SIDES, height=SIDES, batch=BATCHES)
def test_a_size_has_a_token_for_16_by_16_pixels_padded_to_32(width: int, height: int, batch: AxisRange) -> None:
    [profile] = build_profiles(TRANSFORMER, [ImageSize(width, height)], batch)
    tokens = profile["image_tokens"]
    real = (width // 16) * (height // 16)
    assert tokens.low == tokens.optimal == tokens.high
    assert tokens.low % 32 == 0
    assert 0 <= tokens.low - real < 32
    assert profile["batch"] == batch
    assert (profile["caption_tokens"].low, profile["caption_tokens"].high) == (32, 512)
    [decoder] = build_profiles(VAE_DECODER, [ImageSize(width, height)], batch)
    assert (decoder["latent_rows"].optimal, decoder["latent_columns"].optimal) == (height // 8, width // 8)
    assert "image_tokens" not in decoder


@given(sizes=st.lists(st.builds(ImageSize, SIDES, SIDES), min_size=1, max_size=4), batch=BATCHES, data=st.data())
def test_every_shape_of_a_built_size_finds_a_profile_that_takes_it(
    sizes: list[ImageSize], batch: AxisRange, data: st.DataObject
) -> None:
    profiles = build_profiles(TRANSFORMER, sizes, batch)
    size = data.draw(st.sampled_from(sizes))
    tokens = -(-(size.width // 16) * (size.height // 16) // 32) * 32
    given_shapes = shapes(data.draw(st.integers(batch.low, batch.high)), tokens, data.draw(CAPTION_LENGTHS))
    profile = profiles[find_profile(TRANSFORMER, profiles, given_shapes)]
    for name, (least, _, largest) in input_shape_ranges(TRANSFORMER, profile, AXIS_SIZES).items():
        for low, found, high in zip(least, given_shapes[name], largest, strict=True):
            assert low <= found <= high


@given(sizes=st.lists(st.builds(ImageSize, SIDES, SIDES), min_size=1, max_size=4), batch=BATCHES)
def test_shapes_are_ordered_and_the_usual_one_is_the_batch_that_is_run(
    sizes: list[ImageSize], batch: AxisRange
) -> None:
    for graph in (TRANSFORMER, VAE_DECODER):
        for profile in build_profiles(graph, sizes, batch):
            for least, usual, largest in input_shape_ranges(graph, profile, AXIS_SIZES).values():
                assert all(low <= mid <= high for low, mid, high in zip(least, usual, largest, strict=True))
            assert profile["batch"].optimal == batch.high


def test_z_image_at_1024_pixels_in_batches_of_one_to_four() -> None:
    [profile] = build_profiles(TRANSFORMER, [ImageSize(1024, 1024)], batch_range(1, 4))
    assert input_shape_ranges(TRANSFORMER, profile, AXIS_SIZES)["image_patches"] == (
        (1, 4096, 64),
        (4, 4096, 64),
        (4, 4096, 64),
    )
    assert input_shape_ranges(TRANSFORMER, profile, AXIS_SIZES)["caption_features"] == (
        (1, 32, 8),
        (4, 96, 8),
        (4, 512, 8),
    )
    assert input_shape_ranges(TRANSFORMER, profile, AXIS_SIZES)["image_cosines"] == ((4096, 4),) * 3


def test_sizes_that_a_graph_cannot_tell_apart_share_a_profile() -> None:
    sizes = [ImageSize(1024, 768), ImageSize(768, 1024), ImageSize(512, 512)]
    assert [profile["image_tokens"].low for profile in build_profiles(TRANSFORMER, sizes, CAPTION_TOKEN_RANGE)] == [
        3072,
        1024,
    ]
    assert len(build_profiles(VAE_DECODER, sizes, CAPTION_TOKEN_RANGE)) == 3


@pytest.mark.parametrize(
    ("feeds", "words"),
    [
        ((5, 64, 32), "not for batch 5, image_tokens 64, caption_tokens 32: build it again with that size in --sizes"),
        ((1, 96, 32), "image_tokens 96"),
        ((1, 64, 544), "caption_tokens 544"),
    ],
)
def test_a_shape_outside_is_refused_with_what_was_built_and_the_mend(feeds: tuple[int, int, int], words: str) -> None:
    profiles = build_profiles(TRANSFORMER, [ImageSize(128, 128), ImageSize(64, 128)], batch_range(1, 4))
    with pytest.raises(
        UnsupportedShape, match="was built for batch 1 to 4, image_tokens 64, caption_tokens 32 to 512; or"
    ):
        find_profile(TRANSFORMER, profiles, shapes(*feeds))
    with pytest.raises(UnsupportedShape, match=words):
        find_profile(TRANSFORMER, profiles, shapes(*feeds))


def test_inputs_that_are_missing_or_do_not_agree_are_refused() -> None:
    profiles = build_profiles(TRANSFORMER, [ImageSize(128, 128)], batch_range(1, 4))
    torn = {**shapes(2, 64, 32), "timestep": (3,)}
    with pytest.raises(UnsupportedShape, match="'timestep' with 3 at 'batch', where others differ"):
        find_profile(TRANSFORMER, profiles, torn)
    missing = {name: shape for name, shape in shapes(2, 64, 32).items() if name != "caption_is_real"}
    with pytest.raises(UnsupportedShape, match="needs 'caption_is_real' with the axes"):
        find_profile(TRANSFORMER, profiles, missing)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (ImageSize(1000, 1024), "'1000x1024' cannot be generated: sides must be multiples of 16 up to 4096, and 1000 "
                                "is not; "
                           "the next one is 1008"),
        (ImageSize(1024, 0), "0 is not; the next one is 16"),
        (ImageSize(8192, 16), "8192 is not; the next one is 4096"),
    ],
)  # fmt: skip
def test_a_size_that_cannot_be_painted_names_the_next_that_can(size: ImageSize, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_sizes([ImageSize(64, 64), size])


def test_a_model_with_coarser_latents_has_coarser_sizes() -> None:
    check_sizes([ImageSize(128, 96)], pixels_per_latent=16)
    with pytest.raises(ValueError, match="multiples of 32"):
        check_sizes([ImageSize(128, 112)], pixels_per_latent=16)
    with pytest.raises(ValueError, match="at least one size"):
        check_sizes([])


@pytest.mark.parametrize("ends", [(0, 4), (4, 1), (1, 65)])
def test_a_batch_range_that_is_none_is_refused(ends: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="give two numbers from 1 to 64"):
        batch_range(*ends)


@given(count=st.integers(0, 40), batch=BATCHES)
def test_batches_hold_every_item_once_and_are_never_too_small_or_too_large(count: int, batch: AxisRange) -> None:
    batches = batch_layout(count, batch)
    assert sum(items for items, _ in batches) == count
    assert all(items >= 1 and items + padding in batch for items, padding in batches)
    assert all(padding == 0 for _, padding in batches[:-1])


def test_an_axis_without_a_range_is_an_error_of_ours() -> None:
    with pytest.raises(ValueError, match="'caption_tokens' has neither a range nor a fixed size"):
        input_shape_ranges(
            TRANSFORMER, {"batch": AxisRange(1, 1, 1), "image_tokens": AxisRange(32, 32, 32)}, AXIS_SIZES
        )
    with pytest.raises(ValueError, match="low <= optimal <= high"):
        AxisRange(2, 1, 4)

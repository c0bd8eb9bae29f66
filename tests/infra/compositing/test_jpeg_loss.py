"""The loss of a published JPEG is measured in the core alone, and bounded."""

import numpy as np
import pytest

from infra.compositing.composite import compose, white_ground
from infra.compositing.jpeg_loss import CoreLoss, LossLimits, bound_loss
from infra.compositing.placed_product import PlacedProduct
from infra.imaging.codecs import decode
from infra.imaging.finishing import finish
from infra.interfaces import FinishParameters, Pixels
from infra.interfaces.cutouts import AlphaMask
from tests.fixtures.product_images import product_image


def smooth_product() -> tuple[Pixels, AlphaMask]:
    """Return a shaded product with print, staged on white, and its alpha: noise would be a JPEG's worst case."""
    image = product_image(2, 256, noise=2)
    alpha = np.where((product_image(2, 256) < 240).any(axis=2), np.uint8(255), np.uint8(0))
    return compose(white_ground(256, 256), PlacedProduct(image, alpha)), alpha


def test_a_pixel_counts_by_the_channel_that_differs_most() -> None:
    staged = np.full((10, 10, 3), 100, np.uint8)
    alpha = np.full((10, 10), 255, np.uint8)
    published = staged.copy()
    published[0, 0] = (103, 90, 100)
    published[0, 1] = (100, 101, 100)
    assert bound_loss(staged, alpha, published) == CoreLoss(mean=11 / 100, p99=1, maximum=10)


@pytest.mark.parametrize(("changed", "p99"), [(0, 0), (1, 0), (2, 9), (50, 9), (100, 9)])
def test_the_99th_percentile_is_what_99_of_100_pixels_do_not_exceed(changed: int, p99: int) -> None:
    staged = np.full((10, 10, 3), 100, np.uint8)
    published = staged.copy()
    published.reshape(100, 3)[:changed] += 9
    assert bound_loss(staged, np.full((10, 10), 255, np.uint8), published).p99 == p99


def test_only_the_core_counts() -> None:
    staged, alpha = smooth_product()
    published = staged.copy()
    published[alpha < 255] = 0
    assert bound_loss(staged, alpha, published) == CoreLoss(0.0, 0, 0)
    assert bound_loss(staged, np.zeros_like(alpha), published) == CoreLoss(0.0, 0, 0)


def test_a_jpeg_of_quality_90_is_within_the_limits_and_one_of_30_exceeds_them() -> None:
    staged, alpha = smooth_product()
    good, bad = (
        bound_loss(staged, alpha, decode(finish(staged, FinishParameters(quality=quality)))) for quality in (90, 30)
    )
    assert LossLimits().reasons(good) == []
    assert 0 < good.mean < bad.mean
    assert "core.loss-p99" in LossLimits().reasons(bad)


def test_each_limit_has_its_reason_and_is_kept_by_equality() -> None:
    assert LossLimits().reasons(CoreLoss(5.0, 12, 200)) == []
    assert LossLimits().reasons(CoreLoss(5.01, 12, 200)) == ["core.loss-mean"]
    assert LossLimits().reasons(CoreLoss(5.0, 13, 200)) == ["core.loss-p99"]
    assert LossLimits(mean=1, p99=2).reasons(CoreLoss(2.0, 3, 3)) == ["core.loss-mean", "core.loss-p99"]


def test_another_products_jpeg_exceeds_both_limits() -> None:
    staged, alpha = smooth_product()
    other = decode(finish(product_image(3, 256), FinishParameters()))
    assert LossLimits().reasons(bound_loss(staged, alpha, other)) == ["core.loss-mean", "core.loss-p99"]


@pytest.mark.parametrize("canvas", ["square", "portrait"])
def test_the_canvas_of_a_finish_is_looked_through(canvas: str) -> None:
    staged, alpha = smooth_product()
    staged, alpha = staged[3:, :201], alpha[3:, :201]
    plain = bound_loss(staged, alpha, staged)
    padded = decode(finish(staged, FinishParameters(canvas=canvas, quality=100)))  # type: ignore[arg-type]
    assert padded.shape != staged.shape
    assert plain == CoreLoss(0.0, 0, 0)
    assert bound_loss(staged, alpha, padded).p99 <= 4
    assert bound_loss(staged, alpha, np.roll(padded, 1, axis=1)).p99 > 12


def test_a_smaller_file_and_another_alpha_are_refused() -> None:
    staged, alpha = smooth_product()
    for published, mask in ((staged[1:], alpha), (staged[:, 1:], alpha), (staged, alpha[1:])):
        with pytest.raises(ValueError, match="do not fit"):
            bound_loss(staged, mask, published)

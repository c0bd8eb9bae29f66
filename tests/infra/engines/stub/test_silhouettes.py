"""Every outline fills its frame as marketplaces ask, in frames of any form."""

import numpy as np
import pytest

from infra.engines.stub.silhouettes import PRODUCTS, draw_silhouette


@pytest.mark.parametrize("size", [(256, 256), (1024, 1024), (320, 256), (256, 400)])
@pytest.mark.parametrize("product", sorted(PRODUCTS))
def test_a_product_stands_inside_the_frame_and_fills_it(product: str, size: tuple[int, int]) -> None:
    width, height = size
    planes = draw_silhouette(product, width, height)
    assert planes.coverage.shape == planes.light.shape == planes.ground.shape == (height, width)
    rows, columns = np.nonzero(planes.coverage > 127)
    assert 0.75 <= max(np.ptp(rows), np.ptp(columns)) / min(size) <= 0.90
    assert abs((columns.min() + columns.max()) / 2 - width / 2) <= 0.03 * min(size)
    margin = round(0.04 * min(size))
    assert not planes.coverage[:margin].any()
    assert not planes.coverage[-margin:].any()
    assert not planes.coverage[:, :margin].any()
    assert not planes.coverage[:, -margin:].any()


@pytest.mark.parametrize("product", sorted(PRODUCTS))
def test_light_never_hides_the_print_and_edges_are_smooth(product: str) -> None:
    planes = draw_silhouette(product, 256, 256)
    lit = planes.light[planes.coverage == 255]
    assert lit.min() >= 60
    assert lit.max() >= 250
    assert np.count_nonzero((planes.coverage > 0) & (planes.coverage < 255)) > 200


def test_the_ground_has_a_shadow_and_is_white_at_the_frames_edge() -> None:
    ground = draw_silhouette("ball", 256, 256).ground
    assert ground.min() < 200
    for edge in (ground[0], ground[-1], ground[:, 0], ground[:, -1]):
        assert edge.min() >= 250

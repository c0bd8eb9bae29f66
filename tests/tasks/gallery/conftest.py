"""A shop for the gallery's tests."""

from pathlib import Path

import pytest

from tests.fixtures.gallery_shop import GalleryShop


@pytest.fixture
def shop(tmp_path: Path) -> GalleryShop:
    return GalleryShop(tmp_path / "store")
